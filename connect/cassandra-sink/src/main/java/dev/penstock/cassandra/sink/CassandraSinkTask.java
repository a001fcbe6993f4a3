package dev.penstock.cassandra.sink;

import dev.penstock.cassandra.sink.cluster.ClusterAwayException;
import dev.penstock.cassandra.sink.config.SinkConfig;
import dev.penstock.cassandra.sink.metrics.SinkMetrics;
import dev.penstock.cassandra.sink.value.BadRecordException;
import dev.penstock.cassandra.sink.write.AsyncWriter;
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
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTask;

/**
 * Writes records to Cassandra. {@link #put} sends and returns while writes are in flight; {@link #preCommit} names only
 * offsets whose writes are acknowledged. While Cassandra is away the task holds the one delivery that it could not send
 * and pauses its partitions: it stays RUNNING, its metrics say that it waits, memory stays bounded. Likewise partitions
 * whose table is gone, or takes no row, wait alone. A record that looks bad waits for the tables as they are now, while
 * others go on.
 */
public final class CassandraSinkTask extends SinkTask {

    /** The connector tells each task its number by this setting; Connect does not. */
    static final String NUMBER = "task.number";

    /** Short enough that Connect, which waits for this thread, can stop the task gracefully within its 5 s. */
    private static final Duration ROOM_WAIT = Duration.ofSeconds(1);

    private static final Duration CONNECT_WAIT = Duration.ofSeconds(1);
    private static final Duration START_WAIT = Duration.ofSeconds(4);
    /** How soon to look after what is not done when no records come. */
    private static final Duration LOOK_AFTER = Duration.ofMillis(100);
    /** How soon to look whether an awaited table takes rows, and how old that news may be: events can be lost. */
    private static final Duration LOOK_FOR_TABLE = Duration.ofSeconds(1);

    private static final Duration OLD_NEWS = Duration.ofSeconds(10);
    /** How many records, or refused rows, may wait for news of their tables before all wait. */
    private static final int MAX_UNSURE = 500;

    private final OffsetTracker offsets = new OffsetTracker();
    private final TroubleLog trouble = new TroubleLog();
    private final List<Held> held = new ArrayList<>();
    private SinkMetrics metrics;
    private DeadLetters deadLetters;
    private SetAside aside;
    private final Function<SinkConfig, CompletableFuture<Connection>> opening;
    private volatile Target target;
    /** Until when some rows were rejected: tables read later are new enough. */
    private long rejectedSince;

    private int rejected;
    private boolean paused;

    /** A record that is not sent yet, and when it came. */
    private record Held(SinkRecord record, Delivery delivery, long since) {}

    /** Make one, as Connect does. */
    public CassandraSinkTask() {
        this(Connection::open);
    }

    /** Make one whose connections are opened in another way. */
    CassandraSinkTask(Function<SinkConfig, CompletableFuture<Connection>> opening) {
        this.opening = opening;
    }

    @Override
    public String version() {
        return Version.VERSION;
    }

    @Override
    public void start(Map<String, String> properties) {
        Worker.check();
        Map<String, String> settings = new HashMap<>(properties);
        String number = settings.remove(NUMBER);
        SinkConfig config = config(settings);
        aside = new SetAside(context, offsets);
        metrics = metrics(settings.getOrDefault("name", "cassandra-sink"), number == null ? "0" : number);
        deadLetters = new DeadLetters(context.errantRecordReporter(), metrics::deadLetter);
        target = new Target(config, new Connections(config, opening), trouble, metrics);
        try {
            target.ensureOpen(START_WAIT);
        } catch (ClusterAwayException e) {
            trouble.failed("No connection to Cassandra", e);
        }
    }

    private static SinkConfig config(Map<String, String> settings) {
        try {
            return SinkConfig.of(settings);
        } catch (ConfigException e) {
            throw new ConnectException(e.getMessage(), e);
        }
    }

