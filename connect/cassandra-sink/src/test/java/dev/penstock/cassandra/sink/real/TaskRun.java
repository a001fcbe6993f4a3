package dev.penstock.cassandra.sink.real;

import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.penstock.cassandra.sink.CassandraSinkTask;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.sink.SinkRecord;

/** Drives a task as Connect's worker does: brings records again while the task asks for it, then asks for offsets. */
final class TaskRun implements AutoCloseable {

    private static final Duration LIMIT = Duration.ofMinutes(2);

    final CassandraSinkTask task = new CassandraSinkTask();
    final FakeContext context;
    private final TopicPartition partition;
    private long position;

    TaskRun(Map<String, String> settings, String topic, boolean toleratesErrors) {
        context = new FakeContext(toleratesErrors);
        partition = new TopicPartition(topic, 0);
        context.assignment.add(partition);
        task.initialize(context);
        task.start(settings);
        task.open(List.of(partition));
    }

    /** What a task says that cannot run with these settings; it may have to connect first. */
    static String failure(Map<String, String> settings, String topic) {
        return assertThrows(ConnectException.class, () -> {
                    try (TaskRun run = new TaskRun(settings, topic, false)) {
                        long deadline = System.nanoTime() + LIMIT.toNanos();
                        while (System.nanoTime() < deadline) {
                            run.task.put(List.of());
                        }
                    }
                })
                .getMessage();
    }

    /** Deliver records, and wait until the task has taken them, however long Cassandra is away. */
    TaskRun put(Collection<SinkRecord> records) {
        long deadline = System.nanoTime() + LIMIT.toNanos();
        deliver(records);
        while (isPaused()) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("the task takes no records");
            }
            LockSupport.parkNanos(Duration.ofMillis(context.askedWait).toNanos());
            task.put(List.of());
        }
        return this;
    }

    /** Deliver records once; the task may hold them and pause. */
    void deliver(Collection<SinkRecord> records) {
        task.put(records);
        records.forEach(record -> position = Math.max(position, record.kafkaOffset() + 1));
    }

    /** Tell whether the task wants no more for now. */
    boolean isPaused() {
        return !context.paused.isEmpty();
    }

    /** The offset that the task allows to be committed. */
    long committable() {
        return task.preCommit(Map.of(partition, new OffsetAndMetadata(position)))
                .get(partition)
                .offset();
    }

    /** Wait until everything delivered may be committed. */
    void awaitCommittable() {
        long deadline = System.nanoTime() + LIMIT.toNanos();
        while (committable() < position) {
            put(List.of());
            if (System.nanoTime() > deadline) {
                throw new AssertionError("only " + committable() + " of " + position + " is acknowledged");
            }
            LockSupport.parkNanos(1_000_000);
        }
    }

    @Override
    public void close() {
        task.close(List.of(partition));
        task.stop();
    }
}
