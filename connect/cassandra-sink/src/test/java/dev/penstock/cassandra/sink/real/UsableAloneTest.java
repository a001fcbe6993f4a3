package dev.penstock.cassandra.sink.real;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.datastax.oss.driver.api.core.cql.Row;
import com.datastax.oss.driver.api.core.data.CqlVector;
import dev.penstock.cassandra.sink.CassandraSinkConnector;
import dev.penstock.cassandra.sink.Problems;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalTime;
import java.util.Date;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.data.Timestamp;
import org.apache.kafka.connect.json.JsonConverter;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.storage.Converter;
import org.apache.kafka.connect.storage.StringConverter;
import org.apache.kafka.connect.transforms.RegexRouter;
import org.apache.kafka.connect.transforms.TimestampConverter;
import org.apache.kafka.connect.transforms.Transformation;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** Records as others send them, made by Connect's own converters and transforms. */
@Tag("cassandra")
@Tag("slow")
@EnabledIfSystemProperty(named = "cassandra.port", matches = "\\d+")
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class UsableAloneTest extends RealCassandra {

    private static final String JSON = "{\"at\": \"2024-01-02T03:04:05.678Z\", \"day\": \"2024-01-02\", "
            + "\"hour\": \"10:15:30\", \"price\": 19.99, \"ratio\": 0.1, \"raw\": \"AP8=\", \"place\": [0.1, 0.2], "
            + "\"home\": {\"street\": \"s\", \"no\": 5}, \"pair\": [\"a\", \"b\"], \"doc\": {\"a\": [1, 2]}, "
            + "\"seen\": 1700000000123}";

    @BeforeAll
    static void create() {
        cql.execute("CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
        cql.execute("CREATE TYPE k.address (street text, no int)");
        cql.execute("CREATE TABLE k.things (id int PRIMARY KEY, at timestamp, day date, hour time, price decimal, "
                + "ratio float, raw blob, place " + (hasVectors() ? "vector<float, 2>" : "frozen<list<float>>")
                + ", home address, pair tuple<text, text>, doc text, seen timestamp)");
        cql.execute("CREATE TABLE k.\"Orders\" (id text PRIMARY KEY, n int)");
        cql.execute("CREATE TABLE k.times (id text PRIMARY KEY, at timestamp, day date, hour time)");
        cql.execute("CREATE TABLE k.docs (id text PRIMARY KEY, body text, n int)");
    }

    private static Map<String, String> settings(String... more) {
        Map<String, String> settings = new HashMap<>(Map.of("name", "alone", "port", Integer.toString(server.port())));
        for (int i = 0; i < more.length; i += 2) {
            settings.put(more[i], more[i + 1]);
        }
        return settings;
    }

    /** A record as a worker makes it: String key, value by a converter, then transforms. */
    private static SinkRecord record(String topic, long offset, String key, String value, Converter converter) {
        SchemaAndValue made =
                converter.toConnectData(topic, value == null ? null : value.getBytes(StandardCharsets.UTF_8));
        return new SinkRecord(
                topic, 0, null, key, made.schema(), made.value(), offset, 1_000L, TimestampType.CREATE_TIME);
    }

    private static Converter json() {
        JsonConverter converter = new JsonConverter();
        converter.configure(Map.of("schemas.enable", "false"), false);
        return converter;
    }

    private static Converter text() {
        StringConverter converter = new StringConverter();
        converter.configure(Map.of(), false);
        return converter;
    }

    private static SinkRecord transformed(
            Transformation<SinkRecord> transform, Map<String, String> options, SinkRecord record) {
        transform.configure(options);
        return transform.apply(record);
    }

    private static List<String> letters(Map<String, String> settings, String topic, SinkRecord... records) {
        assertEquals(
                Map.of(),
                Problems.of(new CassandraSinkConnector().validate(settings).configValues()));
        try (TaskRun run = new TaskRun(settings, topic, true)) {
            run.put(List.of(records)).awaitCommittable();
            return run.context.letters.stream()
                    .map(letter -> letter.getValue().getMessage())
                    .toList();
        }
    }

    private static void assertThing(int id) {
        Row row = cql.execute("SELECT * FROM k.things WHERE id = " + id).one();
        assertEquals(Instant.parse("2024-01-02T03:04:05.678Z"), row.getInstant("at"));
        assertEquals(LocalDate.of(2024, 1, 2), row.getLocalDate("day"));
        assertEquals(LocalTime.of(10, 15, 30), row.getLocalTime("hour"));
        assertEquals(new BigDecimal("19.99"), row.getBigDecimal("price"));
        assertEquals(0.1f, row.getFloat("ratio"));
        assertEquals(ByteBuffer.wrap(new byte[] {0, -1}), row.getByteBuffer("raw"));
        assertEquals(hasVectors() ? CqlVector.newInstance(0.1f, 0.2f) : List.of(0.1f, 0.2f), row.getObject("place"));
        assertEquals(
                "s/5",
                row.getUdtValue("home").getString("street") + "/"
                        + row.getUdtValue("home").getInt("no"));
        assertEquals(
                "a/b",
                row.getTupleValue("pair").getString(0) + "/"
                        + row.getTupleValue("pair").getString(1));
        assertEquals("{\"a\":[1,2]}", row.getString("doc"));
        assertEquals(Instant.ofEpochMilli(1_700_000_000_123L), row.getInstant("seen"));
    }

    @Test
    void takesJsonWithoutASchemaAndJsonText() {
        Map<String, String> settings = settings(
                "topics",
                "things",
                "topic.things.k.things.mapping",
                "*, id=key",
                "topic.things.k.things.conversion",
                "lenient");
        assertEquals(
                List.of(),
                letters(
                        settings,
                        "things",
                        record("things", 0, "1", JSON, json()),
                        record("things", 1, "2", JSON, text())));
        assertThing(1);
        assertThing(2);
    }

    @Test
    void staysExactUnlessToldOtherwise() {
        Map<String, String> settings = settings("topics", "things", "topic.things.k.things.mapping", "*, id=key");
        List<String> letters = letters(settings, "things", record("things", 0, "3", JSON, json()));
        assertEquals(1, letters.size());
        assertTrue(letters.get(0).contains("conversion=lenient"), letters.toString());
    }

    @Test
    void takesWhatTimestampConverterMakes() {
        Map<String, String> settings =
                settings("topics", "things", "topic.things.k.things.mapping", "id=key, seen=value.seen");
        SinkRecord record = transformed(
                new TimestampConverter.Value<>(),
                Map.of("field", "seen", "target.type", "Timestamp"),
                record("things", 0, "4", "{\"seen\": 1700000000123}", json()));
        assertEquals(List.of(), letters(settings, "things", record));
        assertEquals(
                Instant.ofEpochMilli(1_700_000_000_123L),
                cql.execute("SELECT seen FROM k.things WHERE id = 4").one().getInstant(0));
    }

    private static SinkRecord withHeader(SinkRecord record, Object value, Schema schema) {
        record.headers().add("at", value, schema);
        return record;
    }

    /** Connect's own types of time, as transforms make them of numbers, with a schema and without one. */
    @Test
    void takesConnectsTimestampDateAndTimeWithAndWithoutASchema() {
        JsonConverter withSchema = new JsonConverter();
        withSchema.configure(Map.of(), false);
        Map<String, SinkRecord> records = Map.of(
                "bare",
                        record(
                                "times",
                                0,
                                "bare",
                                "{\"at\": %1$d, \"day\": %1$d, \"hour\": %1$d}".formatted(1_700_000_000_123L),
                                json()),
                "named",
                        record(
                                "times",
                                1,
                                "named",
                                """
                        {"schema": {"type": "struct", "fields": [{"field": "at", "type": "int64"},
                        {"field": "day", "type": "int64"}, {"field": "hour", "type": "int64"}]},
                        "payload": {"at": %1$d, "day": %1$d, "hour": %1$d}}"""
                                        .formatted(1_700_000_000_123L),
                                withSchema));
        Map<String, String> settings = settings("topics", "times", "topic.times.k.times.mapping", "*, id=key");
        records.forEach((id, record) -> {
            SinkRecord made = record;
            for (var target :
                    Map.of("at", "Timestamp", "day", "Date", "hour", "Time").entrySet()) {
                made = transformed(
                        new TimestampConverter.Value<>(),
                        Map.of("field", target.getKey(), "target.type", target.getValue()),
                        made);
            }
            assertEquals(List.of(), letters(settings, "times", made));
            Row row = cql.execute("SELECT at, day, hour FROM k.times WHERE id = '" + id + "'")
                    .one();
            assertEquals(
                    List.of(
                            Instant.ofEpochMilli(1_700_000_000_123L),
                            LocalDate.of(2023, 11, 14),
                            LocalTime.of(22, 13, 20, 123_000_000)),
                    List.of(row.getInstant(0), row.getLocalDate(1), row.getLocalTime(2)));
        });
    }

    @Test
    void cutsOffPartsOfAMillisecondOnlyWhenTold() {
        Schema schema = SchemaBuilder.struct()
                .field(
                        "at",
                        SchemaBuilder.int64()
                                .name("io.debezium.time.MicroTimestamp")
                                .build())
                .build();
        SinkRecord record = new SinkRecord(
                "times",
                0,
                null,
                "floor",
                schema,
                new Struct(schema).put("at", 1_999L),
                0,
                1_000L,
                TimestampType.CREATE_TIME);
        Map<String, String> settings = settings("topics", "times", "topic.times.k.times.mapping", "*, id=key");
        assertEquals(1, letters(settings, "times", record).size());
        settings.put("timestampPrecision", "floor");
        assertEquals(List.of(), letters(settings, "times", record));
        assertEquals(
                Instant.ofEpochMilli(1),
                cql.execute("SELECT at FROM k.times WHERE id = 'floor'").one().getInstant(0));
        settings.put("topic.times.k.times.timestampPrecision", "exact");
        assertEquals(1, letters(settings, "times", record).size());
    }

    /** Where a version may come from, and what it may be written as: microseconds in the table. */
    @Test
    void takesTheVersionFromWhereItIs() {
        SinkRecord plain = record("docs", 77, "v", "{\"n\": 1}", json());
        assertEquals(1_000_000L, version("record.timestamp", "MICROSECONDS", plain));
        assertEquals(1_000_000L, version(null, "MICROSECONDS", plain));
        assertEquals(77L, version("record.offset", "MICROSECONDS", plain));
        assertEquals(
                5_000L,
                version(
                        "header.at",
                        "MICROSECONDS",
                        withHeader(record("docs", 0, "v", "{\"n\": 1}", json()), new Date(5), Timestamp.SCHEMA)));
        for (Object written : List.of("6", "6".getBytes(StandardCharsets.UTF_8), (byte) 6, 6L)) {
            assertEquals(
                    6_000L,
                    version(
                            "header.at",
                            "MILLISECONDS",
                            withHeader(record("docs", 0, "v", "{\"n\": 1}", json()), written, null)));
        }
        assertEquals(8_000_000L, version("key", "SECONDS", record("docs", 0, "8", "{\"n\": 1}", json())));
        assertEquals(9L, version("value.n", "MICROSECONDS", record("docs", 0, "v", "{\"n\": 9}", json())));
    }

    private static long version(String source, String unit, SinkRecord record) {
        cql.execute("TRUNCATE k.docs");
        Map<String, String> settings = settings(
                "topics",
                "docs",
                "topic.docs.k.docs.mapping",
                "id=key, n=value.n" + (source == null ? "" : ", __timestamp=" + source));
        if (!unit.equals("MICROSECONDS")) {
            settings.put("topic.docs.k.docs.timestampTimeUnit", unit);
        }
        settings.put("topic.docs.k.docs.deletesEnabled", "false");
        assertEquals(List.of(), letters(settings, "docs", record));
        return cql.execute("SELECT writetime(n) FROM k.docs").one().getLong(0);
    }

    @Test
    void aWholeTextStaysText() {
        Map<String, String> settings = settings("topics", "docs", "topic.docs.k.docs.mapping", "id=key, body=value");
        assertEquals(List.of(), letters(settings, "docs", record("docs", 0, "x", "{\"n\": 1}", text())));
        assertEquals(
                "{\"n\": 1}",
                cql.execute("SELECT body FROM k.docs WHERE id = 'x'").one().getString(0));
    }

    /** A setting names the topic as it was or as the transform calls it; offsets are always of the one that was. */
    @Test
    void takesRecordsOfTopicsThatATransformRenames() {
        SinkRecord record = transformed(
                new RegexRouter<>(),
                Map.of("regex", "app\\.(.*)", "replacement", "$1"),
                record("app.docs", 0, "r", "{\"n\": 7}", json()));
        assertEquals("docs", record.topic());
        for (String named : List.of("docs", "app.docs")) {
            cql.execute("TRUNCATE k.docs");
            Map<String, String> settings = settings(
                    "topics",
                    "app.docs",
                    "transforms",
                    "route",
                    "transforms.route.type",
                    "x",
                    "topic." + named + ".k.docs.mapping",
                    "*, id=key");
            assertEquals(List.of(), letters(settings, "app.docs", record));
            assertEquals(
                    7, cql.execute("SELECT n FROM k.docs WHERE id = 'r'").one().getInt(0));
        }
    }

    /** Two changes of one key within a millisecond: the later one wins by its place. */
    @Test
    void aTopicNamesItsTableAndTheOffsetIsTheVersion() {
        Map<String, String> settings = settings(
                "topics.regex",
                "Orders|late.*",
                "keyspace",
                "k",
                "topic.Orders.k.Orders.mapping",
                "*, id=key, __timestamp=record.offset");
        assertEquals(
                List.of(),
                letters(
                        settings,
                        "Orders",
                        record("Orders", 5, "o", "{\"n\": 9}", json()),
                        record("Orders", 6, "o", "{\"n\": 1}", json()),
                        record("Orders", 7, "p", "{\"n\": 1}", json()),
                        record("Orders", 8, "p", null, json())));
        Row row = cql.execute("SELECT id, n, writetime(n) FROM k.\"Orders\"").one();
        assertEquals("o/1/6", row.getString(0) + "/" + row.getInt(1) + "/" + row.getLong(2));
    }

    /** No topic is known that would have a table, so the keyspace itself is looked at. */
    @Test
    void theKeyspaceOfTopicsThatComeLaterIsHeldAgainstTheCluster() {
        for (List<String> wrong : List.of(
                List.of("keyspace", "nowhere", "Keyspace nowhere does not exist"),
                List.of("consistencyLevel", "TWO", "can never reach TWO"))) {
            Map<String, String> settings = settings("topics.regex", "late.*", "keyspace", "k");
            settings.put(wrong.get(0), wrong.get(1));
            assertEquals(
                    Set.of(wrong.get(0)),
                    Problems.of(new CassandraSinkConnector().validate(settings).configValues())
                            .keySet());
            String message = TaskRun.failure(settings, "late0");
            assertTrue(message.contains(wrong.get(2)), message);
        }
    }

    /** A topic of an expression that has no table costs its records and no others; its table is found once made. */
    @Test
    void theTableOfATopicIsFoundWhenItsFirstRecordComes() {
        Map<String, String> settings = settings("topics.regex", "late.*", "keyspace", "k");
        try (TaskRun run = new TaskRun(settings, "late1", true)) {
            run.put(List.of(record("late1", 0, null, "{\"id\": \"a\"}", json())))
                    .awaitCommittable();
            assertEquals(1, run.context.letters.size());
            cql.execute("CREATE TABLE k.late1 (id text PRIMARY KEY)");
            run.put(List.of(record("late1", 1, null, "{\"id\": \"b\"}", json())))
                    .awaitCommittable();
            assertEquals(1, run.context.letters.size());
            assertEquals(
                    Set.of("b"),
                    Set.copyOf(cql.execute("SELECT id FROM k.late1").all().stream()
                            .map(row -> row.getString(0))
                            .toList()));
            cql.executeAsync("DROP TABLE k.late1");
            for (int offset = 2; run.context.letters.size() < 2; offset++) {
                run.put(List.of(record("late1", offset, null, "{\"id\": \"c\"}", json())));
            }
            run.awaitCommittable();
            String reason = run.context.letters.get(1).getValue().getMessage();
            assertTrue(reason.contains("topic late1 has no table"), reason);
        }
    }
}
