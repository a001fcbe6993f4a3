package dev.penstock.cassandra.sink;

import dev.penstock.cassandra.sink.value.BadRecordException;
import dev.penstock.cassandra.sink.write.Delivery;
import java.util.ArrayDeque;
import java.util.Queue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.sink.ErrantRecordReporter;
import org.apache.kafka.connect.sink.SinkRecord;

/**
 * Puts bad records aside through Connect's reporter, and acknowledges them once the letter is written. Without a
 * reporter the task fails: nothing is dropped. Used by the task's thread, as the reporter is not for several.
 */
final class DeadLetters {

    private static final int MAX_PENDING = 1000;
    private static final int MAX_TRIES = 4;

    private final ErrantRecordReporter reporter;
    private final Runnable counter;
    private final Queue<Letter> pending = new ArrayDeque<>();

    private record Letter(Future<Void> written, Delivery delivery) {}

    /**
     * Make it.
     *
     * @param reporter null when the connector tolerates no error and has no dead-letter topic
     * @param counter is told of each letter
     */
    DeadLetters(ErrantRecordReporter reporter, Runnable counter) {
        this.reporter = reporter;
        this.counter = counter;
    }

    /**
     * Put a record aside.
     *
     * @throws ConnectException when the connector's settings tolerate no error
     */
    void report(SinkRecord record, BadRecordException reason, Delivery delivery) {
        if (reporter == null) {
            throw new ConnectException(
                    describe(record, reason) + ". To put such records aside and go on, set "
                            + "errors.tolerance=all and errors.deadletterqueue.topic.name",
                    reason);
        }
        pending.add(new Letter(send(record, reason), delivery));
        counter.run();
        settle(pending.size() > MAX_PENDING);
    }

    /**
     * Send a letter. The broker's answer takes a moment; what is done at once was never sent (too large a record, a
     * topic that forbids it), and Connect drops that failure where it has other reporters, such as the log. As a busy
     * machine may hold up this thread for just that moment, a letter is given up only when that happens each time.
     */
    private Future<Void> send(SinkRecord record, BadRecordException reason) {
        Future<Void> written = report(record, reason);
        for (int tries = 1; written.isDone() && tries < MAX_TRIES; tries++) {
            written = report(record, reason);
        }
        if (written.isDone()) {
            throw new ConnectException(describe(record, reason) + ". The dead-letter topic does not take it: see "
                    + "the worker's log, and for a large record raise producer.override.max.request.size");
        }
        return written;
    }

    private Future<Void> report(SinkRecord record, BadRecordException reason) {
        try {
            return reporter.report(record, reason);
        } catch (ConnectException e) { // errors.tolerance=none, with a dead-letter topic
            throw new ConnectException(describe(record, reason), e);
        }
    }

    /** Tell whether letters are on their way. */
    boolean isPending() {
        return !pending.isEmpty();
    }

    private static String describe(SinkRecord record, BadRecordException reason) {
        return "Cannot write the record at topic " + record.originalTopic() + ", partition "
                + record.originalKafkaPartition() + ", offset " + record.originalKafkaOffset() + ": "
                + reason.getMessage();
    }

    /**
     * Acknowledge what is written by now.
     *
     * @throws ConnectException when a letter could not be written
     */
    void settle() {
        settle(false);
    }

    private void settle(boolean waitForOldest) {
        boolean wait = waitForOldest;
        while (!pending.isEmpty() && (wait || pending.peek().written().isDone())) {
            await(pending.remove());
            wait = false;
        }
    }

    private static void await(Letter letter) {
        try {
            letter.written().get();
            letter.delivery().acknowledge();
        } catch (ExecutionException e) {
            throw new ConnectException(
                    "Cannot write a dead letter: " + e.getCause().getMessage(), e.getCause());
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ConnectException("Interrupted while a dead letter was written", e);
        }
    }
}
