package dev.penstock.cassandra.sink.write;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.datastax.oss.driver.api.core.AllNodesFailedException;
import com.datastax.oss.driver.api.core.DriverTimeoutException;
import com.datastax.oss.driver.api.core.connection.ClosedConnectionException;
import com.datastax.oss.driver.api.core.cql.BatchStatement;
import com.datastax.oss.driver.api.core.cql.SimpleStatement;
import com.datastax.oss.driver.api.core.cql.Statement;
import com.datastax.oss.driver.api.core.metadata.Node;
import com.datastax.oss.driver.api.core.servererrors.InvalidQueryException;
import com.datastax.oss.driver.api.core.servererrors.OverloadedException;
import com.datastax.oss.driver.api.core.servererrors.ServerError;
import com.datastax.oss.driver.api.core.servererrors.UnauthorizedException;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import java.util.stream.LongStream;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Errors on demand, which a real cluster gives only by chance; the real cluster has its own tests. */
class AsyncWriterTest {

    private static final Duration SOON = Duration.ofSeconds(20);
    private static final TopicPartition PARTITION = new TopicPartition("t", 0);
    private static final Node NO_NODE = null;
    private static final Node SOME_NODE = (Node) Proxy.newProxyInstance(
            Node.class.getClassLoader(),
            new Class<?>[] {Node.class},
            (node, method, arguments) -> method.getName().equals("hashCode") ? 1 : null);

    private final OffsetTracker tracker = new OffsetTracker();
    private final Queue<List<String>> sent = new ConcurrentLinkedQueue<>();
    private final TroubleLog trouble = new TroubleLog();
    private final CountingMeter meter = new CountingMeter();
    private Patience patience = Patience.of(Duration.ofMinutes(1));
    private AsyncWriter writer;

    private static final class CountingMeter implements Meter {
        private final AtomicInteger answers = new AtomicInteger();
        private final AtomicInteger rows = new AtomicInteger();
        private final AtomicInteger retries = new AtomicInteger();
        private final AtomicInteger apart = new AtomicInteger();

        @Override
        public void answered(int rows, long nanos) {
            answers.incrementAndGet();
        }

        @Override
        public void acknowledged(int written, int deletes) {
            rows.addAndGet(written + deletes);
        }

        @Override
        public void retried() {
            retries.incrementAndGet();
        }

        @Override
        public void takenApart() {
            apart.incrementAndGet();
        }
    }

    private void start(Function<List<String>, CompletionStage<?>> server, int batch, int inFlight) {
        writer = new AsyncWriter(
                statement -> {
                    List<String> rows = rows(statement);
                    sent.add(rows);
                    return server.apply(rows);
                },
                new Batcher(batch, 1_000_000),
                inFlight,
                trouble,
                meter,
                patience);
    }

    private static List<String> rows(Statement<?> statement) {
        List<String> rows = new ArrayList<>();
        if (statement instanceof BatchStatement batch) {
            batch.forEach(row -> rows.add(((SimpleStatement) row).getQuery()));
        } else {
            rows.add(((SimpleStatement) statement).getQuery());
        }
        return rows;
    }

    private static CompletionStage<?> done() {
        return CompletableFuture.completedFuture(null);
    }

    private static CompletionStage<?> failed(Throwable error) {
        return CompletableFuture.failedFuture(error);
    }

    /** The driver asks one node after the other and then tells what each has answered. */
    private static Throwable away(Throwable... answers) {
        List<Map.Entry<Node, Throwable>> errors = new ArrayList<>();
        for (Throwable answer : answers) {
            errors.add(Map.entry(SOME_NODE, answer));
        }
        return AllNodesFailedException.fromErrors(errors);
    }

    private long committable(long position) {
        return tracker.committable(Map.of(PARTITION, new OffsetAndMetadata(position)))
                .get(PARTITION)
                .offset();
    }

    @AfterEach
    void close() {
        writer.close();
    }

    @Test
    void acknowledgesWhatIsWritten() {
        start(rows -> done(), 4, 2);
        writer.submit(Writes.of(tracker, 10_000));
        assertTrue(writer.awaitIdle(SOON));
        assertEquals(10_000, committable(10_000));
        assertEquals(2_500, sent.size());
    }