    private SinkMetrics metrics(String connector, String number) {
        SinkMetrics made = new SinkMetrics(connector, number);
        made.gauge(
                "requests-in-flight",
                "Requests that Cassandra has not answered",
                () -> target == null ? 0 : target.writer().inFlight());
        made.gauge(
                "rows-waiting",
                "Rows that are neither acknowledged nor refused",
                () -> target == null ? 0 : target.writer().pending());
        made.gauge(
                "waiting-for-cassandra",
                "1 while Cassandra is away, overloaded or stuck, and writes wait for it",
                () -> trouble.isOn() ? 1 : 0);
        made.gauge(
                "partitions-set-aside", "Partitions that wait for a table which is gone or takes no row", aside::size);
        made.gauge("outage-total", "How often writes began to wait for Cassandra", trouble::outages);
        return made;
    }

    @Override
    public void put(Collection<SinkRecord> records) {
        failWhenBroken();
        deadLetters.settle();
        long now = System.nanoTime();
        records.forEach(record -> held.add(new Held(record, track(record), now)));
        boolean sent = false;
        try {
            sent = send();
        } catch (ClusterAwayException e) {
            trouble.failed(held.size() + " records and " + target.writer().rowsWait(), e);
        }
        pauseUnless(held.isEmpty() || sent && held.size() < MAX_UNSURE);
        lookAfter();
    }

    private Delivery track(SinkRecord record) {
        return offsets.track(SetAside.partition(record), record.originalKafkaOffset());
    }

    /** Send what is held, but for records that look bad; nothing when the cluster is away or there is no room. */
    private boolean send() throws ClusterAwayException {
        target.ensureOpen(CONNECT_WAIT);
        followTables();
        setAsideRefused();
        recoverRejected();
        if (!held.isEmpty() && !(target.writer().rejected() < MAX_UNSURE && awaitRoom())) {
            return false;
        }
        List<Held> ready = takeReady();
        setAside(ready);
        noteThatItGoesOn();
        target.writer().submit(map(ready));
        return true;
    }

    private void followTables() throws ClusterAwayException {
        if (aside.isEmpty()) {
            target.tables().follow();
        } else {
            target.tables().areNewerThan(System.nanoTime() - OLD_NEWS.toNanos());
            aside.goOn(target.tables()::lacks);
        }
    }

    private void setAsideRefused() {
        AsyncWriter.Rejected refused = target.writer().nextRefused();
        for (; refused != null; refused = target.writer().nextRefused()) {
            Write write = refused.write();
            if (!write.delivery().isAbandoned()) {
                target.tables().refuse(refused);
                setAside(write.record(), write.table().topic());
            }
        }
    }

    private void setAside(List<Held> ready) {
        for (Held one : ready) {
            target.tables().awaited(one.record()).ifPresent(topic -> setAside(one.record(), topic));
        }
        ready.removeIf(one -> one.delivery().isAbandoned());
        held.removeIf(one -> one.delivery().isAbandoned());
    }

    private void setAside(SinkRecord record, String topic) {
        aside.add(record, topic, target.tables().reason(topic));
    }

    private boolean awaitRoom() {
        AsyncWriter writer = target.writer();
        boolean room = offsets.hasRoom(held.size()) && writer.awaitRoom(ROOM_WAIT);
        if (!room) {
            trouble.waits(
                    writer.rowsWait(), "no answer that makes room for more within " + ROOM_WAIT.toSeconds() + " s");
        }
        return room;
    }

    private void noteThatItGoesOn() {
        if (trouble.isOn()
                && rejected == 0
                && !target.writer().isRetrying()
                && target.writer().awaitRoom(Duration.ZERO)) {
            trouble.over();
        }
    }

    /** A field without a column may be one whose column was added just now: ask before judging it. */
    private List<Held> takeReady() throws ClusterAwayException {
        Tables tables = target.tables();
        List<Held> ready = new ArrayList<>(held.size());
        List<Held> unsure = new ArrayList<>();
        for (Held one : held) {
            (tables.fit(one.record()) ? ready : unsure).add(one);
        }
        if (!unsure.isEmpty()) {
            tables.areNewerThan(unsure.get(unsure.size() - 1).since());
            unsure.stream().filter(one -> tables.wereReadAfter(one.since())).forEach(ready::add);
            unsure.removeIf(one -> tables.wereReadAfter(one.since()));
        }
        held.clear();
        held.addAll(unsure);
        return ready;
    }

