package dev.penstock.cassandra.sink;

import dev.penstock.cassandra.sink.write.OffsetTracker;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Predicate;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTaskContext;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Partitions that wait for a table which is gone, is another now, or takes no row, while all others go on. They are
 * paused, and begin again with the first record that was not written. Used by the task's thread.
 */
final class SetAside {

    private static final Logger LOG = LoggerFactory.getLogger(SetAside.class);

    private final SinkTaskContext context;
    private final OffsetTracker offsets;
    /** The topic that the awaited tables are configured for: after a transform not that of the partition. */
    private final Map<TopicPartition, String> topics = new LinkedHashMap<>();

    SetAside(SinkTaskContext context, OffsetTracker offsets) {
        this.context = context;
        this.offsets = offsets;
    }

    /** The partition that a record was read from, whatever a transform made of its topic. */
    static TopicPartition partition(SinkRecord record) {
        return new TopicPartition(record.originalTopic(), record.originalKafkaPartition());
    }

    boolean isEmpty() {
        return topics.isEmpty();
    }

    /** How many there are. */
    int size() {
        return topics.size();
    }

    /** The partitions of a task that do not wait. */
    TopicPartition[] others(Collection<TopicPartition> all) {
        return all.stream().filter(partition -> !topics.containsKey(partition)).toArray(TopicPartition[]::new);
    }

    /**
     * Let the partition of a record wait; what is outstanding of it is abandoned.
     *
     * @param topic whose tables it waits for
     */
    void add(SinkRecord record, String topic, String reason) {
        TopicPartition partition = partition(record);
        if (topics.putIfAbsent(partition, topic) == null) {
            offsets.goBack(partition);
            context.pause(partition);
            LOG.error("Partition {} waits for its table, others go on. {}", partition, reason);
        }
    }

    /** Let partitions go on whose tables are there. */
    void goOn(Predicate<String> lacks) {
        topics.entrySet().removeIf(entry -> {
            boolean over = !lacks.test(entry.getValue());
            if (over) {
                TopicPartition partition = entry.getKey();
                context.offset(partition, offsets.next(partition));
                context.resume(partition);
                LOG.info("Partition {} goes on: its table takes rows", partition);
            }
            return over;
        });
    }

    /** Forget partitions that belong to another task now. */
    void close(Collection<TopicPartition> partitions) {
        topics.keySet().removeAll(partitions);
    }
}
