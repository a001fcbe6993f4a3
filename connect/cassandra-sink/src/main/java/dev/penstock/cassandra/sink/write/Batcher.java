package dev.penstock.cassandra.sink.write;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Puts writes of the same replicas into requests of bounded size. It never waits for more: what is there goes.
 *
 * @param maxWrites rows in a request at most
 * @param maxBytes estimated bytes in a request at most; a single row may be larger
 */
public record Batcher(int maxWrites, int maxBytes) {

    /** Group writes into requests; within a group the order stays. */
    List<Request> requests(List<Write> writes) {
        Map<Write.Group, Open> open = new LinkedHashMap<>();
        List<Request> requests = new ArrayList<>();
        for (Write write : writes) {
            Open batch = open.computeIfAbsent(write.group(), group -> new Open());
            if (!batch.writes.isEmpty() && isFull(batch, write)) {
                requests.add(batch.take());
            }
            batch.add(write);
        }
        open.values().forEach(batch -> requests.add(batch.take()));
        return requests;
    }

    private boolean isFull(Open batch, Write next) {
        return batch.writes.size() >= maxWrites || batch.bytes + next.bytes() > maxBytes;
    }

    private static final class Open {
        private List<Write> writes = new ArrayList<>();
        private int bytes;

        void add(Write write) {
            writes.add(write);
            bytes += write.bytes();
        }

        Request take() {
            Request request = new Request(writes, 0);
            writes = new ArrayList<>();
            bytes = 0;
            return request;
        }
    }
}
