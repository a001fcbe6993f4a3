package dev.penstock.cassandra.sink.real;

import static dev.penstock.cassandra.sink.real.Users.GENERATION;
import static dev.penstock.cassandra.sink.real.Users.KEY;
import static dev.penstock.cassandra.sink.real.Users.TOPIC;
import static dev.penstock.cassandra.sink.real.Users.delete;
import static dev.penstock.cassandra.sink.real.Users.id;
import static dev.penstock.cassandra.sink.real.Users.upsert;
import static dev.penstock.cassandra.sink.real.Users.withVersion;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.datastax.oss.driver.api.core.cql.Row;
import dev.penstock.cassandra.sink.CassandraSinkConnector;
import java.io.IOException;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.apache.kafka.common.config.ConfigValue;
import org.apache.kafka.connect.data.Decimal;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.data.Timestamp;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.sink.SinkRecord;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** The task against a real Cassandra: {@code mvn test -Dcassandra.port=21042}. */
@Tag("cassandra")
@Tag("slow")
@EnabledIfSystemProperty(named = "cassandra.port", matches = "\\d+")
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class CassandraSinkTest extends RealCassandra {

    private static final String MAPPING = "topic.views.users.penstock.users.mapping";

    @BeforeAll
    static void create() {
        cql.execute("CREATE KEYSPACE penstock WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
        cql.execute("CREATE TABLE penstock.users (country text, id uuid, name text, age int, row_version bigint, "
                + "PRIMARY KEY (country, id))");
        cql.execute("CREATE TABLE penstock.types (a text PRIMARY KEY, b uuid, c int, d bigint, e smallint, f tinyint, "
                + "g boolean, h double, i float, j decimal, k varint, l date, m timestamp, n blob, o frozen<list<int>>,"
                + " p map<text, bigint>, q frozen<set<text>>, \"R s\" ascii)");
        cql.execute("CREATE TABLE penstock.hits (id text PRIMARY KEY, n counter)");
    }

    @BeforeEach
    void empty() throws IOException, InterruptedException {
        server.revive(cql);
        cql.execute("TRUNCATE penstock.users");
    }

    private static Map<String, String> settings() {
        Map<String, String> settings = new HashMap<>();
        settings.put("name", "sink");
        settings.put("contactPoints", "127.0.0.1");
        settings.put("port", Integer.toString(server.port()));
        settings.put("topics", TOPIC);
        settings.put("maxBatchSizeInBytes", "60000");
        settings.put(MAPPING, "*, row_version=header.version, __timestamp=header.version");
        return settings;
    }

    private static TaskRun run() {
        return new TaskRun(settings(), TOPIC, true);
    }

    private static Map<String, String> rows() {
        Map<String, String> rows = new TreeMap<>();
        cql.execute("SELECT country, id, name, age, row_version FROM penstock.users")
                .forEach(row -> rows.put(
                        row.getString("country") + "/" + row.getUuid("id").getLeastSignificantBits(),
                        row.getString("name") + "/" + row.getObject("age") + "/"
                                + (row.getLong("row_version") - GENERATION)));
        return rows;
    }

    @Test
    void writesARowWithItsVersionAndNulls() {
        try (TaskRun run = run()) {
            run.put(List.of(upsert("Österreich", id(1), "Ada", 36, 7), upsert("x", id(2), null, null, 8)))
                    .awaitCommittable();
            assertEquals(Map.of("Österreich/1", "Ada/36/7", "x/2", "null/null/8"), rows());
            Row row = cql.execute("SELECT writetime(name) AS t FROM penstock.users WHERE country='Österreich'")
                    .one();
            assertEquals(GENERATION + 7, row.getLong("t"));
        }
    }

    @Test
    void nullReplacesAValueAndARowOfNullsIsARow() {
        try (TaskRun run = run()) {
            run.put(List.of(upsert("x", id(1), "Ada", 36, 7)))
                    .put(List.of(upsert("x", id(1), null, null, 8)))
                    .awaitCommittable();
            assertEquals(Map.of("x/1", "null/null/8"), rows());
        }
    }

    @Test
    void aDeleteHidesOlderRowsOnly() {
        try (TaskRun run = run()) {
            run.put(List.of(upsert("x", id(1), "Ada", 36, 7), upsert("x", id(2), "Bob", 40, 9)));
            run.put(List.of(delete("x", id(1), 10), delete("x", id(2), 8))).awaitCommittable();
            assertEquals(Map.of("x/2", "Bob/40/9"), rows());
            run.put(List.of(upsert("x", id(1), "late", 1, 9))).awaitCommittable();
            assertEquals(Map.of("x/2", "Bob/40/9"), rows());
        }
    }

    @Test
    void writesEveryType() {
        Schema schema = SchemaBuilder.struct()
                .field("a", Schema.STRING_SCHEMA)
                .field("b", Schema.STRING_SCHEMA)
                .field("c", Schema.INT32_SCHEMA)
                .field("d", Schema.INT64_SCHEMA)
                .field("e", Schema.INT16_SCHEMA)
                .field("f", Schema.INT8_SCHEMA)
                .field("g", Schema.BOOLEAN_SCHEMA)
                .field("h", Schema.FLOAT64_SCHEMA)
                .field("i", Schema.FLOAT32_SCHEMA)
                .field("j", Decimal.schema(3))
                .field("k", Decimal.schema(0))
                .field("l", org.apache.kafka.connect.data.Date.SCHEMA)
                .field("m", Timestamp.SCHEMA)
                .field("n", Schema.BYTES_SCHEMA)
                .field("o", SchemaBuilder.array(Schema.INT32_SCHEMA).build())
                .field(
                        "p",
                        SchemaBuilder.map(Schema.STRING_SCHEMA, Schema.INT64_SCHEMA)
                                .build())
                .field("q", SchemaBuilder.array(Schema.STRING_SCHEMA).build())
                .field("r", Schema.STRING_SCHEMA)
                .build();
        Struct value = new Struct(schema)
                .put("a", "key")
                .put("b", id(5).toString())
                .put("c", -1)
                .put("d", 1L << 60)
                .put("e", (short) 3)
                .put("f", (byte) 4)
                .put("g", true)
                .put("h", 0.1)
                .put("i", 0.1f)
                .put("j", new BigDecimal("-0.100"))
                .put("k", new BigDecimal("123456789012345678901234567890"))
                .put("l", new Date(0))
                .put("m", new Date(-1))
                .put("n", new byte[] {1, 2})
                .put("o", List.of(2, 1))
                .put("p", Map.of("x", 9L))
                .put("q", List.of("b", "a"))
                .put("r", "ascii");
        Map<String, String> settings = settings();
        settings.remove(MAPPING);
        settings.put("topic.views.users.penstock.types.mapping", "*, a=key, \"R s\"=value.r");
        try (TaskRun run = new TaskRun(settings, TOPIC, false)) {
            run.put(List.of(new SinkRecord(
                            TOPIC,
                            0,
                            Schema.STRING_SCHEMA,
                            "key",
                            schema,
                            value,
                            0,
                            1_700_000_000_000L,
                            org.apache.kafka.common.record.TimestampType.CREATE_TIME)))
                    .awaitCommittable();
        }
        Row row = cql.execute("SELECT a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q,\"R s\",writetime(c) FROM penstock.types")
                .one();
        List<Object> expected = List.of(
                "key",
                id(5),
                -1,
                1L << 60,
                (short) 3,
                (byte) 4,
                true,
                0.1,
                0.1f,
                new BigDecimal("-0.100"),
                new java.math.BigInteger("123456789012345678901234567890"),
                LocalDate.EPOCH,
                Instant.ofEpochMilli(-1),
                ByteBuffer.wrap(new byte[] {1, 2}),
                List.of(2, 1),
                Map.of("x", 9L),
                java.util.Set.of("a", "b"),
                "ascii",
                1_700_000_000_000_000L);
        assertEquals(
                expected,
                IntStream.range(0, expected.size()).mapToObj(row::getObject).toList());
    }

    @Test
    void putsBadRecordsAsideAndGoesOn() {
        SinkRecord noVersion = upsert("x", id(3), "n", 1, 3);
        noVersion.headers().remove("version");
        Schema extra = SchemaBuilder.struct()
                .field("country", Schema.STRING_SCHEMA)
                .field("id", Schema.STRING_SCHEMA)
                .field("surprise", Schema.STRING_SCHEMA)
                .build();
        SinkRecord unknownField = withVersion(
                new SinkRecord(
                        TOPIC,
                        0,
                        null,
                        null,
                        extra,
                        new Struct(extra)
                                .put("country", "x")
                                .put("id", id(4).toString())
                                .put("surprise", "!"),
                        4),
                GENERATION + 4);
        SinkRecord noKey = withVersion(new SinkRecord(TOPIC, 0, null, null, null, null, 5), GENERATION + 5);
        SinkRecord badUuid = withVersion(
                new SinkRecord(
                        TOPIC, 0, KEY, new Struct(KEY).put("country", "x").put("id", "12"), null, null, 7),
                GENERATION + 7);
        try (TaskRun run = run()) {
            // The server itself refuses an empty partition key: its whole batch comes back and is taken apart.
            run.put(List.of(
                            upsert("x", id(1), "good", 1, 1),
                            upsert("", id(2), "empty key", 1, 2),
                            noVersion,
                            unknownField,
                            noKey,
                            upsert("x", id(6), "good", 1, 6),
                            badUuid))
                    .awaitCommittable();
            assertEquals(Map.of("x/1", "good/1/1", "x/6", "good/1/6"), rows());
            Map<Long, String> letters = new TreeMap<>();
            run.context.letters.forEach(letter ->
                    letters.put(letter.getKey().kafkaOffset(), letter.getValue().getMessage()));
            assertEquals(List.of(2L, 3L, 4L, 5L, 7L), List.copyOf(letters.keySet()));
            assertEquals("penstock.users: Cassandra refuses the row: Key may not be empty", letters.get(2L));
            assertEquals("penstock.users: __timestamp: the record has no header.version", letters.get(3L));
            assertEquals("penstock.users: field surprise of the value has no column", letters.get(4L));
            assertEquals("penstock.users: column country of the primary key is null", letters.get(5L));
            assertTrue(letters.get(7L).startsWith("penstock.users: column id: cannot write string '12' as uuid"));
        }
    }

    /** Over its max_mutation_size; Cassandra 4.0 says that it failed, later ones say whose fault it is. */
    @Test
    void aRowThatTheServerNeverTakesIsPutAside() {
        try (TaskRun run = run()) {
            run.put(List.of(upsert("x", id(1), "n".repeat(17 << 20), 1, 1)));
            for (long n = 2; run.context.letters.isEmpty(); n++) {
                run.put(List.of(upsert("x", id(n), "good", 1, n))).committable();
            }
            run.awaitCommittable();
            assertEquals(1, run.context.letters.get(0).getKey().kafkaOffset());
            assertEquals("good/1/2", rows().get("x/2"));
        }
    }

    @Test
    void failsWithOneClearLineWhenErrorsAreNotTolerated() {
        try (TaskRun run = new TaskRun(settings(), TOPIC, false)) {
            run.put(List.of(upsert("x", id(1), "good", 1, 1))).awaitCommittable();
            SinkRecord bad = upsert("x", id(2), "bad", 1, 2);
            bad.headers().remove("version");
            String message = assertThrows(ConnectException.class, () -> run.put(List.of(bad)))
                    .getMessage();
            assertTrue(
                    message.startsWith("Cannot write the record at topic views.users, partition 0, offset 2: "
                            + "penstock.users: __timestamp"),
                    message);
            assertEquals(2, run.committable());
        }
    }

    @Test
    void validationFindsWhatIsWrongWithTheTables() {
        Map<String, String> settings = settings();
        settings.put("topics", TOPIC + ",a,b,c");
        settings.put(MAPPING, "nam=value.name, country=key.country");
        settings.put("topic.a.penstock.nothing.mapping", "*");
        settings.put("topic.b.nowhere.users.mapping", "*");
        settings.put("topic.c.penstock.hits.mapping", "*");
        settings.put("contactPoint", "1");
        Map<String, List<String>> problems = problems(settings);
        assertEquals(
                List.of(
                        "Table penstock.users has no column nam; it has country, id, age, name, row_version",
                        "Column id of the primary key of penstock.users is not mapped"),
                problems.remove(MAPPING));
        assertEquals(
                List.of("Table penstock.nothing does not exist; create it"),
                problems.remove("topic.a.penstock.nothing.mapping"));
        assertEquals(
                List.of("Keyspace nowhere does not exist; create it"),
                problems.remove("topic.b.nowhere.users.mapping"));
        assertTrue(problems.remove("topic.c.penstock.hits.mapping").get(0).contains("counter"));
        assertEquals(java.util.Set.of("contactPoint"), problems.keySet());
        assertEquals(Map.of(), problems(settings()));
    }

    @Test
    void validationFindsAClusterThatIsNotThereAndAWrongDatacenter() {
        Map<String, String> settings = settings();
        settings.put("port", "21999");
        assertTrue(problems(settings).get("contactPoints").get(0).contains("127.0.0.1 port 21999 does not answer"));
        settings = settings();
        settings.put("loadBalancing.localDc", "mars");
        assertEquals(
                List.of("loadBalancing.localDc: the cluster has no datacenter mars, only datacenter1"),
                problems(settings).get("loadBalancing.localDc"));
    }

    private static Map<String, List<String>> problems(Map<String, String> settings) {
        return new HashMap<>(new CassandraSinkConnector()
                .validate(settings).configValues().stream()
                        .filter(value -> !value.errorMessages().isEmpty())
                        .collect(Collectors.toMap(ConfigValue::name, ConfigValue::errorMessages)));
    }

    @Test
    void aTaskFailsAtOnceWhenATableIsMissing() {
        Map<String, String> settings = settings();
        settings.put("topic.views.users.penstock.nothing.mapping", "*");
        String message = TaskRun.failure(settings, TOPIC);
        assertTrue(message.endsWith("Table penstock.nothing does not exist; create it"), message);
    }

    @Test
    void aTaskFailsWhenItsTableIsDroppedInsteadOfFillingTheDeadLetters() {
        cql.execute("CREATE TABLE penstock.gone (country text, id uuid, name text, age int, row_version bigint, "
                + "PRIMARY KEY (country, id))");
        Map<String, String> settings = settings();
        settings.put("topic.views.users.penstock.gone.mapping", settings.remove(MAPPING));
        try (TaskRun run = new TaskRun(settings, TOPIC, true)) {
            run.put(List.of(upsert("x", id(1), "n", 1, 0))).awaitCommittable();
            cql.execute("DROP TABLE penstock.gone");
            ConnectException failure =
                    assertThrows(ConnectException.class, () -> run.put(List.of(upsert("x", id(2), "n", 1, 1)))
                            .awaitCommittable());
            assertTrue(
                    failure.getMessage().endsWith("Table penstock.gone does not exist; create it"),
                    failure.getMessage());
            assertEquals(1, run.committable());
        }
    }

    @Test
    void losesNothingWhileCassandraIsFrozen() throws Exception {
        faultUnderLoad(() -> {
            server.freeze();
            return server::thaw;
        });
    }

    @Test
    void losesNothingWhenCassandraIsKilled() throws Exception {
        faultUnderLoad(() -> {
            server.kill();
            return server::launch;
        });
    }

    /** A fault, and what heals it. */
    private interface Fault {
        Heal strike() throws Exception;
    }

    private interface Heal {
        void heal() throws Exception;
    }

    private void faultUnderLoad(Fault fault) throws Exception {
        int after = 20_000;
        try (TaskRun run = run()) {
            load(run, 0, 10_000);
            Heal heal = fault.strike();
            // The backlog fills, the task pauses, and from then on no offset moves.
            int position = putUntilPaused(run, 10_000);
            long stuck = run.committable();
            assertTrue(stuck < position, "all of " + position + " was acknowledged without a server");
            long end = System.nanoTime() + Duration.ofSeconds(5).toNanos();
            while (System.nanoTime() < end) {
                run.deliver(List.of());
                assertTrue(run.isPaused());
                assertEquals(stuck, run.committable());
            }
            heal.heal();
            load(run, position, after);
            run.awaitCommittable();
        }
        assertEquals(LongStream.range(0, after).boxed().collect(Collectors.toSet()), versions());
    }

    private static int putUntilPaused(TaskRun run, int from) {
        int position = from;
        while (!run.isPaused()) {
            assertTrue(position < from + 6_000, "the task takes records in without end");
            run.deliver(records(position, position + 500));
            position += 500;
        }
        return position;
    }

    private static List<SinkRecord> records(int from, int to) {
        return IntStream.range(from, to)
                .mapToObj(offset -> upsert("c" + offset % 500, id(offset), "name " + offset, offset, offset))
                .toList();
    }

    private static void load(TaskRun run, int from, int to) {
        for (int start = from; start < to; start += 500) {
            run.put(records(start, Math.min(to, start + 500)));
        }
    }

    private static java.util.Set<Long> versions() throws InterruptedException {
        return server.read(cql, "SELECT row_version FROM penstock.users").stream()
                .map(row -> row.getLong(0) - GENERATION)
                .collect(Collectors.toSet());
    }

    @Test
    void waitsForACassandraThatIsAwayAtTheStart() throws Exception {
        server.kill();
        try (TaskRun run = run()) {
            run.deliver(records(0, 3));
            assertTrue(run.isPaused());
            assertEquals(0, run.committable());
            server.launch();
            run.put(List.of()).awaitCommittable();
        }
        server.awaitAnswer(cql);
        assertEquals(3, rows().size());
    }
}
