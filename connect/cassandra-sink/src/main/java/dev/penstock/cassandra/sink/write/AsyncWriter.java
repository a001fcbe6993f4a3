package dev.penstock.cassandra.sink.write;

import com.datastax.oss.driver.api.core.cql.Statement;
import com.datastax.oss.driver.api.core.servererrors.QueryValidationException;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;

/**
 * Writes rows asynchronously and does not give up: a request that fails for a passing reason is sent again, each on its
 * own clock, so that one slow partition holds up nothing else. A row that the server refuses is kept for the task.
 *
 * <p>Order does not matter here: every write carries its version.
 */
public final class AsyncWriter implements AutoCloseable {

    private static final int WHOLE_ATTEMPTS = 2;
    private static final long MAX_BACKLOG_BYTES = 32L << 20;
    private static final Duration FLUSH_WAIT = Duration.ofSeconds(2);
    private static final Duration LONG_FLUSH = Duration.ofMillis(500);
    private static final Duration FLUSH_QUIET = Duration.ofMillis(100);

    private final Function<Statement<?>, CompletionStage<?>> session;
    private final Batcher batcher;
    private final Backlog backlog;
    private final TroubleLog trouble;
    private final Meter meter;
    private final Patience patience;
    private final Suspects suspects = new Suspects();
    private final AtomicInteger retrying = new AtomicInteger();
    private final Queue<Rejected> rejected = new ConcurrentLinkedQueue<>();
    private final Queue<Rejected> refused = new ConcurrentLinkedQueue<>();
    private final ScheduledThreadPoolExecutor clock;
    private volatile Throwable forbidden;
    private volatile boolean closed;
    private boolean flushesAll = true;

    /**
     * A row that the server refused.
     *
     * @param write the row
     * @param reason what the server or the driver said
     */
    public record Rejected(Write write, Throwable reason) {

        /** The same row for a second time, if the first answer may come from a node that did not know the table yet. */
        public Optional<Write> onceMore() {
            return reason instanceof QueryValidationException && !write.repeated()
                    ? Optional.of(write.again())
                    : Optional.empty();
        }
    }

    /**
     * Make a writer.
     *
     * @param session sends a statement; completes when it is acknowledged
     * @param maxInFlight requests in flight at most
     * @param trouble is told when writes wait, and when no longer
     * @param meter counts
     * @param patience how long failures are borne
     */
    public AsyncWriter(
            Function<Statement<?>, CompletionStage<?>> session,
            Batcher batcher,
            int maxInFlight,
            TroubleLog trouble,
            Meter meter,
            Patience patience) {
        this.session = session;
        this.batcher = batcher;
        this.trouble = trouble;
        this.meter = meter;
        this.patience = patience;
        // Twice of what can be in flight: the next requests are ready when answers come.
        this.backlog = new Backlog(maxInFlight, 2L * maxInFlight * batcher.maxWrites(), MAX_BACKLOG_BYTES);
        this.clock = new ScheduledThreadPoolExecutor(
                1,
                task -> {
                    Thread thread = new Thread(task, "cassandra-sink-retries");
                    thread.setDaemon(true);
                    return thread;
                },
                new ThreadPoolExecutor.DiscardPolicy());
    }

    /** Send writes as soon as the bound on requests in flight allows it. Returns at once. */
    public void submit(List<Write> writes) {
        backlog.add(batcher.requests(writes));
        sendWaiting();
    }

    /** Wait until the backlog has room for more; false when the time is up. */
    public boolean awaitRoom(Duration limit) {
        return backlog.awaitRoom(limit);
    }

    /** Wait until everything is acknowledged or rejected; false when the time is up. */
    public boolean awaitIdle(Duration limit) {
        return backlog.awaitEmpty(limit, limit);
    }

    /**
     * Wait for what is in flight, for 2 s at most. Rows that were waited for in vain, or for long, hold up the others
     * no more: the next flush ends once no row is written for a moment. Called by one thread.
     */
    public void flush() {
        long start = System.nanoTime();
        boolean empty = backlog.awaitEmpty(FLUSH_WAIT, flushesAll ? FLUSH_WAIT : FLUSH_QUIET);
        flushesAll = empty && System.nanoTime() - start < LONG_FLUSH.toNanos();
    }

    /** Rows that are neither acknowledged nor rejected. */
    public long pending() {
        return backlog.size();
    }

    /** Requests in flight. */
    public int inFlight() {
        return backlog.inFlight();
    }

    /** Tell whether rows wait for another try. */
    public boolean isRetrying() {
        return retrying.get() > 0;
    }

    /** How many rejected rows there are. */
    public int rejected() {
        return rejected.size();
    }

    /** The next rejected row; null when there is none. */
    public Rejected nextRejected() {
        return rejected.poll();
    }

    /** The same, and it stays there. */
    public Rejected firstRejected() {
        return rejected.peek();
    }

    /** The next row of a table that takes none, as the user may not write it or a rule forbids it; null without any. */
    public Rejected nextRefused() {
        return refused.poll();
    }

    /** Tell whether there is one. */
    public boolean hasRefused() {
        return !refused.isEmpty();
    }

