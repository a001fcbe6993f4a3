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
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.connect.errors.ConnectException;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** The tables of a real Cassandra, which stops to answer just then. */
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
        return SinkConfig.of(Map.of(
                "port",
                Integer.toString(server.port()),
                "topics",
                "t",
                "topic.t.k." + table + ".mapping",
                "*",
                "queryExecutionTimeout",
                timeout));
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
