package dev.penstock.cassandra.sink;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.datastax.oss.driver.api.core.CqlSession;
import dev.penstock.cassandra.sink.cluster.Cluster;
import dev.penstock.cassandra.sink.cluster.ClusterAwayException;
import dev.penstock.cassandra.sink.config.SinkConfig;
import dev.penstock.cassandra.sink.real.RealCassandra;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
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

    /** Connect waits 5 s for a task that stops, a statement may take 600. */
    @Test
    void aChangedTableHoldsUpNobodyForAsLongAsAStatementMayTake() throws Exception {
        SinkConfig config = SinkConfig.of(Map.of(
                "port",
                Integer.toString(server.port()),
                "topics",
                "t",
                "topic.t.k.t.mapping",
                "*",
                "queryExecutionTimeout",
                "600"));
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
