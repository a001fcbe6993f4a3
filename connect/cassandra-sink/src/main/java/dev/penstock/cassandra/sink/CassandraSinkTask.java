package dev.penstock.cassandra.sink;

import com.datastax.oss.driver.api.core.servererrors.UnauthorizedException;
import dev.penstock.cassandra.sink.cluster.ClusterAwayException;
import dev.penstock.cassandra.sink.config.SinkConfig;
import dev.penstock.cassandra.sink.metrics.SinkMetrics;
import dev.penstock.cassandra.sink.write.AsyncWriter;
import dev.penstock.cassandra.sink.write.Backoff;
import dev.penstock.cassandra.sink.write.Delivery;
import dev.penstock.cassandra.sink.write.OffsetTracker;
import dev.penstock.cassandra.sink.write.TroubleLog;
import dev.penstock.cassandra.sink.write.Write;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
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
 * later ({@link RetriableException}): the task stays RUNNING, its metrics say that it waits, memory stays bounded.
 */
public final class CassandraSinkTask extends SinkTask {

    /** The connector tells each task its number by this setting; Connect does not. */
    static final String NUMBER = "task.number";

    /** Short enough that Connect, which waits for this thread, can stop the task gracefully within its 5 s. */
    private static final Duration ROOM_WAIT = Duration.ofSeconds(1);
    private static final Duration FLUSH_WAIT = Duration.ofSeconds(2);
    /** How soon to look after writes in flight when no records come. */
    private static final Duration LOOK_AFTER = Duration.ofMillis(100);
    private static final Backoff CONNECT_BACKOFF = new Backoff(Duration.ofMillis(500), Duration.ofSeconds(5));

    private final OffsetTracker offsets = new OffsetTracker();
    private final TroubleLog trouble = new TroubleLog();
    private SinkConfig config;
    private SinkMetrics metrics;
    private DeadLetters deadLetters;
    private volatile Target target;
    private int failedConnects;

    @Override
    public String version() {
        return Version.VERSION;
    }

    @Override
    public void start(Map<String, String> properties) {
        Map<String, String> settings = new HashMap<>(properties);
        String number = settings.remove(NUMBER);
        try {
            config = new SinkConfig(settings);
        } catch (ConfigException e) {
            throw new ConnectException(e.getMessage(), e);
        }
        metrics = metrics(settings.getOrDefault("name", "cassandra-sink"), number == null ? "0" : number);
        deadLetters = new DeadLetters(context.errantRecordReporter(), metrics::deadLetter);
        connect();
    }

    private SinkMetrics metrics(String connector, String number) {
        SinkMetrics made = new SinkMetrics(connector, number);
        made.gauge("requests-in-flight", "Requests that Cassandra has not answered",
                () -> target == null ? 0 : target.writer().inFlight());
        made.gauge("rows-waiting", "Rows that are neither acknowledged nor refused",
                () -> target == null ? 0 : target.writer().pending());
        made.gauge("waiting-for-cassandra", "1 while Cassandra is away, overloaded or stuck, and writes wait for it",
                () -> trouble.isOn() ? 1 : 0);
        return made;
    }

    @Override
    public void put(Collection<SinkRecord> records) {
        if (target == null && !connect()) {
            comeAgain(CONNECT_BACKOFF.after(failedConnects), records);
            return;
        }
        failWhenForbidden();
        deadLetters.settle();
        try {
            target.tables().follow();
            recoverRejected();
            if (!records.isEmpty()) {
                awaitRoom();
                followRecords(records);
            }
            noteThatItGoesOn();
            target.writer().submit(map(records));
        } catch (ClusterAwayException e) { // Nothing of this delivery is taken yet.
            trouble.failed(target.writer().rowsWait(), e);
            comeAgain(ROOM_WAIT, records);
        }
        lookAfter();
    }

