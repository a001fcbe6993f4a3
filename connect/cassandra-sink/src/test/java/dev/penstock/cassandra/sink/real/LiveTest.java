package dev.penstock.cassandra.sink.real;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeout;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.datastax.oss.driver.api.core.cql.Row;
import com.datastax.oss.driver.api.core.data.CqlDuration;
import com.datastax.oss.driver.api.core.data.CqlVector;
import dev.penstock.cassandra.sink.CassandraSinkConnector;
import dev.penstock.cassandra.sink.Problems;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.math.BigDecimal;
import java.net.InetAddress;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalTime;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import javax.management.InstanceNotFoundException;
import javax.management.JMException;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.sink.SinkRecord;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What changes while a task runs: its tables, its metrics, its state; and the round trip of Debezium's types. */
@Tag("cassandra")
@Tag("slow")
@EnabledIfSystemProperty(named = "cassandra.port", matches = "\\d+")
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class LiveTest extends RealCassandra {

    private static final String TOPIC = "t";
    private static final TopicPartition OTHER = new TopicPartition("other", 0);
    private static final MBeanServer JMX = ManagementFactory.getPlatformMBeanServer();

    @BeforeAll
    static void create() {
        cql.execute("CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
    }

    @BeforeEach
    void table() throws IOException, InterruptedException {
        server.revive(cql);
        cql.execute("DROP TABLE IF EXISTS k.t");
        cql.execute("CREATE TABLE k.t (id text, n int, a text, PRIMARY KEY (id, n))");
    }

    private static TaskRun run(String mapping) {
        return new TaskRun(settings(mapping), TOPIC, true);
    }

    private static Map<String, String> settings(String mapping) {
        return Map.of(
                "name",
                "live",
                "task.number",
                "7",
                "port",
                Integer.toString(server.port()),
                "topics",
                TOPIC,
                "topic.t.k.t.mapping",
                mapping + "__timestamp=key.v");
    }

    /** A record with fields of text beside those of the key; none at all is a delete. */
    private static SinkRecord record(long offset, String... fields) {
        Schema keySchema = SchemaBuilder.struct()
                .field("id", Schema.STRING_SCHEMA)
                .field("n", Schema.INT32_SCHEMA)
                .field("v", Schema.INT64_SCHEMA)
                .build();
        Struct key = new Struct(keySchema).put("id", "x").put("n", (int) offset).put("v", offset + 1);
        SchemaBuilder schema = SchemaBuilder.struct();
        Arrays.stream(fields).forEach(field -> schema.field(field, Schema.STRING_SCHEMA));
        Struct value = new Struct(schema.build());
        Arrays.stream(fields).forEach(field -> value.put(field, field + offset));
        return fields.length == 0
                ? new SinkRecord(TOPIC, 0, keySchema, key, null, null, offset)
                : new SinkRecord(TOPIC, 0, keySchema, key, value.schema(), value, offset);
    }

    private static List<Row> rows() {
        return cql.execute("SELECT * FROM k.t").all();
    }

    @Test
    void anAddedColumnIsUsedByTheVeryNextRecord() {
        try (TaskRun run = run("*, ")) {
            run.put(List.of(record(0, "a"))).awaitCommittable();
            for (int i = 1; i < 6; i++) {
                cql.execute("ALTER TABLE k.t ADD b" + i + " text");
                run.put(List.of(record(i, "a", "b" + i))).awaitCommittable();
            }
            assertEquals(List.of(), run.letters());
            assertEquals("b55", rows().get(5).getString("b5"));
            run.put(List.of(record(6, "a", "c"))).awaitCommittable();
            assertEquals(List.of("k.t: field c of the value has no column"), run.letters());
        }
    }

    /** The server refuses the statement that still names the column: the row is good and must not be put aside. */
    @Test
    void aDroppedColumnCostsNoRowThatDoesNotNeedIt() {
        cql.execute("ALTER TABLE k.t ADD b text");
        try (TaskRun run = run("*, ")) {
            run.put(List.of(record(0, "a", "b"))).awaitCommittable();
            cql.execute("ALTER TABLE k.t DROP b");
            run.put(List.of(record(1, "a"), record(2, "a", "b"), record(3, "a")))
                    .awaitCommittable();
            run.put(List.of(record(4, "a", "b"))).awaitCommittable();
            assertEquals(
                    List.of("a0", "a1", "a3"),
                    rows().stream().map(row -> row.getString("a")).toList());
            assertEquals(
                    List.of("k.t: field b of the value has no column"),
                    run.letters().stream().distinct().toList());
            assertEquals(2, run.letters().size());
        }
    }

    @Test
    void aDroppedColumnThatIsMappedFailsTheTask() {
        try (TaskRun run = run("id=key.id, n=key.n, a=value.a, ")) {
            run.put(List.of(record(0, "a"))).awaitCommittable();
            cql.execute("ALTER TABLE k.t DROP a");
            String message = assertThrows(ConnectException.class, () -> run.put(List.of(record(1, "a")))
                            .awaitCommittable())
                    .getMessage();
            assertEquals("topic.t.k.t.mapping: Table k.t has no column a; it has id, n", message);
            assertEquals(1, run.committable());
        }
    }

    @Test
    void aRenamedColumnOfThePrimaryKeyFailsTheTask() {
        try (TaskRun run = run("*, ")) {
            run.put(List.of(record(0, "a"))).awaitCommittable();
            cql.execute("ALTER TABLE k.t RENAME n TO m");
            String message = assertThrows(ConnectException.class, () -> run.put(List.of(record(1, "a")))
                            .awaitCommittable())
                    .getMessage();
            assertEquals(
                    "The primary key of table k.t was [id, n] and is now [id, m]: adapt the mapping or the "
                            + "records, then restart the task",
                    message);
            assertEquals(List.of(), run.letters());
        }
    }

    /** Made again before the driver hears of it: rows are made of the old types, whose bytes the new may hold. */
    @ParameterizedTest
    @CsvSource({
        "id int PRIMARY KEY; v bigint, id int PRIMARY KEY; v double",
        "id int PRIMARY KEY; v int, id int PRIMARY KEY; v bigint",
        "id int PRIMARY KEY; v int, id bigint PRIMARY KEY; v int",
        "id int PRIMARY KEY; v set<int>, id int PRIMARY KEY; v set<bigint>"
    })
    void aTableThatIsMadeAgainWithOtherTypesCostsNoRow(String before, String after) {
        String create = "CREATE TABLE k.again (%s)";
        cql.execute("DROP TABLE IF EXISTS k.again");
        cql.execute(create.formatted(before.replace(';', ',')));
        Map<String, String> settings = Map.of(
                "port",
                Integer.toString(server.port()),
                "topics",
                TOPIC,
                "topic.t.k.again.mapping",
                "id=key, v=value, __timestamp=record.offset",
                "datastax-java-driver.advanced.metadata.schema.debouncer.window",
                "60 seconds");
        Object value = after.contains("set") ? List.of(3) : 3;
        try (TaskRun run = new TaskRun(settings, TOPIC, true)) {
            run.put(List.of(new SinkRecord(TOPIC, 0, null, 1, null, value, 0))).awaitCommittable();
            cql.execute("DROP TABLE k.again");
            cql.execute(create.formatted(after.replace(';', ',')));
            run.put(List.of(new SinkRecord(TOPIC, 0, null, 2, null, value, 1))).awaitCommittable();
            assertEquals(List.of(), run.letters());
        }
        Row row = cql.execute("SELECT * FROM k.again").one();
        assertEquals(2, ((Number) row.getObject("id")).intValue());
        assertEquals("3", String.valueOf(row.getObject("v")).replaceAll("\\.0$|[\\[\\]]", ""));
    }

    /** Two topics of a task: one loses its table, waits for it, and begins again where it was. */
    @ParameterizedTest
    @CsvSource({
        "DROP TABLE k.other, CREATE TABLE k.other (id text PRIMARY KEY)",
        "ALTER TABLE k.other RENAME id TO name, ALTER TABLE k.other RENAME name TO id"
    })
    void aTopicWithoutItsTableWaitsAlone(String broken, String mended) {
        cql.execute("CREATE TABLE k.other (id text PRIMARY KEY)");
        try (TaskRun run = new TaskRun(withOther(), TOPIC, true)) {
            run.context.assignment.add(OTHER);
            run.put(List.of(record(0, "a"), ofOther(0))).awaitCommittable();
            cql.execute(broken);
            run.put(List.of(ofOther(1), record(1, "a"), ofOther(2)));
            run.until(() -> run.context.paused.equals(Set.of(OTHER)));
            run.put(List.of(record(2, "a"))).awaitCommittable();
            assertEquals(3, rows().size());
            assertEquals(1, run.committable(OTHER, 3));

            cql.execute(mended);
            run.until(() -> run.context.paused.isEmpty());
            assertEquals(Map.of(OTHER, 1L), run.context.goneBack);
            assertEquals(1, run.committable(OTHER, 3));
            run.put(List.of(ofOther(1), ofOther(2)));
            run.until(() -> run.committable(OTHER, 3) == 3);
            assertEquals(
                    Set.of("x1", "x2"),
                    cql.execute("SELECT id FROM k.other WHERE id IN ('x1', 'x2')").all().stream()
                            .map(row -> row.getString(0))
                            .collect(Collectors.toSet()));
            assertEquals(List.of(), run.letters());
        } finally {
            cql.execute("DROP TABLE k.other");
        }
    }

    @Test
    void aTaskStartsWithoutTheTableOfOneOfItsTopics() {
        try (TaskRun run = new TaskRun(withOther(), TOPIC, true)) {
            run.context.assignment.add(OTHER);
            run.put(List.of(ofOther(0), record(0, "a"))).awaitCommittable();
            assertEquals(Set.of(OTHER), run.context.paused);
            assertEquals(0, run.committable(OTHER, 1));
            assertEquals(1, rows().size());
            // A rebalance takes it away and brings it again, which is not to stay paused.
            run.task.close(List.of(OTHER));
            run.task.open(List.of(OTHER));
            assertEquals(Set.of(), run.context.paused);
            assertEquals(List.of(), run.letters());
        }
    }

    private static Map<String, String> withOther() {
        Map<String, String> settings = new HashMap<>(settings("*, "));
        settings.put("topics", "t,other");
        settings.put("topic.other.k.other.mapping", "id=key, __timestamp=value.v");
        settings.put("topic.other.k.other.deletesEnabled", "false");
        return settings;
    }

    private static SinkRecord ofOther(long offset) {
        return new SinkRecord("other", 0, null, "x" + offset, null, Map.of("v", offset + 1), offset);
    }

    /** Connect asks for offsets, then closes: what was put before must be in them. */
    @Test
    void offsetsOfWritesInFlightAreFlushedBeforeTheyAreCommitted() {
        try (TaskRun run = run("*, ")) {
            run.put(List.of(record(0, "a"))).awaitCommittable();
            // After one that took long the next flush is short; this one finds nothing to wait for.
            assertEquals(1, run.committable());
            run.put(IntStream.range(1, 100).mapToObj(n -> record(n, "a")).toList());
            assertEquals(100, run.committable());
            assertEquals(100, rows().size());
        }
    }

    private static double metric(String name) throws JMException {
        return ((Number) JMX.getAttribute(
                        new ObjectName("kafka.connect:type=cassandra-sink-task-metrics,connector=live,task=7"), name))
                .doubleValue();
    }

    @Test
    void countsInJmxForAsLongAsTheTaskRuns() throws JMException {
        for (int round = 0; round < 2; round++) {
            try (TaskRun run = run("*, ")) {
                run.put(List.of(record(0, "a"), record(1, "a"), record(2, "nowhere")))
                        .awaitCommittable();
                run.put(List.of(record(1))).awaitCommittable();
                assertEquals(2, metric("rows-written-total"));
                assertEquals(1, metric("rows-deleted-total"));
                assertEquals(2, metric("batch-total"));
                assertEquals(1.5, metric("batch-size-avg"));
                assertEquals(2, metric("batch-size-max"));
                assertEquals(1, metric("dead-letter-total"));
                assertEquals(0, metric("retry-total"));
                assertEquals(0, metric("refused-batch-total"));
                assertEquals(0, metric("requests-in-flight"));
                assertEquals(0, metric("rows-waiting"));
                assertEquals(0, metric("waiting-for-cassandra"));
                assertTrue(metric("request-latency-max") >= metric("request-latency-avg"));
                assertTrue(metric("request-latency-p99") >= metric("request-latency-p50"));
                assertTrue(metric("request-latency-avg") > 0);
            }
            assertThrows(InstanceNotFoundException.class, () -> metric("rows-written-total"));
        }
    }

    /** Over the server's batch_size_fail_threshold each row is written by itself, and the batch is counted. */
    @Test
    void aBatchThatIsTooLargeForTheServerIsTakenApartAndCounted() throws JMException {
        Map<String, String> settings = new HashMap<>(settings("*, "));
        settings.put("maxBatchSizeInBytes", "2000000");
        try (TaskRun run = new TaskRun(settings, TOPIC, false)) {
            run.put(IntStream.range(0, 32).mapToObj(n -> large(n, 30_000)).toList())
                    .awaitCommittable();
            assertEquals(1, metric("refused-batch-total"));
            assertEquals(32, metric("rows-written-total"));
        }
        assertEquals(32, rows().size());
    }

    private static SinkRecord large(int offset, int letters) {
        SinkRecord record = record(offset, "a");
        ((Struct) record.key()).put("id", "x" + offset); // The server measures batches of several partitions only.
        ((Struct) record.value()).put("a", "x".repeat(letters));
        return record;
    }

    @Test
    void saysInJmxThatItWaitsForCassandra() throws Exception {
        Map<String, String> settings = new HashMap<>(settings("*, "));
        settings.put("queryExecutionTimeout", "1");
        settings.put("maxConcurrentRequests", "1");
        settings.put("maxNumberOfRecordsInBatch", "1");
        try (TaskRun run = new TaskRun(settings, TOPIC, true)) {
            run.put(List.of(record(0, "a"))).awaitCommittable();
            server.freeze();
            run.deliver(List.of(record(1, "a"), record(2, "a")));
            run.deliver(List.of(record(3, "a")));
            do {
                run.deliver(List.of());
                assertTrue(run.isPaused());
                assertEquals(1, metric("waiting-for-cassandra"));
            } while (metric("retry-total") == 0);
            assertEquals(2, metric("rows-waiting"));
            assertEquals(1, run.committable());
            server.thaw();
            run.put(List.of()).awaitCommittable();
            assertEquals(0, metric("waiting-for-cassandra"));
            assertEquals(1, metric("outage-total"));
        }
        assertFalse(JMX.isRegistered(
                new ObjectName("kafka.connect:type=cassandra-sink-task-metrics,connector=live,task=7")));
        assertEquals(4, rows().size());
    }

    /** The driver never finishes a refresh of its schema again once one has failed; scylladb/java-driver#841. */
    @Test
    void followsItsTablesAgainAfterAnOutageInWhichItAskedForThem() throws Exception {
        try (TaskRun run = run("*, ")) {
            run.put(List.of(record(0, "a"))).awaitCommittable();
            server.kill();
            run.deliver(List.of(record(1, "a", "b")));
            long deadline = System.nanoTime() + TimeUnit.MINUTES.toNanos(1);
            while (!run.isPaused()) {
                assertTrue(System.nanoTime() < deadline, "the task does not see that Cassandra is away");
                run.deliver(List.of());
            }
            server.launch();
            server.awaitAnswer(cql);
            cql.execute("ALTER TABLE k.t ADD b text");
            run.put(List.of(record(2, "a", "b"))).awaitCommittable();
            cql.execute("ALTER TABLE k.t ADD c text");
            run.put(List.of(record(3, "a", "b", "c"))).awaitCommittable();
            assertEquals(List.of(), run.letters());
            assertEquals("c3", rows().get(3).getString("c"));
        }
    }

    /** Connect leaves a task that takes longer than 5 s to its fate, and starts the next one beside it. */
    @Test
    void aTaskEndsInTimeWhileItAsksAFrozenCassandraForItsTables() throws Exception {
        Map<String, String> settings = new HashMap<>(settings("*, "));
        settings.put("queryExecutionTimeout", "600");
        TaskRun run = new TaskRun(settings, TOPIC, true);
        run.put(List.of(record(0, "a"))).awaitCommittable();
        server.freeze();
        assertTimeout(Duration.ofSeconds(5), () -> {
            run.deliver(List.of(record(1, "a", "b")));
            assertEquals(1, run.committable());
            run.close();
        });
    }

    /** JSON drifts: a stream of records with unknown fields must not make the cluster tell its tables all the time. */
    @Test
    void asksForTheTablesOnceForAllBadRecordsOfADelivery() {
        try (TaskRun run = run("*, ")) {
            run.deliver(IntStream.range(0, 500)
                    .mapToObj(n -> record(n, "a", "x" + n))
                    .toList());
            assertTrue(run.isPaused()); // More that wait for a verdict would fill the memory.
            run.put(List.of()).awaitCommittable();
            assertEquals(500, run.letters().size());
        }
    }

    /** Each delivery may bring such a record: the tables are asked for seldom, and no thread waits for that. */
    @Test
    void aRecordThatWaitsForItsVerdictHoldsUpNoOther() {
        try (TaskRun run = run("*, ")) {
            for (int round = 0; round < 3; round++) {
                int offset = 2 * round;
                run.deliver(List.of(record(offset, "a", "x"), record(offset + 1, "a")));
                assertEquals(round, run.letters().size());
                assertFalse(run.isPaused());
                run.until(() -> rows().stream().anyMatch(row -> row.getInt("n") == offset + 1));
                run.awaitCommittable();
                assertEquals(round + 1, run.letters().size());
            }
        }
    }

    @Test
    void refusesAConsistencyLevelThatOneReplicaCannotReach() {
        Map<String, String> settings = new HashMap<>(settings("*, "));
        settings.remove("task.number");
        settings.put("topic.t.k.t.consistencyLevel", "TWO");
        assertEquals(
                Set.of("topic.t.k.t.consistencyLevel"),
                Problems.of(new CassandraSinkConnector().validate(settings).configValues())
                        .keySet());
        assertTrue(TaskRun.failure(settings, TOPIC).contains("can never reach TWO"));
    }

    private static Schema named(SchemaBuilder schema, String name) {
        return schema.name("io.debezium." + name).build();
    }

    @Test
    void writesDebeziumsTypes() throws IOException {
        assumeTrue(hasVectors());
        cql.execute("CREATE TABLE k.debezium (id text PRIMARY KEY, d date, ti time, zti time, ts timestamp, "
                + "zts timestamp, i duration, u uuid, j text, e set<text>, bi blob, v decimal, ip inet, "
                + "ve vector<float, 2>)");
        Schema variable = SchemaBuilder.struct()
                .name("io.debezium.data.VariableScaleDecimal")
                .field("scale", Schema.INT32_SCHEMA)
                .field("value", Schema.BYTES_SCHEMA)
                .build();
        Schema schema = SchemaBuilder.struct()
                .field("d", named(SchemaBuilder.int32(), "time.Date"))
                .field("ti", named(SchemaBuilder.int64(), "time.MicroTime"))
                .field("zti", named(SchemaBuilder.string(), "time.ZonedTime"))
                .field("ts", named(SchemaBuilder.int64(), "time.MicroTimestamp"))
                .field("zts", named(SchemaBuilder.string(), "time.ZonedTimestamp"))
                .field("i", named(SchemaBuilder.string(), "time.Interval"))
                .field("u", named(SchemaBuilder.string(), "data.Uuid"))
                .field("j", named(SchemaBuilder.string(), "data.Json"))
                .field("e", named(SchemaBuilder.string(), "data.EnumSet"))
                .field("bi", named(SchemaBuilder.bytes(), "data.Bits"))
                .field("v", variable)
                .field("ip", Schema.STRING_SCHEMA)
                .field("ve", named(SchemaBuilder.array(Schema.FLOAT64_SCHEMA), "data.DoubleVector"))
                .build();
        UUID uuid = UUID.randomUUID();
        Struct value = new Struct(schema)
                .put("d", -1)
                .put("ti", 86_399_999_999L)
                .put("zti", "01:02:03.000004Z")
                .put("ts", -1_000L)
                .put("zts", "2020-01-02T03:04:05.678Z")
                .put("i", "P1Y2M3DT4H5M6.5S")
                .put("u", uuid.toString())
                .put("j", "{}")
                .put("e", "b,a")
                .put("bi", new byte[] {3})
                .put("v", new Struct(variable).put("scale", 2).put("value", new byte[] {-5}))
                .put("ip", "2001:db8::1")
                .put("ve", List.of(0.5, 1.5));
        Map<String, String> settings = Map.of(
                "port",
                Integer.toString(server.port()),
                "topics",
                TOPIC,
                "topic.t.k.debezium.mapping",
                "*, id=key, __timestamp=header.v");
        try (TaskRun run = new TaskRun(settings, TOPIC, false)) {
            SinkRecord record = new SinkRecord(TOPIC, 0, Schema.STRING_SCHEMA, "x", schema, value, 0);
            record.headers().addLong("v", 1);
            run.put(List.of(record)).awaitCommittable();
        }
        Row row = cql.execute("SELECT d,ti,zti,ts,zts,i,u,j,e,bi,v,ip,ve FROM k.debezium")
                .one();
        List<Object> expected = List.of(
                LocalDate.of(1969, 12, 31),
                LocalTime.of(23, 59, 59, 999_999_000),
                LocalTime.of(1, 2, 3, 4_000),
                Instant.ofEpochMilli(-1),
                Instant.parse("2020-01-02T03:04:05.678Z"),
                CqlDuration.newInstance(14, 3, 14_706_500_000_000L),
                uuid,
                "{}",
                Set.of("a", "b"),
                ByteBuffer.wrap(new byte[] {3}),
                new BigDecimal("-0.05"),
                InetAddress.getByName("2001:db8::1"),
                CqlVector.newInstance(0.5f, 1.5f));
        assertEquals(
                expected,
                IntStream.range(0, expected.size()).mapToObj(row::getObject).toList());
    }
}
