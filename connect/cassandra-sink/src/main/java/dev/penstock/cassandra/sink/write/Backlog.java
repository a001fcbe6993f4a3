package dev.penstock.cassandra.sink.write;

import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Comparator;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.BooleanSupplier;

/**
 * The requests that are not finished: waiting, in flight, or put aside for another try. Bounds what is in flight and
 * lets the task's thread wait. Any thread may call it.
 *
 * <p>Each replica set has a lane of its own, the one with the least in flight goes first, and none may take the last
 * quarter of the places: replicas that are slow hold up no others.
 */
final class Backlog {

    private final int maxInFlight;
    private final long maxWrites;
    private final long maxBytes;
    private final Map<Object, Lane> lanes = new LinkedHashMap<>();
    private boolean severalLanes;
    private int inFlight;
    private long writes;
    private long bytes;
    private boolean sending;

    private static final class Lane {
        private final Deque<Request> waiting = new ArrayDeque<>();
        private int inFlight;
    }

    Backlog(int maxInFlight, long maxWrites, long maxBytes) {
        this.maxInFlight = maxInFlight;
        this.maxWrites = maxWrites;
        this.maxBytes = maxBytes;
    }

    /** Add new requests behind the others. */
    synchronized void add(Collection<Request> requests) {
        requests.forEach(request -> {
            lane(request).waiting.addLast(request);
            writes += request.writes().size();
            bytes += request.bytes();
        });
    }

    /** Put a known request, or a part of it, before the others: it is the oldest. */
    synchronized void addAgain(Request request) {
        lane(request).waiting.addFirst(request);
    }

    private Lane lane(Request request) {
        Lane lane = lanes.computeIfAbsent(request.replicas(), replicas -> new Lane());
        severalLanes |= lanes.size() > 1;
        return lane;
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
        Lane lane = inFlight >= maxInFlight ? null : nextLane();
        if (lane == null) {
            sending = false;
            return null;
        }
        inFlight++;
        lane.inFlight++;
        return lane.waiting.removeFirst();
    }

    private Lane nextLane() {
        int places = severalLanes ? maxInFlight - maxInFlight / 4 : maxInFlight;
        return lanes.values().stream()
                .filter(lane -> !lane.waiting.isEmpty() && lane.inFlight < places)
                .min(Comparator.comparingInt(lane -> lane.inFlight))
                .orElse(null);
    }

    /** A request is no longer in flight, whatever its answer was. */
    synchronized void answered(Request request) {
        inFlight--;
        Lane lane = lanes.get(request.replicas());
        lane.inFlight--;
        if (lane.inFlight == 0 && lane.waiting.isEmpty()) {
            lanes.remove(request.replicas());
        }
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

    /** Requests in flight. */
    synchronized int inFlight() {
        return inFlight;
    }

    /** Wait until more may be added; false when the time is up. */
    synchronized boolean awaitRoom(Duration limit) {
        return await(limit, () -> writes < maxWrites && bytes < maxBytes);
    }

    /**
     * Wait until everything is finished.
     *
     * @param limit how long at most
     * @param quiet how long at most while nothing is finished
     * @return false when the time is up
     */
    synchronized boolean awaitEmpty(Duration limit, Duration quiet) {
        long deadline = System.nanoTime() + limit.toNanos();
        long before = Long.MAX_VALUE;
        while (writes > 0 && writes < before && System.nanoTime() < deadline) {
            before = writes;
            long goal = before;
            await(min(quiet, Duration.ofNanos(deadline - System.nanoTime())), () -> writes < goal);
        }
        return writes == 0;
    }

    private static Duration min(Duration one, Duration other) {
        return one.compareTo(other) < 0 ? one : other;
    }

    private boolean await(Duration limit, BooleanSupplier condition) {
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
