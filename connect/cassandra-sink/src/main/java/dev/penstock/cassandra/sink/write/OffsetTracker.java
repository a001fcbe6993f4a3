package dev.penstock.cassandra.sink.write;

import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.HashMap;
import java.util.Map;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;

/**
 * Knows up to which offset of each partition everything is acknowledged. Used by the task's thread; only
 * {@link Delivery#acknowledge} is called by others.
 */
public final class OffsetTracker {

    /** Some 25 MB: one row that is not acknowledged for hours must not fill the memory with what came after it. */
    static final int MAX_TRACKED = 500_000;

    private final Map<TopicPartition, Deque<Delivery>> outstanding = new HashMap<>();
    /** The next offset of partitions that are to be delivered again, until that begins. */
    private final Map<TopicPartition, Long> goingBack = new HashMap<>();

    /** Take note of a record, in the order of delivery. */
    public Delivery track(TopicPartition partition, long offset) {
        goingBack.remove(partition);
        Delivery delivery = new Delivery(offset);
        withoutDone(outstanding.computeIfAbsent(partition, key -> new ArrayDeque<>()))
                .addLast(delivery);
        return delivery;
    }

    /**
     * The offsets that may be committed: the first outstanding one or, when nothing is outstanding, the consumer's
     * position, which is also past records that were filtered out before they came here.
     *
     * @param positions the consumer's positions, none beyond what was delivered
     */
    public Map<TopicPartition, OffsetAndMetadata> committable(Map<TopicPartition, OffsetAndMetadata> positions) {
        Map<TopicPartition, OffsetAndMetadata> offsets = new HashMap<>();
        positions.forEach((partition, position) -> offsets.put(partition, committable(partition, position)));
        return offsets;
    }

    /**
     * Tell whether more records may be sent, though the oldest is not acknowledged.
     *
     * @param unsent how many of those tracked are not sent yet
     */
    public boolean hasRoom(int unsent) {
        int tracked = outstanding.values().stream()
                .mapToInt(deliveries -> withoutDone(deliveries).size())
                .sum();
        return tracked - unsent < MAX_TRACKED;
    }

    private OffsetAndMetadata committable(TopicPartition partition, OffsetAndMetadata position) {
        Long next = next(partition);
        return next == null || next >= position.offset() ? position : new OffsetAndMetadata(next);
    }

    /** The offset of the first record that is not done; null when there is none. */
    public Long next(TopicPartition partition) {
        Delivery first = withoutDone(outstanding.getOrDefault(partition, new ArrayDeque<>()))
                .peekFirst();
        return first == null ? goingBack.get(partition) : Long.valueOf(first.offset());
    }

    /** Abandon what is outstanding in a partition, and let nothing of it be committed before it is delivered again. */
    public void goBack(TopicPartition partition) {
        goingBack.put(partition, next(partition));
        abandon(partition);
    }

    private void abandon(TopicPartition partition) {
        Deque<Delivery> left = outstanding.remove(partition);
        if (left != null) {
            left.forEach(Delivery::abandon);
        }
    }

    private static Deque<Delivery> withoutDone(Deque<Delivery> deliveries) {
        while (!deliveries.isEmpty() && deliveries.peekFirst().isDone()) {
            deliveries.removeFirst();
        }
        return deliveries;
    }

    /** Forget partitions that belong to another task now, and abandon what is outstanding in them. */
    public void close(Collection<TopicPartition> partitions) {
        for (TopicPartition partition : partitions) {
            goingBack.remove(partition);
            abandon(partition);
        }
    }
}