    private List<Write> map(List<Held> ready) {
        List<Write> writes = new ArrayList<>(ready.size());
        for (Held one : ready) {
            try {
                writes.addAll(target.map(one.record(), one.delivery()));
            } catch (BadRecordException e) {
                deadLetters.report(one.record(), e, one.delivery());
            }
        }
        return writes;
    }

    /** Connect itself would repeat a delivery that fails, and log an error with a trace each time. */
    private void pauseUnless(boolean takesMore) {
        if (!takesMore) {
            paused = true;
            context.pause(context.assignment().toArray(TopicPartition[]::new));
        } else if (paused) {
            paused = false;
            context.resume(aside.others(context.assignment()));
        }
    }

    private void failWhenBroken() {
        target.writer().forbidden().ifPresent(error -> {
            throw new ConnectException("The task cannot write any more: " + error.getMessage(), error);
        });
    }

    /**
     * A row is refused because it is bad, or because its table has changed: then it is made again. A node that has not
     * heard of the change yet refuses good rows, so nothing is judged while the nodes do not agree.
     */
    private void recoverRejected() throws ClusterAwayException {
        AsyncWriter writer = target.writer();
        if (rejected == 0) {
            rejected = writer.rejected();
            rejectedSince = System.nanoTime();
        }
        if (rejected == 0 || !target.tables().areNewerThan(rejectedSince)) {
            return;
        }
        if (!target.tables().wereAgreed()) {
            rejectedSince = System.nanoTime(); // Ask once more.
            trouble.waits(
                    writer.rejected() + " refused rows wait for Cassandra",
                    "the nodes do not agree on their tables yet: "
                            + writer.firstRejected().reason().getMessage());
            return;
        }
        List<Write> again = new ArrayList<>();
        for (; rejected > 0; rejected--) {
            AsyncWriter.Rejected next = writer.nextRejected();
            if (!next.write().delivery().isAbandoned()) {
                recover(next, again);
            }
        }
        writer.submit(again);
    }

    private void recover(AsyncWriter.Rejected rejected, List<Write> again) {
        Write write = rejected.write();
        String topic = write.table().topic();
        if (target.tables().lacks(topic)) {
            setAside(write.record(), topic);
            return;
        }
        try {
            again.add(target.remake(write)
                    .or(rejected::onceMore)
                    .orElseThrow(() -> new BadRecordException(
                            write.table().qualifiedName() + ": Cassandra refuses the row: "
                                    + rejected.reason().getMessage(),
                            rejected.reason())));
        } catch (BadRecordException e) {
            deadLetters.report(write.record(), e, write.delivery());
        }
    }

    /** Connect polls for as long as a minute: come back sooner while something may still go wrong. */
    private void lookAfter() {
        if (!held.isEmpty()
                || target.writer().pending() > 0
                || target.writer().rejected() > 0
                || target.writer().hasRefused()
                || deadLetters.isPending()) {
            context.timeout(LOOK_AFTER.toMillis());
        } else if (!aside.isEmpty()) {
            context.timeout(LOOK_FOR_TABLE.toMillis());
        }
    }

    /** Connect asks for offsets before it closes partitions, so this is where a rebalance or a stop flushes. */
    @Override
    public Map<TopicPartition, OffsetAndMetadata> preCommit(Map<TopicPartition, OffsetAndMetadata> currentOffsets) {
        if (!trouble.isOn()) {
            target.writer().flush();
        }
        // Connect has waited for the letters just now; those not acknowledged would be written once more.
        deadLetters.settle();
        return offsets.committable(currentOffsets);
    }

    /** Connect keeps those paused that come back to the task which had set them aside. */
    @Override
    public void open(Collection<TopicPartition> partitions) {
        context.resume(partitions.toArray(TopicPartition[]::new));
    }

    /** The partitions go elsewhere: what is not written by now is written there once more. */
    @Override
    public void close(Collection<TopicPartition> partitions) {
        offsets.close(partitions);
        aside.close(partitions);
        held.removeIf(one -> one.delivery().isAbandoned());
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
