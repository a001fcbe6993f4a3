package dev.penstock.cassandra.sink.real;

import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.penstock.cassandra.sink.CassandraSinkTask;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.sink.SinkRecord;

/** Drives a task as Connect's worker does: brings records again while the task asks for it, then asks for offsets. */
public final class TaskRun implements AutoCloseable {

    private static final Duration LIMIT = Duration.ofMinutes(2);

    final CassandraSinkTask task;
    final FakeContext context;
    private final TopicPartition partition;
    private long position;

    TaskRun(Map<String, String> settings, String topic, boolean toleratesErrors) {
        this(new CassandraSinkTask(), settings, topic, toleratesErrors);
    }

    /** Start a task that is made already. */
    public TaskRun(CassandraSinkTask task, Map<String, String> settings, String topic, boolean toleratesErrors) {
        this.task = task;
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
    public void deliver(Collection<SinkRecord> records) {
        task.put(records);
        records.forEach(record -> position = Math.max(position, record.kafkaOffset() + 1));
    }

    /** Tell whether the task wants no more for now. */
    boolean isPaused() {
        return context.paused.contains(partition);
    }

    /** The reasons of its dead letters. */
    public List<String> letters() {
        return context.letters.stream()
                .map(letter -> letter.getValue().getMessage())
                .toList();
    }

    /** The offset that the task allows to be committed. */
    public long committable() {
        return committable(partition, position);
    }

    /** The offset that the task allows to be committed of another partition, whose consumer is at a position. */
    long committable(TopicPartition other, long at) {
        return task.preCommit(Map.of(other, new OffsetAndMetadata(at)))
                .get(other)
                .offset();
    }

    /** Let the task look after what it has to do until something is so. */
    public void until(BooleanSupplier isSo) {
        long deadline = System.nanoTime() + LIMIT.toNanos();
        while (!isSo.getAsBoolean()) {
            if (System.nanoTime() > deadline) {
                throw new AssertionError("the task does not come so far");
            }
            put(List.of());
            LockSupport.parkNanos(1_000_000);
        }
    }

    /** Wait until everything delivered may be committed. */
    public void awaitCommittable() {
        until(() -> committable() == position);
    }

    @Override
    public void close() {
        task.close(List.of(partition));
        task.stop();
    }
}