    /** One attempt; false when the cluster is away. */
    private boolean connect() {
        try {
            target = Target.open(config, trouble, metrics);
            trouble.over();
        } catch (ClusterAwayException e) {
            failedConnects++;
            trouble.failed("No connection to Cassandra", e);
        }
        return target != null;
    }

    private void comeAgain(Duration wait, Collection<SinkRecord> records) {
        context.timeout(wait.toMillis());
        if (!records.isEmpty()) {
            throw new RetriableException("Cassandra at " + config.cluster().address() + " does not answer; "
                    + records.size() + " records wait");
        }
    }

    /** Nothing of this delivery is taken yet, so Connect can bring all of it again. */
    private void awaitRoom() {
        AsyncWriter writer = target.writer();
        if (!offsets.hasRoom() || !writer.awaitRoom(ROOM_WAIT)) {
            trouble.waits(writer.rowsWait(), "no answer that makes room for more within "
                    + ROOM_WAIT.toSeconds() + " s");
            context.timeout(ROOM_WAIT.toMillis());
            throw new RetriableException("Cassandra is slow or away: " + writer.rowsWait());
        }
    }

    private void noteThatItGoesOn() {
        if (trouble.isOn() && !target.writer().isRetrying() && offsets.hasRoom()
                && target.writer().awaitRoom(Duration.ZERO)) {
            trouble.over();
        }
    }

    /** A field without a column may be one whose column was added just now: ask before judging it. */
    private void followRecords(Collection<SinkRecord> records) throws ClusterAwayException {
        if (!target.tables().fit(records)) {
            target.tables().refresh();
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
            String why = error instanceof UnauthorizedException ? "Cassandra forbids the user to write: "
                    : "The task cannot write any more: ";
            throw new ConnectException(why + error.getMessage(), error);
        });
    }

    /** A row is refused because it is bad, or because its table has changed: then it is made anew. */
    private void recoverRejected() throws ClusterAwayException {
        AsyncWriter writer = target.writer();
        if (!writer.hasRejected()) {
            return;
        }
        target.tables().refresh();
        List<Write> anew = new ArrayList<>();
        for (var rejected = writer.nextRejected(); rejected != null; rejected = writer.nextRejected()) {
            if (!rejected.write().delivery().isAbandoned()) {
                recover(rejected, anew);
            }
        }
        writer.submit(anew);
    }

    private void recover(AsyncWriter.Rejected rejected, List<Write> anew) {
        Write write = rejected.write();
        try {
            anew.add(target.anew(write).orElseThrow(() -> new BadRecordException(write.table().qualifiedName()
                    + ": Cassandra refuses the row: " + rejected.reason().getMessage(), rejected.reason())));
        } catch (BadRecordException e) {
            deadLetters.report(write.record(), e, write.delivery());
        }
    }

    /** Connect polls for as long as a minute: come back sooner while something may still go wrong. */
    private void lookAfter() {
        if (target.writer().pending() > 0 || target.writer().hasRejected() || deadLetters.isPending()) {
            context.timeout(LOOK_AFTER.toMillis());
        }
    }

    /** Connect asks for offsets before it closes partitions, so this is where a rebalance or a stop flushes. */
    @Override
    public Map<TopicPartition, OffsetAndMetadata> preCommit(Map<TopicPartition, OffsetAndMetadata> currentOffsets) {
        if (target != null && !trouble.isOn()) {
            target.writer().awaitIdle(FLUSH_WAIT);
        }
        // Connect has waited for the letters just now; those not acknowledged would be written once more.
        deadLetters.settle();
        return offsets.committable(currentOffsets);
    }

    /** The partitions go elsewhere: what is not written by now is written there once more. */
    @Override
    public void close(Collection<TopicPartition> partitions) {
        offsets.close(partitions);
    }

    @Override
    public void stop() {
        if (target != null) {
            target.close();
        }
        if (metrics != null) {
            metrics.close();
        }
    }
}
