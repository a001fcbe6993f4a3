package dev.penstock.cassandra.sink;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.DriverException;
import com.datastax.oss.driver.api.core.metadata.Metadata;
import com.datastax.oss.driver.api.core.servererrors.QueryValidationException;
import dev.penstock.cassandra.sink.cluster.ClusterAwayException;
import dev.penstock.cassandra.sink.cluster.ClusterCheck;
import dev.penstock.cassandra.sink.config.Problems;
import dev.penstock.cassandra.sink.config.SinkConfig;
import dev.penstock.cassandra.sink.config.TableConfig;
import dev.penstock.cassandra.sink.mapping.RecordMapper;
import dev.penstock.cassandra.sink.mapping.TableShape;
import dev.penstock.cassandra.sink.write.AsyncWriter;
import dev.penstock.cassandra.sink.write.Refusals;
import java.time.Duration;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.sink.SinkRecord;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The tables of the configuration as they are in the cluster now, each with what puts records into it. Follows every
 * change of a table while the task runs. Used by the task's thread.
 */
final class Tables {

    private static final Logger LOG = LoggerFactory.getLogger(Tables.class);
    /** Short enough that Connect, which waits for this thread, can stop the task gracefully within its 5 s. */
    private static final Duration ANSWER_WAIT = Duration.ofSeconds(2);

    private static final Duration REFRESH_LIMIT = Duration.ofSeconds(20);
    /** Bad records may ask for the tables again and again: a tenth of the cluster's time at most goes into it. */
    private static final int PAUSE_FACTOR = 9;

    private static final Duration LONGEST_PAUSE = Duration.ofSeconds(1);

    /** A table is there and cannot be written. */
    private static final class UnfitException extends Exception {
        private static final long serialVersionUID = 1L;

        UnfitException(String why) {
            super(why);
        }
    }

    private final CqlSession session;
    private final SinkConfig config;
    private final Map<String, TableConfig> byName = new LinkedHashMap<>();
    /** Those of topics' names that were not there when the tables were read last. */
    private final Set<TableConfig> missing = new HashSet<>();

    private final Refusals refusals;
    private final Map<TableConfig, RecordMapper> mappers = new LinkedHashMap<>();
    private Map<String, List<RecordMapper>> byTopic = Map.of();
    private Map<String, String> waiting = new LinkedHashMap<>();
    private Metadata seen;
    /** Tells whether the nodes agreed when they were asked for the tables. */
    private CompletableFuture<Boolean> refreshing;

    private boolean agreed;
    private long readAt;
    private long refreshStart;
    private long nextRefresh = System.nanoTime();
    private boolean worn;

    /**
     * Hold the configuration against the tables and prepare the statements.
     *
     * @param start a moment before the session read its tables
     * @throws ClusterAwayException when the cluster does not answer now
     * @throws ConnectException when the configuration fits the tables of no topic
     */
    Tables(CqlSession session, SinkConfig config, long start) throws ClusterAwayException {
        this.session = session;
        this.readAt = start;
        this.config = config;
        this.refusals = new Refusals(session::executeAsync);
        Problems problems = new Problems();
        ClusterCheck.keyspaces(session, config.tables(), config.later(), problems);
        if (!problems.isEmpty()) {
            throw new ConnectException(problems.toString());
        }
        follow();
    }

    /** Tell whether the session cannot tell its tables any more: the driver's next refresh would never end. */
    boolean areWorn() {
        return worn;
    }

    /** What puts a record into the tables of its topic, or of the one before a transform; empty when it has none. */
    List<RecordMapper> of(SinkRecord record) {
        return byTopic.getOrDefault(topic(record), List.of());
    }

    private String topic(SinkRecord record) {
        boolean own = byTopic.containsKey(record.topic()) || waiting.containsKey(record.topic());
        return own ? record.topic() : record.originalTopic();
    }

    /** The topic whose tables a record must wait for: one of them is gone, does not fit any more, or is refused. */
    Optional<String> awaited(SinkRecord record) {
        return waiting.isEmpty() && refusals.topics().isEmpty()
                ? Optional.empty()
                : Optional.of(topic(record)).filter(this::lacks);
    }

    /** Tell whether a table of a topic is gone, does not fit any more, or takes no row. */
    boolean lacks(String topic) {
        return waiting.containsKey(topic) || refusals.topics().contains(topic);
    }

    /** What is wrong with the tables of a topic that waits. */
    String reason(String topic) {
        return waiting.containsKey(topic) ? waiting.get(topic) : refusals.reason(topic);
    }