    @Test
    void neverHasMoreInFlightThanAllowedAndSaysWhenItIsFull() {
        Queue<CompletableFuture<Void>> open = new ConcurrentLinkedQueue<>();
        start(
                rows -> {
                    CompletableFuture<Void> answer = new CompletableFuture<>();
                    open.add(answer);
                    return answer;
                },
                1,
                2);
        writer.submit(Writes.of(tracker, 5));
        assertEquals(2, open.size());
        assertFalse(writer.awaitRoom(Duration.ofMillis(20)));
        open.remove().complete(null);
        assertEquals(2, open.size());
        open.remove().complete(null);
        assertTrue(writer.awaitRoom(Duration.ofMillis(20)));
        assertEquals(3, writer.pending());
    }

    @Test
    void triesAgainWhileTheClusterIsAway() {
        start(rows -> sent.size() <= 3 ? failed(away()) : done(), 10, 2);
        writer.submit(Writes.of(tracker, 3));
        assertEquals(0, committable(3));
        assertTrue(writer.awaitIdle(SOON));
        assertEquals(3, committable(3));
        assertEquals(List.of(List.of("0", "1", "2")), sent.stream().distinct().toList());
    }

    static List<Throwable> overloads() {
        return List.of(new DriverTimeoutException("too slow"), away(new OverloadedException(NO_NODE, "too many")));
    }

    @ParameterizedTest
    @MethodSource("overloads")
    void sendsSmallerRequestsWhenTheServerCannotCope(Throwable overload) {
        start(rows -> rows.size() > 2 ? failed(overload) : done(), 8, 2);
        writer.submit(Writes.of(tracker, 8));
        assertTrue(writer.awaitIdle(SOON));
        assertEquals(8, committable(8));
        assertTrue(sent.stream().anyMatch(rows -> rows.size() == 2));
    }

