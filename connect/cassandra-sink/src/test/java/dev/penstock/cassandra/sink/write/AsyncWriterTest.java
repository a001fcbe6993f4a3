package dev.penstock.cassandra.sink.write;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.datastax.oss.driver.api.core.AllNodesFailedException;
import com.datastax.oss.driver.api.core.DriverTimeoutException;
import com.datastax.oss.driver.api.core.cql.BatchStatement;
import com.datastax.oss.driver.api.core.cql.SimpleStatement;
import com.datastax.oss.driver.api.core.cql.Statement;
import com.datastax.oss.driver.api.core.metadata.Node;
import com.datastax.oss.driver.api.core.servererrors.InvalidQueryException;
import com.datastax.oss.driver.api.core.servererrors.UnauthorizedException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.Function;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Errors on demand, which a real cluster gives only by chance; the real cluster has its own tests. */
class AsyncWriterTest {

    private static final Duration SOON = Duration.ofSeconds(20);
    private static final TopicPartition PARTITION = new TopicPartition("t", 0);
    private static final Node NO_NODE = null;

    private final OffsetTracker tracker = new OffsetTracker();
    private final Queue<List<String>> sent = new ConcurrentLinkedQueue<>();
    private AsyncWriter writer;

    private void start(Function<List<String>, CompletionStage<?>> server, int batch, int inFlight) {
        writer = new AsyncWriter(statement -> {
            List<String> rows = rows(statement);
            sent.add(rows);
            return server.apply(rows);
        }, new Batcher(batch, 1_000_000), inFlight);
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

    private static Throwable away() {
        return AllNodesFailedException.fromErrors(List.<Map.Entry<Node, Throwable>>of());
    }

    private long committable(long position) {
        return tracker.committable(Map.of(PARTITION, new OffsetAndMetadata(position))).get(PARTITION).offset();
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
        start(rows -> {
            CompletableFuture<Void> answer = new CompletableFuture<>();
            open.add(answer);
            return answer;
        }, 1, 2);
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

    @Test
    void sendsSmallerRequestsWhenTheServerCannotCope() {
        start(rows -> rows.size() > 2 ? failed(new DriverTimeoutException("too slow")) : done(), 8, 2);
        writer.submit(Writes.of(tracker, 8));
        assertTrue(writer.awaitIdle(SOON));
        assertEquals(8, committable(8));
        assertTrue(sent.stream().anyMatch(rows -> rows.size() == 2));
    }

    @Test
    void findsTheBadRowOfABatch() {
        start(rows -> rows.contains("3") ? failed(new InvalidQueryException(null, "bad row")) : done(), 8, 2);
        writer.submit(Writes.of(tracker, 8));
        assertTrue(writer.awaitIdle(SOON));
        AsyncWriter.Rejected rejected = writer.nextRejected();
        assertEquals(3, rejected.write().record().kafkaOffset());
        assertEquals("bad row", rejected.reason().getMessage());
        assertNull(writer.nextRejected());
        assertEquals(3, committable(8));
        rejected.write().delivery().acknowledge();
        assertEquals(8, committable(8));
    }

    @Test
    void takesAnErrorThatTheDriverThrowsForOneThatItHandsOver() {
        start(rows -> {
            throw new IllegalArgumentException("too long");
        }, 8, 2);
        writer.submit(Writes.of(tracker, 2_000));
        assertTrue(writer.awaitIdle(SOON));
        assertEquals("too long", writer.nextRejected().reason().getMessage());
    }

    @Test
    void saysWhenNothingMayBeWritten() {
        start(rows -> failed(new UnauthorizedException(NO_NODE, "no MODIFY permission")), 8, 2);
        writer.submit(Writes.of(tracker, 1));
        assertEquals("no MODIFY permission", writer.forbidden().orElseThrow().getMessage());
        assertEquals(0, committable(1));
    }

    @Test
    void dropsWhatBelongsToAnotherTask() {
        start(rows -> failed(away()), 8, 2);
        writer.submit(Writes.of(tracker, 8));
        assertFalse(writer.awaitIdle(Duration.ofMillis(20)));
        tracker.close(List.of(PARTITION));
        assertTrue(writer.awaitIdle(SOON));
    }
}