    /** Note that a table takes no row: its topic waits until it does. */
    void refuse(AsyncWriter.Rejected refused) {
        refusals.add(refused);
    }

    /** What puts records into a table by now; empty when the table of a topic's name is gone. */
    Optional<RecordMapper> of(TableConfig table) {
        return Optional.ofNullable(mappers.get(table));
    }

    /**
     * Tell whether a record has a table, and each of its fields a column, or waits for that anyway.
     *
     * @throws ClusterAwayException when the cluster does not answer now
     */
    boolean fit(SinkRecord record) throws ClusterAwayException {
        return awaited(record).isPresent()
                || hasTable(record) && of(record).stream().allMatch(mapper -> mapper.fits(record));
    }

    /** Topics of an expression are known when their first record comes; other topics get no table by asking. */
    private boolean hasTable(SinkRecord record) throws ClusterAwayException {
        if (!of(record).isEmpty()) {
            return true;
        }
        Optional<TableConfig> table = config.byTopic().apply(record.topic());
        if (table.isPresent() && !missing.contains(table.get())) {
            byName.put(record.topic(), table.get());
            adoptByName(waiting);
        }
        return table.isEmpty() || !missing.contains(table.get());
    }

    /** Adopt the tables of topics' names as far as they are there. */
    private void adoptByName(Map<String, String> unfit) throws ClusterAwayException {
        missing.clear();
        for (TableConfig table : byName.values()) {
            Optional<TableShape> shape = TableShape.resolve(table, session.getMetadata(), new Problems());
            if (shape.isPresent()) {
                adopt(shape.get(), unfit);
            } else {
                mappers.remove(table);
                missing.add(table);
            }
        }
        byTopic = mappers.values().stream()
                .collect(Collectors.groupingBy(mapper -> mapper.config().topic()));
    }

    /**
     * Tell whether the tables are known as they were after a moment. If not, ask the cluster for them, without waiting
     * for the answer: the driver hears of a change only a moment after it.
     *
     * @param since a moment of {@link System#nanoTime}
     * @throws ClusterAwayException when the cluster does not answer now; ask again
     * @throws ConnectException when the configuration fits the tables of no topic any more
     */
    boolean areNewerThan(long since) throws ClusterAwayException {
        if (!wereReadAfter(since)) {
            startRefresh();
            endRefresh();
        }
        follow();
        return wereReadAfter(since);
    }

    /** Tell whether the tables that are known now were asked for after a moment. */
    boolean wereReadAfter(long since) {
        return readAt - since >= 0;
    }

    /** Tell whether the nodes agreed on their tables when they were asked for them last. */
    boolean wereAgreed() {
        return agreed;
    }

    private void startRefresh() throws ClusterAwayException {
        if (refreshing != null || System.nanoTime() - nextRefresh < 0) {
            return;
        }
        if (session.getMetadata().getNodes().values().stream().noneMatch(node -> node.getOpenConnections() > 0)) {
            throw new ClusterAwayException("no node is connected", null);
        }
        refreshStart = System.nanoTime();
        CompletionStage<Boolean> agreement = session.checkSchemaAgreementAsync().exceptionally(unknown -> false);
        refreshing = session.refreshSchemaAsync()
                .thenCombine(agreement, (tables, agree) -> agree)
                .toCompletableFuture();
    }

    private void endRefresh() throws ClusterAwayException {
        if (refreshing == null) {
            return;
        }
        long now = System.nanoTime();
        if (!refreshing.isDone()) {
            worn = now - refreshStart > REFRESH_LIMIT.toNanos();
            if (now - refreshStart > ANSWER_WAIT.toNanos()) {
                throw new ClusterAwayException("Cassandra has not told its tables yet", null);
            }
            return;
        }
        try {
            agreed = refreshing.join();
        } catch (CompletionException e) {
            worn = true;
            throw new ClusterAwayException(
                    "Cassandra does not tell its tables: " + e.getCause().getMessage(), e);
        }
        nextRefresh = now + Math.min(LONGEST_PAUSE.toNanos(), PAUSE_FACTOR * (now - refreshStart));
        readAt = refreshStart;
        refreshing = null;
    }

    private static ClusterAwayException interrupted(InterruptedException e) {
        Thread.currentThread().interrupt();
        return new ClusterAwayException("Interrupted while Cassandra was asked for its tables", e);
    }

