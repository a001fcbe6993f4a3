package dev.penstock.cassandra.sink.write;

import java.time.Duration;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/**
 * Rows whose fault a failure may be, though it may pass too. Any thread may call it.
 *
 * <p>A server that can never write a row (a mutation larger than its commit log takes) answers as one with a broken
 * disk does. They differ in what becomes of the neighbours: rows of the same table on the same replicas.
 */
final class Suspects {

    /** With waits of up to 5 s between them these tries take half a minute. */
    static final int MAX_TRIES = 10;

    private final Map<Write, Suspect> rows = new IdentityHashMap<>();
    private volatile boolean empty = true;

    private static final class Suspect {
        private final long since = System.nanoTime();
        private int tries;
        private boolean neighbourWritten;
    }

    /** Note that the server failed at a row; true when that is the row's own fault. */
    synchronized boolean isAtFault(Write write) {
        Suspect suspect = suspect(write);
        if (suspect.neighbourWritten) {
            suspect.neighbourWritten = false;
            suspect.tries++;
        }
        return suspect.tries >= MAX_TRIES;
    }

    /** Note that the server refused a row; how long it has done so. */
    synchronized Duration refusedFor(Write write) {
        long since = suspect(write).since;
        return Duration.ofNanos(System.nanoTime() - since);
    }

    private Suspect suspect(Write write) {
        empty = false;
        return rows.computeIfAbsent(write, unknown -> new Suspect());
    }

    /** Rows are written. */
    void written(List<Write> writes) {
        if (!empty) {
            writes.forEach(this::neighbour);
        }
    }

    private synchronized void neighbour(Write written) {
        rows.forEach(
                (write, suspect) -> suspect.neighbourWritten |= write.table().equals(written.table())
                        && write.group().replicas().equals(written.group().replicas()));
    }

    /** Rows are finished, whatever became of them. */
    void forget(List<Write> writes) {
        if (!empty) {
            remove(writes);
        }
    }

    private synchronized void remove(List<Write> writes) {
        writes.forEach(rows::remove);
        empty = rows.isEmpty();
    }
}
