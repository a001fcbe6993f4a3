package dev.penstock.cassandra.sink.real;

import dev.penstock.cassandra.sink.CassandraSinkTask;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.errors.RetriableException;
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
        task.initialize(context);
        task.start(settings);
        task.open(List.of(partition));
    }

    /** Deliver records, however long Cassandra is away. */
    TaskRun put(Collection<SinkRecord> records) {
        long deadline = System.nanoTime() + LIMIT.toNanos();
        while (true) {
            try {
                task.put(records);
                break;
            } catch (RetriableException e) {
                if (System.nanoTime() > deadline) {
                    throw e;
                }
                LockSupport.parkNanos(Duration.ofMillis(context.askedWait).toNanos());
            }
        }
        records.forEach(record -> position = Math.max(position, record.kafkaOffset() + 1));
        return this;
    }

    /** The offset that the task allows to be committed. */
    long committable() {
        return task.preCommit(Map.of(partition, new OffsetAndMetadata(position))).get(partition).offset();
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