    /**
     * Adopt what the driver knows of the tables by now; costs nothing when that is nothing new.
     *
     * @throws ClusterAwayException when the cluster does not answer now
     * @throws ConnectException when the configuration fits the tables of no topic any more, or all have been refused
     *     for long
     */
    void follow() throws ClusterAwayException {
        refusals.tryAgain();
        if (refusals.haveLasted(config.refusalPatience()) && topics().stream().allMatch(this::lacks)) {
            throw new ConnectException(refusals.reasons());
        }
        Metadata now = session.getMetadata();
        if (now == seen) {
            return;
        }
        Map<String, String> unfit = new LinkedHashMap<>();
        for (TableConfig table : config.tables()) {
            adopt(table, now, unfit);
        }
        adoptByName(unfit);
        failWhenAll(unfit);
        waiting = unfit;
        seen = now;
    }

    private void adopt(TableConfig table, Metadata cluster, Map<String, String> unfit) throws ClusterAwayException {
        Problems problems = new Problems();
        Optional<TableShape> shape = TableShape.resolve(table, cluster, problems);
        if (shape.isPresent()) {
            adopt(shape.get(), unfit);
        } else {
            note(table, problems.toString(), unfit);
        }
    }

    private static void note(TableConfig table, String problem, Map<String, String> unfit) {
        unfit.merge(table.topic(), problem, (one, other) -> one + " | " + other);
    }

    /** A task of which nothing can be written had better not look as if it ran. */
    private void failWhenAll(Map<String, String> unfit) throws ClusterAwayException {
        Set<String> topics = topics();
        if (!topics.isEmpty() && unfit.keySet().containsAll(topics)) {
            String reasons = String.join(" | ", unfit.values());
            if (!isAgreed()) {
                throw new ClusterAwayException("the nodes do not agree on their tables yet: " + reasons, null);
            }
            throw new ConnectException(reasons);
        }
    }

    private Set<String> topics() {
        Set<String> topics = config.tables().stream().map(TableConfig::topic).collect(Collectors.toSet());
        topics.addAll(byName.keySet());
        return topics;
    }

    private void adopt(TableShape shape, Map<String, String> unfit) throws ClusterAwayException {
        RecordMapper old = mappers.get(shape.config());
        if (old != null && old.shape().equals(shape)) {
            return;
        }
        try {
            if (old != null) {
                checkPrimaryKey(old.shape(), shape);
                LOG.info(
                        "Table {} changed; its columns are now {}",
                        shape.config().qualifiedName(),
                        shape.names());
            }
            mappers.put(shape.config(), prepare(shape));
        } catch (UnfitException e) {
            note(shape.config(), e.getMessage(), unfit);
        }
    }

    /** A renamed column of the key would turn every record into a bad one. */
    private static void checkPrimaryKey(TableShape old, TableShape shape) throws UnfitException {
        if (!old.keyNames().equals(shape.keyNames())) {
            throw new UnfitException("The primary key of table "
                    + shape.config().qualifiedName() + " was "
                    + old.keyNames() + " and is now " + shape.keyNames() + ": adapt the mapping or the records, "
                    + "then restart the task");
        }
    }

    private RecordMapper prepare(TableShape shape) throws ClusterAwayException, UnfitException {
        try {
            return RecordMapper.prepare(shape, session).get(answerWait().toMillis(), TimeUnit.MILLISECONDS);
        } catch (ExecutionException e) {
            if (e.getCause() instanceof QueryValidationException refused && isAgreed()) {
                throw new UnfitException("Cassandra refuses the connector's statements: " + refused.getMessage());
            }
            throw new ClusterAwayException(
                    "Cassandra has not prepared the connector's statements: "
                            + e.getCause().getMessage(),
                    e);
        } catch (TimeoutException e) {
            throw new ClusterAwayException("Cassandra has not prepared the connector's statements yet", e);
        } catch (InterruptedException e) {
            throw interrupted(e);
        }
    }

    /** A node that has not heard of a change yet refuses what the others take. */
    private boolean isAgreed() throws ClusterAwayException {
        try {
            return session.checkSchemaAgreement();
        } catch (DriverException e) {
            throw new ClusterAwayException("Cassandra does not tell whether its nodes agree on their tables", e);
        }
    }

    /** The first statements are prepared by a thread that nobody waits for. */
    private Duration answerWait() {
        return seen == null ? Duration.ofSeconds(config.cluster().queryTimeoutSeconds()) : ANSWER_WAIT;
    }
}