    /** Why no row at all can be written, if so. */
    public Optional<Throwable> forbidden() {
        return Optional.ofNullable(forbidden);
    }

    /** Stop sending. What is not acknowledged is the next task's. */
    @Override
    public void close() {
        closed = true;
        clock.shutdownNow();
    }

    private void sendWaiting() {
        if (!backlog.startSending()) {
            return;
        }
        for (Request request = backlog.next(); request != null; request = backlog.next()) {
            try {
                sendLive(request);
            } catch (RuntimeException | Error e) { // Nobody would send any more if this left the loop.
                forbidden = e;
            }
        }
    }

    private void sendLive(Request request) {
        Request live = request.withoutAbandoned();
        int dropped = request.writes().size() - live.writes().size();
        if (dropped > 0) {
            finish(new Request(
                    request.writes().stream()
                            .filter(write -> !live.writes().contains(write))
                            .toList(),
                    request.attempt()));
        }
        if (live.writes().isEmpty() || closed) {
            backlog.answered(request);
        } else {
            long start = System.nanoTime();
            send(session, live).whenComplete((rows, error) -> answer(live, error, System.nanoTime() - start));
        }
    }

    /** Send a request; whatever fails is in the answer. */
    static CompletionStage<?> send(Function<Statement<?>, CompletionStage<?>> session, Request request) {
        try {
            return session.apply(request.statement());
        } catch (RuntimeException | Error e) { // The driver throws some errors instead of handing them over.
            return CompletableFuture.failedFuture(e);
        }
    }

    private void answer(Request request, Throwable error, long nanos) {
        try {
            settle(request, error, nanos);
        } catch (RuntimeException | Error e) { // Nobody looks at what leaves a thread of the driver's.
            forbidden = e;
        }
        sendWaiting();
    }

    private void settle(Request request, Throwable error, long nanos) {
        backlog.answered(request);
        meter.answered(request.writes().size(), nanos);
        if (error == null) {
            int deletes = request.deletes();
            meter.acknowledged(request.writes().size() - deletes, deletes);
            request.writes().forEach(write -> write.delivery().acknowledge());
            suspects.written(request.writes());
            finish(request);
        } else if (!closed) {
            recover(request, error);
        }
    }

    private void finish(Request request) {
        backlog.finish(request);
        suspects.forget(request.writes());
        if (request.attempt() > 0 && retrying.addAndGet(-request.writes().size()) == 0) {
            trouble.over();
        }
    }

    private void recover(Request request, Throwable error) {
        switch (Failure.of(error)) {
            case AWAY -> later(request, List.of(request.again()), error);
            case OVERLOADED -> later(request, lighter(request), error);
            case FAILED -> suspect(request, error);
            case REFUSED -> refused(request, error, patience.refusals());
            case RULED_OUT -> ruledOut(request, error);
            case FORBIDDEN -> forbidden = error;
            default -> isolate(request, error);
        }
    }

    private void suspect(Request request, Throwable error) {
        if (request.writes().size() == 1 && suspects.isAtFault(request.writes().get(0))) {
            isolate(request, error);
        } else {
            later(request, lighter(request), error);
        }
    }

    private void ruledOut(Request request, Throwable error) {
        if (request.writes().size() == 1 && suspects.isAtFault(request.writes().get(0))) {
            isolate(request, error);
        } else {
            refused(request, error, patience.rules());
        }
    }

    /** The other tables of a batch may be written: at the end each row is sent by itself. */
    private void refused(Request request, Throwable error, Duration limit) {
        Write first = request.writes().get(0);
        if (suspects.refusedFor(first).compareTo(limit) < 0) {
            later(request, lighter(request), error);
        } else {
            takeApart(request, error, refused);
        }
    }

    private static List<Request> lighter(Request request) {
        boolean split = request.attempt() >= WHOLE_ATTEMPTS && request.writes().size() > 1;
        return split ? request.halves() : List.of(request.again());
    }

    private void later(Request failed, List<Request> next, Throwable error) {
        if (failed.attempt() == 0) {
            retrying.addAndGet(failed.writes().size());
        }
        trouble.failed(rowsWait(), error);
        for (Request request : next) {
            meter.retried();
            clock.schedule(
                    () -> sendAgain(request),
                    patience.backoff().after(failed.attempt()).toMillis(),
                    TimeUnit.MILLISECONDS);
        }
    }

    /** What waits, for people. */
    public String rowsWait() {
        return backlog.size() + " rows wait for Cassandra";
    }

    private void sendAgain(Request request) {
        backlog.addAgain(request);
        sendWaiting();
    }

    /** One bad row fails its whole batch: send each by itself, then the bad one is known. */
    private void isolate(Request request, Throwable error) {
        takeApart(request, error, rejected);
    }

    private void takeApart(Request request, Throwable error, Queue<Rejected> bad) {
        if (request.writes().size() > 1) {
            meter.takenApart();
            request.writes().forEach(write -> backlog.addAgain(new Request(List.of(write), request.attempt())));
        } else {
            bad.add(new Rejected(request.writes().get(0), error));
            finish(request);
        }
    }
}
