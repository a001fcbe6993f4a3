package dev.penstock.cassandra.sink.real;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.datastax.oss.driver.api.core.cql.Row;
import dev.penstock.cassandra.sink.CassandraSinkConnector;
import dev.penstock.cassandra.sink.Problems;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.sink.SinkRecord;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** ttl, versions in the value, nullToUnset, deletesEnabled, and what is refused: against a real Cassandra. */
@Tag("cassandra")
@EnabledIfSystemProperty(named = "cassandra.port", matches = "\\d+")
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class RowRulesTest extends RealCassandra {

    private static final String TABLE = "topic.t.k.u.";
    private static final String SELECT = "SELECT a, b, ttl(a) AS life, writetime(a) AS version FROM k.u WHERE id = 'x'";

    @BeforeAll
    static void create() {
        cql.execute("CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
        cql.execute("CREATE TABLE k.u (id text PRIMARY KEY, a text, b text)");
        cql.execute("CREATE TABLE k.mortal (id text PRIMARY KEY, a text) WITH default_time_to_live = 1000");
        cql.execute("CREATE TABLE k.collections (id text PRIMARY KEY, m map<text, int>, s set<text>, "
                + "l frozen<list<int>>)");
        cql.execute("CREATE TABLE k.open_list (id text PRIMARY KEY, l list<int>)");
        cql.execute("CREATE TABLE k.shared (id text, c text, s text STATIC, PRIMARY KEY (id, c))");
        if (hasVectors()) {
            cql.execute("CREATE TABLE k.typed (id text PRIMARY KEY, place vector<int, 2>)");
        }
        cql.execute("CREATE TABLE k.hits (id text PRIMARY KEY, n counter)");
    }

    @BeforeEach
    void empty() {
        cql.execute("TRUNCATE k.u");
    }

    private static Map<String, String> settings(String... more) {
        Map<String, String> settings =
                new HashMap<>(Map.of("name", "sink", "topics", "t", "port", Integer.toString(server.port())));
        for (int i = 0; i < more.length; i += 2) {
            settings.put(more[i], more[i + 1]);
        }
        return settings;
    }

    /** A record as JSON without schemas brings it: a map. */
    private static SinkRecord record(long offset, long millis, Map<String, ?> value) {
        return new SinkRecord(
                "t", 0, Schema.STRING_SCHEMA, "x", null, value, offset, millis, TimestampType.CREATE_TIME);
    }

    private static Map<String, Object> value(Object... fields) {
        Map<String, Object> value = new HashMap<>();
        for (int i = 0; i < fields.length; i += 2) {
            value.put((String) fields[i], fields[i + 1]);
        }
        return value;
    }

    private static List<String> letters(Map<String, String> settings, SinkRecord... records) {
        try (TaskRun run = new TaskRun(settings, "t", true)) {
            run.put(List.of(records)).awaitCommittable();
            return run.context.letters.stream()
                    .map(letter -> letter.getValue().getMessage())
                    .toList();
        }
    }

    private static Row row() {
        return cql.execute(SELECT).one();
    }

    private static void assertLife(int seconds, Row row) {
        assertTrue(row.getInt("life") > seconds - 60 && row.getInt("life") <= seconds, row.getFormattedContents());
    }

    @Test
    void aLetterThatIsWrittenWhenOffsetsAreAskedForIsAcknowledged() {
        try (TaskRun run = new TaskRun(settings(TABLE + "mapping", "id=key, a=value.a"), "t", true)) {
            CompletableFuture<Void> written = new CompletableFuture<>();
            run.context.written = () -> written;
            run.put(List.of(record(0, 1, value("a", 7))));
            assertEquals(0, run.committable());
            written.complete(null);
            assertEquals(1, run.committable());
        }
    }

    @Test
    void everyRowLivesAsLongAsItsTableSays() {
        assertEquals(
                List.of(),
                letters(
                        settings(
                                TABLE + "mapping",
                                "id=key, a=value.a",
                                TABLE + "ttl",
                                "2",
                                TABLE + "ttlTimeUnit",
                                "HOURS"),
                        record(0, 5, value("a", "1"))));
        assertLife(7200, row());
        assertEquals(5000, row().getLong("version"));
    }

    @Test
    void aRecordMayNameItsLife() {
        Map<String, String> settings = settings(
                TABLE + "mapping",
                "*, id=key, __ttl=value.life",
                TABLE + "ttl",
                "500000",
                TABLE + "ttlTimeUnit",
                "MILLISECONDS");
        letters(settings, record(0, 1, value("a", "1", "life", 99_001)));
        assertLife(100, row());
        letters(settings, record(1, 2, value("a", "2", "life", null)));
        assertLife(500, row());
        letters(settings, record(2, 3, value("a", "3", "life", 0)));
        assertTrue(row().isNull("life"), row().getFormattedContents());
        assertEquals(
                List.of(
                        "k.u: __ttl: value.life is not a whole number of milliseconds from 0 to 20 years: '-1'",
                        "k.u: __ttl: the record has no value.life"),
                letters(settings, record(3, 4, value("a", "4", "life", -1)), record(4, 5, value("a", "4"))));
        assertEquals("3", row().getString("a"));
    }

    @Test
    void withoutAnythingTheTablesDefaultLifeHolds() {
        String select = "SELECT ttl(a) AS life FROM k.mortal WHERE id = 'x'";
        Map<String, String> settings = settings("topic.t.k.mortal.mapping", "id=key, a=value.a, __ttl=value.life");
        letters(settings, record(0, 1, value("a", "1", "life", null)));
        assertLife(1000, cql.execute(select).one());
        letters(settings("topic.t.k.mortal.mapping", "id=key, a=value.a"), record(1, 2, value("a", "1")));
        assertLife(1000, cql.execute(select).one());
        letters(
                settings("topic.t.k.mortal.mapping", "id=key, a=value.a", "topic.t.k.mortal.ttl", "0"),
                record(2, 3, value("a", "1")));
        assertTrue(cql.execute(select).one().isNull("life"));
    }

    /** What the README says of it: the newest version stays, and its life starts again. */
    @Test
    void aRepetitionStartsTheLifeAgain() throws InterruptedException {
        Map<String, String> settings = settings(TABLE + "mapping", "id=key, a=value.a, __ttl=value.life");
        letters(settings, record(0, 5, value("a", "new", "life", 1)));
        long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (row() != null) {
            assertTrue(System.nanoTime() < deadline, "the row outlives its second");
            TimeUnit.MILLISECONDS.sleep(50);
        }
        letters(settings, record(0, 5, value("a", "new", "life", 1000)));
        assertLife(1000, row());
        assertEquals("new", row().getString("a"));
    }

    @Test
    void theVersionMayBeInTheValueWhenNothingIsDeleted() {
        Map<String, String> settings = settings(
                TABLE + "mapping",
                "*, id=key, __timestamp=value.at",
                TABLE + "deletesEnabled",
                "false",
                TABLE + "timestampTimeUnit",
                "SECONDS");
        assertEquals(
                List.of(
                        "k.u: the record has no value, and deletesEnabled is false",
                        "k.u: __timestamp: value.at is not a whole number of seconds in 64 bits: "
                                + "'9223372036854775807'"),
                letters(
                        settings,
                        record(0, 1, value("a", "new", "at", 9)),
                        record(1, 1, value("a", "old", "at", 8)),
                        record(2, 1, null),
                        record(3, 1, value("a", "late", "at", Long.MAX_VALUE))));
        assertEquals("new", row().getString("a"));
        assertEquals(9_000_000, row().getLong("version"));
    }

    @Test
    void anUnsetNullLeavesTheColumnAsItIs() {
        Map<String, String> settings = settings(TABLE + "mapping", "*, id=key", TABLE + "nullToUnset", "true");
        letters(
                settings,
                record(0, 1, value("a", "1", "b", "1")),
                record(1, 2, value("a", null, "b", "2")),
                record(2, 3, value("a", "3")));
        assertEquals("3/2", row().getString("a") + "/" + row().getString("b"));
        letters(settings(TABLE + "mapping", "*, id=key"), record(3, 4, value("a", "4")));
        assertNull(row().getString("b"));
        letters(settings, record(4, 5, null));
        assertNull(row());
    }

    /** Each column keeps its newest value that is not null, in whatever order and however often records come. */
    @Test
    void unsetNullsEndInTheSameStateInAnyOrder() {
        Map<String, String> settings = settings(TABLE + "mapping", "*, id=key", TABLE + "nullToUnset", "true");
        for (int seed = 0; seed < 4; seed++) {
            cql.execute("TRUNCATE k.u");
            Random random = new Random(seed);
            Map<String, String> expected = new TreeMap<>();
            List<SinkRecord> stream = new ArrayList<>();
            for (int offset = 0; offset < 100; offset++) {
                String field = random.nextBoolean() ? "a" : "b";
                boolean delete = random.nextInt(10) == 0;
                stream.add(record(offset, offset + 1L, delete ? null : value(field, "v" + offset)));
                if (delete) {
                    expected.clear();
                } else {
                    expected.put(field, "v" + offset);
                }
            }
            stream.addAll(stream.subList(20, 60));
            Collections.shuffle(stream, random);
            letters(settings, stream.toArray(SinkRecord[]::new));
            Map<String, String> found = new TreeMap<>();
            for (String field : row() == null ? List.<String>of() : List.of("a", "b")) {
                if (row().getString(field) != null) {
                    found.put(field, row().getString(field));
                }
            }
            assertEquals(expected, found, "seed " + seed);
        }
    }

    @Test
    void repetitionChangesNoCollection() {
        Map<String, String> settings = settings("topic.t.k.collections.mapping", "*, id=key");
        SinkRecord record = record(0, 9, value("m", Map.of("a", 1), "s", List.of("x"), "l", List.of(2, 1)));
        letters(settings, record(1, 8, value("m", Map.of("b", 2), "s", List.of("y"), "l", List.of(3))), record);
        letters(settings, record, record);
        Row row = cql.execute("SELECT m, s, l FROM k.collections").one();
        assertEquals(
                List.of(Map.of("a", 1), java.util.Set.of("x"), List.of(2, 1)),
                List.of(row.getObject(0), row.getObject(1), row.getObject(2)));
    }

    /** Why open lists are refused. */
    @Test
    void cassandraAddsToAnOpenListWhenAWriteIsRepeated() {
        for (int i = 0; i < 2; i++) {
            cql.execute("INSERT INTO k.open_list (id, l) VALUES ('x', [1]) USING TIMESTAMP 5");
        }
        assertEquals(
                List.of(1, 1), cql.execute("SELECT l FROM k.open_list").one().getList(0, Integer.class));
    }

    @Test
    void refusesAVectorOfAnythingButFloat() {
        assumeTrue(hasVectors());
        Map<String, String> problems = Problems.of(new CassandraSinkConnector()
                .validate(settings("topic.t.k.typed.mapping", "*"))
                .configValues());
        assertTrue(
                problems.get("topic.t.k.typed.mapping")
                        .contains("is of the type vector<int, 2>, which is not supported"),
                problems.toString());
    }

    @Test
    void refusesWhatCannotBeKeptRightEachWithItsReason() {
        Map<String, String> settings = settings(
                "topic.t.k.open_list.mapping",
                "*",
                "topic.t.k.shared.ttl",
                "5",
                "topic.t.k.hits.mapping",
                "id=key, n=value.n",
                "topic.t.k.u.mapping",
                "a=value.a, c=value.c");
        Map<String, String> problems =
                Problems.of(new CassandraSinkConnector().validate(settings).configValues());
        Map<String, String> reasons = Map.of(
                "open_list",
                "a repeated write would add its elements once more",
                "shared",
                "Column s of k.shared is static",
                "hits",
                "counter, which is not supported: a repeated write would count twice",
                "u",
                "has no column c; it has id, a, b; Column id of the primary key of k.u is not mapped");
        reasons.forEach((table, reason) -> {
            String problem = problems.remove("topic.t.k." + table + ".mapping");
            assertNotNull(problem, table);
            assertTrue(problem.contains(reason), problem);
        });
        assertEquals(Map.of(), problems);
    }

    /** A delete has a key and no value, so it could never say which row it means. */
    @Test
    void aPrimaryKeyOfTheValueNeedsDeletesToBeOff() {
        Map<String, String> settings = settings(TABLE + "mapping", "id=value.id, a=value.a");
        Map<String, String> problems =
                Problems.of(new CassandraSinkConnector().validate(settings).configValues());
        assertEquals(
                Map.of(
                        TABLE + "mapping",
                        "Column id of the primary key of k.u comes from the value, which a "
                                + "delete does not have; map it from the key or a header, or set " + TABLE
                                + "deletesEnabled=false"),
                problems);
        assertTrue(TaskRun.failure(settings, "t").contains("which a delete does not have"));
        settings.put(TABLE + "deletesEnabled", "false");
        assertEquals(
                Map.of(),
                Problems.of(new CassandraSinkConnector().validate(settings).configValues()));
        assertEquals(List.of(), letters(settings, record(0, 1, value("id", "x", "a", "1"))));
        assertEquals("1", row().getString("a"));
    }

    @Test
    void oneTopicFeedsSeveralTablesEachByItsOwnRules() {
        letters(
                settings(
                        TABLE + "mapping",
                        "*, id=key",
                        "topic.t.k.mortal.mapping",
                        "id=key, a=value.b",
                        "topic.t.k.mortal.ttl",
                        "60"),
                record(0, 1, value("a", "A", "b", "B")));
        assertEquals("A/B", row().getString("a") + "/" + row().getString("b"));
        assertTrue(row().isNull("life"));
        assertLife(
                60,
                cql.execute("SELECT ttl(a) AS life FROM k.mortal WHERE id = 'x'")
                        .one());
    }
}