    private static Throwable guardrail(String name) {
        return new InvalidQueryException(null, "Guardrail " + name + " violated: no");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "bad row",
                "Guardrail column_value_size violated: Value of column 'a' has size 2MiB, this exceeds the failure"
            })
    void findsTheBadRowOfABatch(String reason) {
        start(rows -> rows.contains("3") ? failed(new InvalidQueryException(null, reason)) : done(), 8, 2);
        writer.submit(Writes.of(tracker, 8));
        assertTrue(writer.awaitIdle(SOON));
        AsyncWriter.Rejected rejected = writer.nextRejected();
        assertEquals(3, rejected.write().record().kafkaOffset());
        assertEquals(reason, rejected.reason().getMessage());
        assertEquals(1, meter.apart.get());
        assertNull(writer.nextRejected());
        assertEquals(3, committable(8));
        rejected.write().delivery().acknowledge();
        assertEquals(8, committable(8));
    }

    @Test
    void takesAnErrorThatTheDriverThrowsForOneThatItHandsOver() {
        start(
                rows -> {
                    throw new IllegalArgumentException("too long");
                },
                8,
                2);
        writer.submit(Writes.of(tracker, 2_000));
        assertTrue(writer.awaitIdle(SOON));
        assertEquals("too long", writer.nextRejected().reason().getMessage());
    }

    private static Throwable unauthorized() {
        return new UnauthorizedException(NO_NODE, "no MODIFY permission");
    }

    @Test
    void handsOverARowThatMayNotBeWritten() {
        patience = Patience.of(Duration.ZERO);
        start(rows -> failed(unauthorized()), 8, 2);
        writer.submit(Writes.of(tracker, 1));
        assertTrue(writer.hasRefused());
        assertEquals("no MODIFY permission", writer.nextRefused().reason().getMessage());
        assertEquals(0, writer.pending());
        assertEquals(0, committable(1));
    }

    /** A batch may hold rows of a table that the user may write. */
    @Test
    void aRefusedRowOfABatchDoesNotTakeTheOthersWithIt() {
        patience = patience(Duration.ofMillis(50));
        start(rows -> rows.contains("3") ? failed(unauthorized()) : done(), 8, 2);
        writer.submit(Writes.of(tracker, 8));
        assertTrue(writer.awaitIdle(SOON));
        assertEquals(3, writer.nextRefused().write().record().kafkaOffset());
        assertFalse(writer.hasRefused());
        assertEquals(7, meter.rows.get());
    }

    private static Patience patience(Duration limit) {
        return new Patience(new Backoff(Duration.ofMillis(1), Duration.ofMillis(2)), limit, limit);
    }

    /** A cluster that cannot read system_auth refuses everybody, until it can. */
    @Test
    void waitsForRightsThatCannotBeRead() {
        start(rows -> sent.size() <= 3 ? failed(unauthorized()) : done(), 8, 2);
        writer.submit(Writes.of(tracker, 3));
        assertTrue(trouble.isOn());
        assertTrue(writer.awaitIdle(SOON));
        assertTrue(writer.forbidden().isEmpty());
        assertEquals(3, committable(3));
    }

    /** The replicas' disks are too full, until somebody makes room: each row is good. */
    @Test
    void waitsForAsLongAsDisksAreTooFull() {
        patience = patience(Duration.ZERO);
        start(rows -> sent.size() <= 30 ? failed(guardrail("replica_disk_usage")) : done(), 8, 2);
        writer.submit(Writes.of(tracker, 3));
        assertTrue(trouble.isOn());
        assertTrue(writer.awaitIdle(SOON));
        assertTrue(writer.forbidden().isEmpty());
        assertEquals(3, committable(3));
    }

    /** A level or timestamps that the cluster does not allow: each row would become a dead letter. */
    @ParameterizedTest
    @ValueSource(strings = {"write_consistency_levels", "user_timestamps", "one_of_later_times"})
    void aRuleOfTheClusterThatForbidsEveryRowMakesNoDeadLetters(String rule) {
        patience = patience(Duration.ofMillis(50));
        start(rows -> failed(guardrail(rule)), 8, 2);
        writer.submit(Writes.of(tracker, 8));
        assertTrue(writer.awaitIdle(SOON));
        for (int row = 0; row < 8; row++) {
            assertEquals(
                    "Guardrail " + rule + " violated: no",
                    writer.nextRefused().reason().getMessage());
        }
        assertEquals(0, writer.rejected());
        assertEquals(0, committable(8));
    }

    /** The driver takes such an answer to the next node, until none is left. */
    private static Throwable serverError() {
        return away(
                new ServerError(NO_NODE, "Mutation of 17 MiB is too large for the maximum size of 16 MiB"),
                new ClosedConnectionException("another node was away"));
    }

    static List<Throwable> lastingFailures() {
        return List.of(serverError(), guardrail("maximum_timestamp"));
    }

    /**
     * Servers before 4.1 fail so at a row over their max_mutation_size, and any may have a fault of its own. A rule may
     * forbid the version of one row, too.
     */
    @ParameterizedTest
    @MethodSource("lastingFailures")
    void aRowThatTheServerNeverWritesIsRejectedWhileItsNeighboursAreWritten(Throwable failure) {
        patience = patience(Duration.ofMinutes(1));
        start(rows -> rows.contains("3") ? failed(failure) : done(), 8, 2);
        writer.submit(Writes.of(tracker, 8));
        long next = 8;
        long deadline = System.nanoTime() + SOON.toNanos();
        while (writer.rejected() == 0 && System.nanoTime() < deadline) {
            writer.submit(writer.pending() > 1 ? List.of() : List.of(Writes.of(tracker, next++, "a", 10)));
            writer.awaitIdle(Duration.ofMillis(1));
        }
        AsyncWriter.Rejected rejected = writer.nextRejected();
        assertEquals(3, rejected.write().record().kafkaOffset());
        assertTrue(sent.stream().filter(List.of("3")::equals).count() >= Suspects.MAX_TRIES, sent::toString);
        assertTrue(writer.awaitIdle(SOON));
    }

    /** Replicas that fail at everything (a full disk) are waited for, whatever others write. */
    @Test
    void rowsOfBrokenReplicasAreNotRejected() {
        patience = patience(Duration.ofMinutes(1));
        AtomicInteger failures = new AtomicInteger();
        start(
                rows -> rows.contains("0") && failures.getAndIncrement() < 5 * Suspects.MAX_TRIES
                        ? failed(serverError())
                        : done(),
                1,
                2);
        writer.submit(List.of(Writes.of(tracker, 0, "broken", 10)));
        long next = 1;
        while (!writer.awaitIdle(Duration.ofMillis(1))) {
            writer.submit(writer.pending() > 1 ? List.of() : List.of(Writes.of(tracker, next++, "a", 10)));
        }
        assertEquals(0, writer.rejected());
        assertEquals(next, committable(next));
    }

    /** Offsets are committed without the slowest, and as long as rows go on being written they are waited for. */
    @Test
    void aFlushDoesNotWaitForTheSlowest() {
        Queue<CompletableFuture<Void>> open = new ConcurrentLinkedQueue<>();
        start(
                rows -> {
                    CompletableFuture<Void> answer = new CompletableFuture<>();
                    open.add(answer);
                    return rows.contains("0") ? answer : answer.completeOnTimeout(null, 5, TimeUnit.MILLISECONDS);
                },
                1,
                2);
        writer.submit(Writes.of(tracker, 5));
        writer.flush();
        assertEquals(1, writer.pending());
        open.remove().complete(null);
        assertTrue(writer.awaitIdle(Duration.ZERO));
    }

    /** Connect may commit each second, and no record is taken meanwhile. */
    @Test
    void onlyTheFirstFlushWaitsForReplicasThatAlwaysTakeLong() {
        start(rows -> new CompletableFuture<>().completeOnTimeout(null, 1500, TimeUnit.MILLISECONDS), 1, 2);
        writer.submit(Writes.of(tracker, 1));
        writer.flush();
        assertEquals(0, writer.pending());
        writer.submit(Writes.of(tracker, 1));
        writer.flush();
        assertEquals(1, writer.pending());
    }

    @Test
    void anErrorOfTheProcessStopsTheTaskAndNotTheSending() {
        AtomicInteger calls = new AtomicInteger();
        start(
                rows -> {
                    if (calls.getAndIncrement() == 0) {
                        throw new OutOfMemoryError("Direct buffer memory");
                    }
                    return CompletableFuture.completedFuture(null);
                },
                1,
                1);
        writer.submit(Writes.of(tracker, 3));
        assertEquals("Direct buffer memory", writer.forbidden().orElseThrow().getMessage());
        assertEquals(0, writer.inFlight());
        assertEquals(3, calls.get());
        assertNull(writer.nextRejected());
    }

    @Test
    void dropsWhatBelongsToAnotherTask() {
        start(rows -> failed(away()), 8, 2);
        writer.submit(Writes.of(tracker, 8));
        assertFalse(writer.awaitIdle(Duration.ofMillis(20)));
        tracker.close(List.of(PARTITION));
        assertTrue(writer.awaitIdle(SOON));
    }

    /** Replicas that answer nothing get at most three quarters of the places, and nobody waits behind them. */
    @Test
    void slowReplicasHoldUpNoOthers() {
        start(rows -> Long.parseLong(rows.get(0)) < 100 ? new CompletableFuture<>() : done(), 1, 8);
        writer.submit(LongStream.range(0, 2)
                .mapToObj(offset -> Writes.of(tracker, 100 + offset, "quick", 1))
                .toList());
        writer.submit(LongStream.of(0, 100)
                .mapToObj(offset -> Writes.of(tracker, offset, offset == 0 ? "slow" : "quick", 1))
                .toList());
        writer.submit(LongStream.range(1, 100)
                .mapToObj(offset -> Writes.of(tracker, offset, "slow", 1))
                .toList());
        assertEquals(6, writer.inFlight());
        writer.submit(LongStream.range(200, 1_000)
                .mapToObj(offset -> Writes.of(tracker, offset, "quick", 1))
                .toList());
        assertEquals(803, meter.rows.get());
        assertEquals(100, writer.pending());
    }

    /** Rows that share a batch with one that times out for ever are written all the same. */
    @Test
    void oneSlowRowHoldsUpOnlyItself() {
        start(rows -> rows.contains("3") ? failed(new DriverTimeoutException("too slow")) : done(), 8, 2);
        writer.submit(Writes.of(tracker, 8));
        long deadline = System.nanoTime() + SOON.toNanos();
        while (writer.pending() > 1 && System.nanoTime() < deadline) {
            writer.awaitIdle(Duration.ofMillis(5));
        }
        assertEquals(1, writer.pending());
        assertEquals(7, meter.rows.get());
        assertTrue(trouble.isOn());
        writer.submit(LongStream.range(8, 2_000)
                .mapToObj(offset -> Writes.of(tracker, offset, "a", 10))
                .toList());
        assertEquals(1_999, meter.rows.get());
        assertEquals(3, committable(2_000));
    }

    @Test
    void saysThatItWaitsUntilItIsOver() {
        start(rows -> sent.size() <= 2 ? failed(away()) : done(), 8, 2);
        writer.submit(Writes.of(tracker, 3));
        assertTrue(trouble.isOn());
        assertTrue(writer.awaitIdle(SOON));
        assertEquals(2, meter.retries.get());
        assertEquals(3, meter.answers.get());
    }
}
