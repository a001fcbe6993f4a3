package dev.penstock.cassandra.sink.write;

import java.util.concurrent.atomic.AtomicInteger;

/** One record on its way: done when all that became of it (writes, or a dead letter) is acknowledged. */
public final class Delivery {

    private final long offset;
    private final AtomicInteger open = new AtomicInteger(1);
    private volatile boolean abandoned;

    Delivery(long offset) {
        this.offset = offset;
    }

    /** The record's offset. */
    long offset() {
        return offset;
    }

    /** Say into how many writes the record was turned. Call before any of them is sent. */
    public void expect(int writes) {
        open.set(writes);
    }

    /** One of the writes is acknowledged. */
    public void acknowledge() {
        open.decrementAndGet();
    }

    /** Tell whether everything is acknowledged. */
    boolean isDone() {
        return open.get() <= 0;
    }

    /** The partition went to another task: whatever is still to do is that task's. */
    void abandon() {
        abandoned = true;
    }

    /** Tell whether nobody waits for this record here any more. */
    public boolean isAbandoned() {
        return abandoned;
    }
}
