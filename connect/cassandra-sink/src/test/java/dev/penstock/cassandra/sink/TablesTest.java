package dev.penstock.cassandra.sink;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.servererrors.InvalidQueryException;
import dev.penstock.cassandra.sink.cluster.Cluster;
import dev.penstock.cassandra.sink.cluster.ClusterAwayException;
import dev.penstock.cassandra.sink.config.SinkConfig;
import dev.penstock.cassandra.sink.real.RealCassandra;
import dev.penstock.cassandra.sink.real.TaskRun;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.sink.SinkRecord;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** The tables of a real Cassandra, which stops to answer just then, or whose nodes do not agree. */
@Tag("cassandra")
@EnabledIfSystemProperty(named = "cassandra.port", matches = "\\d+")
@Timeout(value = 3, unit = TimeUnit.MINUTES)
class TablesTest extends RealCassandra {

    @BeforeAll
    static void create() {
        cql.execute("CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
        cql.execute("CREATE TABLE k.t (id text PRIMARY KEY)");
    }

    private static boolean knowsColumn(CqlSession session) {
        return session.getMetadata()
                .getKeyspace("k")
                .flatMap(keyspace -> keyspace.getTable("t"))
                .flatMap(table -> table.getColumn("a"))
                .isPresent();
    }

    private static SinkConfig config(String table, String timeout) {
        return SinkConfig.of(settings(table, "*", timeout));
    }

    private static Map<String, String> settings(String table, String mapping, String timeout) {
        return Map.of(
                "port",
                Integer.toString(server.port()),
                "topics",
                "t",
                "topic.t.k." + table + ".mapping",
                mapping,
                "queryExecutionTimeout",
                timeout);
    }

    /** A session whose node refuses each statement, as one does that has not heard of a change yet. */
    private static CqlSession refusing(CqlSession session, boolean agreed) {
        return (CqlSession) Proxy.newProxyInstance(
                CqlSession.class.getClassLoader(),
                new Class<?>[] {CqlSession.class},
                (proxy, method, arguments) -> switch (method.getName()) {
                    case "prepareAsync" ->
                        CompletableFuture.failedFuture(new InvalidQueryException(null, "no such column"));
                    case "checkSchemaAgreement" -> agreed;
                    default -> method.invoke(session, arguments);
                });
    }

    /** What one node says is no verdict while another may know better. */
    @Test
    void nothingIsJudgedWhileTheNodesDoNotAgree() throws Exception {
        Map<String, String> verdicts = Map.of(
                "t", "Cassandra refuses the connector's statements: no such column",
                "u", "topic.t.k.u.mapping: Table k.u does not exist; create it");
        SinkConfig known = config("t", "12");
        try (CqlSession session = Cluster.connect(known.cluster(), known.keyspaces())) {
            verdicts.forEach((table, verdict) -> {
                SinkConfig config = config(table, "12");
                assertThrows(ClusterAwayException.class, () -> new Tables(refusing(session, false), config, 0));
                assertEquals(
                        verdict,
                        assertThrows(ConnectException.class, () -> new Tables(refusing(session, true), config, 0))
                                .getMessage());
            });
        }
    }

    /** A cluster whose node refuses some rows, as one does that has not heard of a change yet. */
    private static final class Lagging {
        private final AtomicInteger refusals = new AtomicInteger();
        private final AtomicInteger asked = new AtomicInteger();
        private final AtomicInteger sent = new AtomicInteger();
        private volatile boolean agreed = true;

        Lagging(int refusals) {
            this.refusals.set(refusals);
        }

        CompletableFuture<Connection> open(SinkConfig config) {
            return Connection.open(config).thenCompose(opened -> {
                CqlSession session = wrap(opened.session());
                try {
                    return CompletableFuture.completedFuture(
                            new Connection(session, new Tables(session, config, System.nanoTime())));
                } catch (ClusterAwayException e) {
                    return CompletableFuture.failedFuture(e);
                }
            });
        }

        private CqlSession wrap(CqlSession session) {
            return (CqlSession) Proxy.newProxyInstance(
                    CqlSession.class.getClassLoader(),
                    new Class<?>[] {CqlSession.class},
                    (proxy, method, arguments) -> switch (method.getName()) {
                        case "executeAsync" -> {
                            sent.incrementAndGet();
                            yield refusals.getAndDecrement() > 0
                                    ? CompletableFuture.failedFuture(
                                            new InvalidQueryException(null, "Undefined column name a"))
                                    : method.invoke(session, arguments);
                        }
                        case "checkSchemaAgreementAsync" -> {
                            asked.incrementAndGet();
                            yield CompletableFuture.completedFuture(agreed);
                        }
                        default -> method.invoke(session, arguments);
                    });
        }

        TaskRun run(String table) {
            cql.execute("CREATE TABLE k." + table + " (id text PRIMARY KEY)");
            return new TaskRun(new CassandraSinkTask(this::open), settings(table, "id=key", "12"), "t", true);
        }
    }

    private static SinkRecord record() {
        return new SinkRecord(
                "t", 0, Schema.STRING_SCHEMA, "x", Schema.STRING_SCHEMA, "", 0, 1L, TimestampType.CREATE_TIME);
    }

    private static int rows(String table) {
        return cql.execute("SELECT * FROM k." + table).all().size();
    }

    /** A third of all rows of a table would become dead letters while one of three nodes lags behind. */
    @Test
    void noRowIsJudgedWhileTheNodesDoNotAgree() {
        Lagging lagging = new Lagging(1);
        lagging.agreed = false;
        try (TaskRun run = lagging.run("lagging")) {
            run.deliver(List.of(record()));
            run.until(() -> lagging.asked.get() > 2);
            assertEquals(List.of(), run.letters());
            assertEquals(0, run.committable());
            assertEquals(1, lagging.sent.get());
            lagging.agreed = true;
            run.awaitCommittable();
            assertEquals(List.of(), run.letters());
            assertEquals(1, rows("lagging"));
        }
    }

    /** When the nodes are asked whether they agree, the one that refused the row may know better by now. */
    @Test
    void aRowIsBadWhenNodesThatAgreeRefuseItOnceMore() {
        try (TaskRun run = new Lagging(1).run("late")) {
            run.deliver(List.of(record()));
            run.awaitCommittable();
            assertEquals(List.of(), run.letters());
            assertEquals(1, rows("late"));
        }
        Lagging bad = new Lagging(Integer.MAX_VALUE);
        try (TaskRun run = bad.run("bad")) {
            run.deliver(List.of(record()));
            run.awaitCommittable();
            assertEquals(List.of("k.bad: Cassandra refuses the row: Undefined column name a"), run.letters());
            assertEquals(2, bad.sent.get());
        }
    }

    /** Connect waits 5 s for a task that stops, a statement may take 600. */
    @Test
    void aChangedTableHoldsUpNobodyForAsLongAsAStatementMayTake() throws Exception {
        SinkConfig config = config("t", "600");
        try (CqlSession session = Cluster.connect(config.cluster(), config.keyspaces())) {
            Tables tables = new Tables(session, config, System.nanoTime());
            cql.execute("ALTER TABLE k.t ADD a text");
            long deadline = System.nanoTime() + TimeUnit.MINUTES.toNanos(1);
            while (!knowsColumn(session)) {
                assertTrue(System.nanoTime() < deadline, "the driver does not hear of the change");
                TimeUnit.MILLISECONDS.sleep(10);
            }
            server.freeze();
            String message =
                    assertThrows(ClusterAwayException.class, tables::follow).getMessage();
            assertEquals("Cassandra has not prepared the connector's statements yet", message);
            server.thaw();
            server.awaitAnswer(session);
            assertDoesNotThrow(tables::follow);
            assertEquals(
                    List.of("id", "a"),
                    tables.of(config.tables().get(0)).orElseThrow().shape().names());
        }
    }
}
