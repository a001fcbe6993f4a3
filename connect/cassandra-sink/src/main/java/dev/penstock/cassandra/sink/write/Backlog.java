package dev.penstock.cassandra.sink.write;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;

/**
 * The requests that are not finished: waiting, in flight, or put aside for another try. Bounds what is in flight and
 * lets the task's thread wait. Any thread may call it.
 */
final class Backlog {

    private final int maxInFlight;
    private final long maxWrites;
    private final long maxBytes;
    private final Deque<Request> waiting = new ArrayDeque<>();
    private int inFlight;
    private long writes;
    private long bytes;
    private boolean sending;

    Backlog(int maxInFlight, long maxWrites, long maxBytes) {
        this.maxInFlight = maxInFlight;
        this.maxWrites = maxWrites;
        this.maxBytes = maxBytes;
    }

    /** Add new requests behind the others. */
    synchronized void add(Collection<Request> requests) {
        requests.forEach(request -> {
            waiting.addLast(request);
            writes += request.writes().size();
            bytes += request.bytes();
        });
    }

    /** Put a known request, or a part of it, before the others: it is the oldest. */
    synchronized void addAgain(Request request) {
        waiting.addFirst(request);
    }

    /**
     * Become the one thread that sends.
     *
     * @return false when another thread sends already (or this one, further up its stack); it will see what was added
     */
    synchronized boolean startSending() {
        boolean started = !sending;
        sending = true;
        return started;
    }

    /** The next request to send; null ends the sending. */
    synchronized Request next() {
        if (inFlight >= maxInFlight || waiting.isEmpty()) {
            sending = false;
            return null;
        }
        inFlight++;
        return waiting.removeFirst();
    }

    /** A request is no longer in flight, whatever its answer was. */
    synchronized void answered() {
        inFlight--;
    }

    /** Writes are finished for good. */
    synchronized void finish(Request request) {
        writes -= request.writes().size();
        bytes -= request.bytes();
        notifyAll();
    }

    /** Unfinished writes. */
    synchronized long size() {
        return writes;
    }

    /** Wait until more may be added; false when the time is up. */
    synchronized boolean awaitRoom(Duration limit) {
        return await(limit, () -> writes < maxWrites && bytes < maxBytes);
    }

    /** Wait until everything is finished; false when the time is up. */
    synchronized boolean awaitEmpty(Duration limit) {
        return await(limit, () -> writes == 0);
    }

    private boolean await(Duration limit, java.util.function.BooleanSupplier condition) {
        long deadline = System.nanoTime() + limit.toNanos();
        while (!condition.getAsBoolean()) {
            long left = (deadline - System.nanoTime()) / 1_000_000;
            if (left <= 0) {
                return false;
            }
            try {
                wait(left);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
                return false;
            }
        }
        return true;
    }
}
