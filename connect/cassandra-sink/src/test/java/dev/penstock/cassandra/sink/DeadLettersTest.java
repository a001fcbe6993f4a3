package dev.penstock.cassandra.sink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.penstock.cassandra.sink.value.BadRecordException;
import dev.penstock.cassandra.sink.write.Delivery;
import dev.penstock.cassandra.sink.write.OffsetTracker;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.sink.SinkRecord;
import org.junit.jupiter.api.Test;

/** What counts as a letter that somebody has. */
class DeadLettersTest {

    private static final TopicPartition PARTITION = new TopicPartition("t", 0);
    private static final SinkRecord RECORD = new SinkRecord("t", 0, null, null, null, null, 0);

    private final OffsetTracker tracker = new OffsetTracker();
    private final Delivery delivery = tracker.track(PARTITION, 0);
    private final AtomicInteger counted = new AtomicInteger();
    private final Queue<Future<Void>> answers = new ArrayDeque<>();
    private final DeadLetters letters = new DeadLetters((record, error) -> answers.remove(), counted::incrementAndGet);

    private long committable() {
        return tracker.committable(Map.of(PARTITION, new OffsetAndMetadata(1)))
                .get(PARTITION)
                .offset();
    }

    private void report() {
        letters.report(RECORD, new BadRecordException("bad"), delivery);
    }

    @Test
    void aLetterCountsOnceTheBrokerHasIt() {
        CompletableFuture<Void> answer = new CompletableFuture<>();
        answers.add(answer);
        report();
        letters.settle();
        assertEquals(0, committable());
        answer.complete(null);
        letters.settle();
        assertEquals(1, committable());
        assertEquals(1, counted.get());
    }

    /** Connect answers so, at once, when the producer did not even send the letter and errors are logged too. */
    @Test
    void aLetterThatCannotBeSentFailsTheTask() {
        answers.addAll(Collections.nCopies(4, CompletableFuture.completedFuture(null)));
        String message = assertThrows(ConnectException.class, this::report).getMessage();
        assertTrue(message.contains("offset 0: bad. The dead-letter topic does not take it"), message);
        assertEquals(0, committable());
    }

    /** A thread that is held up sees a letter as done that the broker has got meanwhile. */
    @Test
    void aLetterThatWasDoneAtOnceIsSentAgain() {
        answers.addAll(Collections.nCopies(3, CompletableFuture.completedFuture(null)));
        answers.add(new CompletableFuture<>());
        report();
        assertTrue(letters.isPending());
    }

    @Test
    void aLetterThatTheBrokerRefusesFailsTheTask() {
        CompletableFuture<Void> answer = new CompletableFuture<>();
        answers.add(answer);
        report();
        answer.completeExceptionally(new IllegalStateException("not leader"));
        assertThrows(ConnectException.class, letters::settle);
        assertEquals(0, committable());
    }

    @Test
    void aReasonDoesNotGrowWithItsRecord() {
        BadRecordException reason =
                new BadRecordException("x".repeat(1_000_000), new IllegalStateException("y".repeat(1_000_000)));
        assertTrue(reason.getMessage().length() < 1_100);
        assertNull(reason.getCause());
    }
}
