package dev.penstock.cassandra.sink;

import dev.penstock.cassandra.sink.cluster.ClusterAwayException;
import dev.penstock.cassandra.sink.config.SinkConfig;
import dev.penstock.cassandra.sink.write.AsyncWriter;
import dev.penstock.cassandra.sink.write.Backoff;
import dev.penstock.cassandra.sink.write.Delivery;
import dev.penstock.cassandra.sink.write.OffsetTracker;
import dev.penstock.cassandra.sink.write.TroubleLog;
import dev.penstock.cassandra.sink.write.Write;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.errors.RetriableException;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTask;

/**
 * Writes records to Cassandra. {@link #put} sends and returns while writes are in flight; {@link #preCommit} names only
 * offsets whose writes are acknowledged. While Cassandra is away, Connect is asked to bring the same records again
 * later ({@link RetriableException}): the task stays RUNNING and memory stays bounded.
 */
public final class CassandraSinkTask extends SinkTask {

    /** Short enough that Connect, which waits for this thread, can stop the task gracefully within its 5 s. */
    private static final Duration ROOM_WAIT = Duration.ofSeconds(1);
    private static final Duration CLOSE_WAIT = Duration.ofSeconds(2);
    private static final Backoff CONNECT_BACKOFF = new Backoff(Duration.ofMillis(500), Duration.ofSeconds(5));

    private final OffsetTracker offsets = new OffsetTracker();
    private final TroubleLog trouble = new TroubleLog();
    private SinkConfig config;
    private DeadLetters deadLetters;
    private Target target;
    private int failedConnects;

    @Override
    public String version() {
        return Version.VERSION;
    }

    @Override
    public void start(Map<String, String> properties) {
        try {
            config = new SinkConfig(properties);
        } catch (ConfigException e) {
            throw new ConnectException(e.getMessage(), e);
        }
        deadLetters = new DeadLetters(context.errantRecordReporter());
        connect();
    }

    @Override
    public void put(Collection<SinkRecord> records) {
        if (target == null && !connect()) {
            comeAgain(records);
            return;
        }
        failWhenForbidden();
        reportRejected();
        deadLetters.settle();
        if (!records.isEmpty()) {
            awaitRoom();
            target.writer().submit(map(records));
        }
    }

    /** One attempt; false when the cluster is away. */
    private boolean connect() {
        try {
            target = Target.open(config);
            trouble.over();
        } catch (ClusterAwayException e) {
            failedConnects++;
            trouble.failed("No connection to Cassandra", e);
        }
        return target != null;
    }

    private void comeAgain(Collection<SinkRecord> records) {
        context.timeout(CONNECT_BACKOFF.after(failedConnects).toMillis());
        if (!records.isEmpty()) {
            throw new RetriableException("Cassandra at " + config.cluster().address() + " does not answer; "
                    + records.size() + " records wait");
        }
    }

    /** Nothing of this delivery is taken yet, so Connect can bring all of it again. */
    private void awaitRoom() {
        AsyncWriter writer = target.writer();
        if (!writer.awaitRoom(ROOM_WAIT)) {
            context.timeout(ROOM_WAIT.toMillis());
            throw new RetriableException("Cassandra is slow or away: " + writer.pending() + " rows wait for it");
        }
    }

    private List<Write> map(Collection<SinkRecord> records) {
        List<Write> writes = new ArrayList<>(records.size());
        for (SinkRecord record : records) {
            TopicPartition partition = new TopicPartition(record.originalTopic(), record.originalKafkaPartition());
            Delivery delivery = offsets.track(partition, record.originalKafkaOffset());
            try {
                writes.addAll(target.map(record, delivery));
            } catch (BadRecordException e) {
                deadLetters.report(record, e, delivery);
            }
        }
        return writes;
    }

    private void failWhenForbidden() {
        target.writer().forbidden().ifPresent(error -> {
            throw new ConnectException("Cassandra forbids the user to write: " + error.getMessage(), error);
        });
    }

    private void reportRejected() {
        AsyncWriter writer = target.writer();
        for (var rejected = writer.nextRejected(); rejected != null; rejected = writer.nextRejected()) {
            Write write = rejected.write();
            if (!target.isThere(write.table())) {
                throw new ConnectException("Table " + write.table().qualifiedName() + " does not exist any more");
            }
            if (!write.delivery().isAbandoned()) {
                deadLetters.report(write.record(), new BadRecordException(write.table().qualifiedName()
                        + ": Cassandra refuses the row: " + rejected.reason().getMessage(), rejected.reason()),
                        write.delivery());
            }
        }
    }

    @Override
    public Map<TopicPartition, OffsetAndMetadata> preCommit(Map<TopicPartition, OffsetAndMetadata> currentOffsets) {
        return offsets.committable(currentOffsets);
    }

    /** The partitions go elsewhere: what is not written within a moment is written there once more. */
    @Override
    public void close(Collection<TopicPartition> partitions) {
        if (target != null) {
            target.writer().awaitIdle(CLOSE_WAIT);
        }
        offsets.close(partitions);
    }

    @Override
    public void stop() {
        if (target != null) {
            target.close();
        }
    }
}
