package dev.penstock.cassandra.sink.write;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeSet;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.Test;

class OffsetTrackerTest {

    private static final TopicPartition P0 = new TopicPartition("t", 0);
    private static final TopicPartition P1 = new TopicPartition("t", 1);

    private final OffsetTracker tracker = new OffsetTracker();

    private long committable(TopicPartition partition, long position) {
        return tracker.committable(Map.of(partition, new OffsetAndMetadata(position)))
                .get(partition)
                .offset();
    }

    @Test
    void commitsThePositionWhenNothingIsOutstanding() {
        assertEquals(42, committable(P0, 42));
        tracker.track(P0, 40).acknowledge();
        assertEquals(42, committable(P0, 42));
    }

    @Test
    void leavesNoGap() {
        Delivery first = tracker.track(P0, 10);
        Delivery second = tracker.track(P0, 11);
        Delivery third = tracker.track(P0, 15);
        second.acknowledge();
        assertEquals(10, committable(P0, 16));
        first.acknowledge();
        assertEquals(15, committable(P0, 16));
        third.acknowledge();
        assertEquals(16, committable(P0, 16));
    }

    /** The consumer's position is past what was given up, until it is set back. */
    @Test
    void commitsNothingGivenUpBeforeItComesAgain() {
        tracker.track(P0, 5).acknowledge();
        Delivery second = tracker.track(P0, 6);
        tracker.track(P0, 7).acknowledge();
        tracker.goBack(P0);
        assertTrue(second.isAbandoned());
        second.acknowledge();
        assertEquals(6, committable(P0, 8));
        assertEquals(6, tracker.next(P0));
        tracker.track(P0, 6).acknowledge();
        assertEquals(7, committable(P0, 7));
    }

    @Test
    void keepsPartitionsApart() {
        tracker.track(P0, 5);
        tracker.track(P1, 7).acknowledge();
        assertEquals(5, committable(P0, 6));
        assertEquals(8, committable(P1, 8));
    }

    @Test
    void waitsForEveryWriteOfARecord() {
        Delivery delivery = tracker.track(P0, 5);
        delivery.expect(2);
        delivery.acknowledge();
        assertEquals(5, committable(P0, 6));
        delivery.acknowledge();
        assertEquals(6, committable(P0, 6));
    }

    @Test
    void hasNoRoomForEverBehindOneThatIsNotAcknowledged() {
        Delivery stuck = tracker.track(P0, 0);
        for (int offset = 1; offset < OffsetTracker.MAX_TRACKED; offset++) {
            assertTrue(tracker.hasRoom(0));
            tracker.track(P0, offset).acknowledge();
        }
        assertFalse(tracker.hasRoom(0));
        stuck.acknowledge();
        assertTrue(tracker.hasRoom(0));
    }

    @Test
    void abandonsClosedPartitions() {
        Delivery gone = tracker.track(P0, 5);
        Delivery here = tracker.track(P1, 5);
        tracker.close(List.of(P0));
        assertTrue(gone.isAbandoned());
        assertFalse(here.isAbandoned());
        Delivery again = tracker.track(P0, 3);
        gone.acknowledge();
        assertEquals(3, committable(P0, 6));
        again.acknowledge();
        assertEquals(6, committable(P0, 6));
    }

    /** Against an oracle that just keeps the set of what is outstanding. */
    @Test
    void agreesWithASetUnderRandomOrder() {
        for (int seed = 0; seed < 200; seed++) {
            Random random = new Random(seed);
            TopicPartition partition = new TopicPartition("seed", seed);
            TreeSet<Long> oracle = new TreeSet<>();
            List<Delivery> open = new ArrayList<>();
            long offset = random.nextInt(100);
            for (int step = 0; step < 100; step++) {
                if (open.isEmpty() || random.nextBoolean()) {
                    offset += 1 + random.nextInt(3);
                    open.add(tracker.track(partition, offset));
                    oracle.add(offset);
                } else {
                    Collections.swap(open, open.size() - 1, random.nextInt(open.size()));
                    Delivery done = open.remove(open.size() - 1);
                    done.acknowledge();
                    oracle.remove(done.offset());
                }
                long expected = oracle.isEmpty() ? offset + 1 : oracle.first();
                assertEquals(expected, committable(partition, offset + 1), "seed " + seed + ", step " + step);
            }
        }
    }
}
