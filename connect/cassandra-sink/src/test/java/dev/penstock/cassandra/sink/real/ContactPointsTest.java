package dev.penstock.cassandra.sink.real;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.penstock.cassandra.sink.CassandraSinkConnector;
import dev.penstock.cassandra.sink.Problems;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.sink.SinkRecord;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** Ways to a cluster: hosts with ports, names that nobody knows, datacenters, options of the driver. */
@Tag("cassandra")
@Tag("slow")
@EnabledIfSystemProperty(named = "cassandra.port", matches = "\\d+")
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class ContactPointsTest extends RealCassandra {

    private static final String ELSEWHERE = "127.0.0.9";
    private static final String DRIVER = "datastax-java-driver.";

    @BeforeAll
    static void create() {
        cql.execute("CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
        cql.execute("CREATE TABLE k.t (id text PRIMARY KEY, n text)");
    }

    @AfterEach
    void forgetOtherNodes() {
        cql.execute("DELETE FROM system.peers_v2 WHERE peer = '" + ELSEWHERE + "'");
    }

    private static Map<String, String> settings(String contactPoints) {
        return new HashMap<>(Map.of(
                "name",
                "sink",
                "topics",
                "t",
                "contactPoints",
                contactPoints,
                "port",
                Integer.toString(server.port()),
                "topic.t.k.t.mapping",
                "id=key, n=value"));
    }

    private static Map<String, String> problems(Map<String, String> settings) {
        return Problems.of(new CassandraSinkConnector().validate(settings).configValues());
    }

    private static void assertWrites(Map<String, String> settings) {
        String id = UUID.randomUUID().toString();
        try (TaskRun run = new TaskRun(settings, "t", false)) {
            run.put(List.of(new SinkRecord(
                            "t",
                            0,
                            Schema.STRING_SCHEMA,
                            id,
                            Schema.STRING_SCHEMA,
                            "n",
                            0,
                            1L,
                            TimestampType.CREATE_TIME)))
                    .awaitCommittable();
        }
        assertEquals(
                "n",
                cql.execute("SELECT n FROM k.t WHERE id = '" + id + "'").one().getString(0));
    }

    @Test
    void aHostMayHaveAPortOfItsOwn() {
        Map<String, String> settings = settings("127.0.0.1:" + server.port());
        settings.put("port", "1");
        assertEquals(Map.of(), problems(settings));
        assertWrites(settings);
    }

    /** Names of pods that are not there yet: the others will do. */
    @Test
    void aNameThatNobodyKnowsStopsNothing() {
        Map<String, String> settings = settings("nowhere.invalid, 127.0.0.1");
        assertEquals(Map.of(), problems(settings));
        assertWrites(settings);
        String problem = problems(settings("nowhere.invalid")).get("contactPoints");
        assertTrue(problem.contains("nowhere.invalid port " + server.port() + " does not answer"), problem);
    }

    /** The other datacenter's node is one that this node knows and that is not there. */
    @Test
    void contactPointsInTwoDatacentersNeedTheLocalOne() {
        cql.execute("INSERT INTO system.peers_v2 (peer, peer_port, data_center, rack, host_id, native_address, "
                + "native_port, release_version, schema_version, tokens) VALUES ('" + ELSEWHERE + "', 7000, "
                + "'datacenter2', 'rack1', " + UUID.randomUUID() + ", '" + ELSEWHERE + "', " + server.port()
                + ", '5.0.0', " + UUID.randomUUID() + ", {'0'})");
        Map<String, String> settings = settings("127.0.0.1, " + ELSEWHERE);
        Map<String, String> found = problems(settings);
        assertEquals(Set.of("loadBalancing.localDc"), found.keySet(), found.toString());
        assertTrue(found.get("loadBalancing.localDc").contains("datacenter2"), found.toString());
        assertTrue(TaskRun.failure(settings, "t").startsWith("loadBalancing.localDc: "));
        settings.put("loadBalancing.localDc", "datacenter1");
        assertEquals(Map.of(), problems(settings));
        assertWrites(settings);
    }

    /** A busy server may take longer to tell its tables than the driver waits, which then knows of none. */
    @Test
    void tablesThatAreNotToldInTimeAreWaitedForAndNotMissing() {
        Map<String, String> settings = settings("127.0.0.1");
        settings.put(DRIVER + "advanced.metadata.schema.request-timeout", "1 nanosecond");
        Map<String, String> found = problems(settings);
        assertEquals(Set.of("contactPoints"), found.keySet(), found.toString());
        assertTrue(found.get("contactPoints").endsWith("did not tell its tables in time"), found.toString());
        try (TaskRun run = new TaskRun(settings, "t", false)) {
            run.deliver(List.of());
            run.deliver(List.of(new SinkRecord("t", 0, Schema.STRING_SCHEMA, "x", Schema.STRING_SCHEMA, "n", 0)));
            assertTrue(run.isPaused());
        }
        settings.put("topic.t.nowhere.t.mapping", settings.remove("topic.t.k.t.mapping"));
        assertEquals(
                Map.of("topic.t.nowhere.t.mapping", "Keyspace nowhere does not exist; create it"), problems(settings));
    }

    /** Options of each kind: they win over the connector's own, and a value that is wrong is named. */
    @Test
    void theDriversOptionsAreItsOptions() {
        Map<String, String> settings = settings("127.0.0.1");
        settings.put(DRIVER + "advanced.protocol.version", "V4");
        settings.put(DRIVER + "advanced.connection.pool.local.size", "2");
        settings.put(DRIVER + "basic.request.timeout", "7 seconds");
        settings.put(DRIVER + "advanced.reconnect-on-init", "false");
        assertEquals(Map.of(), problems(settings));
        assertWrites(settings);
        settings.put(DRIVER + "advanced.protocol.version", "V99");
        Map<String, String> found = problems(settings);
        assertTrue(found.toString().contains("V99"), found.toString());
    }
}
