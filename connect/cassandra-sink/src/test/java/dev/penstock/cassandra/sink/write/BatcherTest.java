package dev.penstock.cassandra.sink.write;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;

class BatcherTest {

    private final OffsetTracker tracker = new OffsetTracker();

    private static List<List<Long>> offsets(List<Request> requests) {
        return requests.stream()
                .map(request -> request.writes().stream()
                        .map(write -> write.record().kafkaOffset())
                        .toList())
                .toList();
    }

    @Test
    void boundsTheNumber() {
        assertEquals(
                List.of(List.of(0L, 1L), List.of(2L, 3L), List.of(4L)),
                offsets(new Batcher(2, 1000).requests(Writes.of(tracker, 5))));
    }

    @Test
    void boundsTheBytesButLetsALargeRowThrough() {
        List<Write> writes = List.of(
                Writes.of(tracker, 0, "a", 60),
                Writes.of(tracker, 1, "a", 40),
                Writes.of(tracker, 2, "a", 1),
                Writes.of(tracker, 3, "a", 500),
                Writes.of(tracker, 4, "a", 1));
        assertEquals(
                List.of(List.of(0L, 1L), List.of(2L), List.of(3L), List.of(4L)),
                offsets(new Batcher(9, 100).requests(writes)));
    }

    @Test
    void mixesNoReplicas() {
        List<Write> writes =
                List.of(Writes.of(tracker, 0, "a", 1), Writes.of(tracker, 1, "b", 1), Writes.of(tracker, 2, "a", 1));
        assertEquals(List.of(List.of(0L, 2L), List.of(1L)), offsets(new Batcher(9, 100).requests(writes)));
    }
}
