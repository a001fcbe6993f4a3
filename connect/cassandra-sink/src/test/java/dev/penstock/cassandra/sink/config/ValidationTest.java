package dev.penstock.cassandra.sink.config;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.datastax.oss.driver.api.core.ConsistencyLevel;
import dev.penstock.cassandra.sink.Problems;
import dev.penstock.cassandra.sink.value.Conversion;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.stream.Stream;
import org.apache.kafka.common.config.ConfigException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class ValidationTest {

    private static final String MAPPING = "topic.views.users_by_id.penstock.users_by_id.mapping";

    private static final String TABLE = "topic.views.users_by_id.penstock.users_by_id.";

    private static Map<String, String> good() {
        Map<String, String> properties = new HashMap<>();
        properties.put("name", "cassandra-views-sink");
        properties.put("connector.class", "dev.penstock.cassandra.sink.CassandraSinkConnector");
        properties.put("topics", "views.users_by_id");
        properties.put("errors.tolerance", "all");
        properties.put("errors.deadletterqueue.topic.name", "dead-letters");
        properties.put("consumer.override.max.poll.records", "2000");
        properties.put("header.converter", "org.apache.kafka.connect.storage.SimpleHeaderConverter");
        properties.put(MAPPING, "*, row_version=header.version, __timestamp=header.version");
        return properties;
    }

    /** The good configuration with changes apart by blanks: ~ is the table's, ; is a blank, - takes a setting away. */
    private static Map<String, String> good(String changes) {
        Map<String, String> properties = good();
        for (String change : changes.split(" ")) {
            String[] setting = change.replaceFirst("^~", TABLE).split("=", 2);
            properties.put(setting[0], setting[1].replace(';', ' '));
        }
        properties.values().removeIf("-"::equals);
        return properties;
    }

    private static Map<String, String> problems(Map<String, String> properties) {
        return Problems.of(new Validation(properties).values());
    }

    @Test
    void findsNothingWrongWithAGoodConfiguration() {
        assertEquals(Map.of(), problems(good()));
        TableConfig table = SinkConfig.of(good()).tables().get(0);
        assertEquals("penstock.users_by_id", table.qualifiedName());
        assertEquals("LOCAL_QUORUM", table.consistencyLevel().name());
    }

    @Test
    void findsEverythingWrongAtOnceEachOnItsOwnSetting() {
        Map<String, String> properties = good("port=99999 contactPoints=a,,b contact.point=x ssl.provider=OpenSSL "
                + "auth.username=cassandra consistencyLevel=ANY topics=views.users_by_id,views.users_by_country "
                + "~mapping=a=b ~life=5 topic.other.k.t.consistencyLevel=one");
        Map<String, String> found = problems(properties);
        assertEquals(
                Set.of(
                        "port",
                        "contactPoints",
                        "contact.point",
                        "ssl.provider",
                        "auth.password",
                        "consistencyLevel",
                        "topics",
                        MAPPING,
                        "topic.views.users_by_id.penstock.users_by_id.life",
                        "topic.other.k.t.mapping"),
                found.keySet());
        assertTrue(found.get("contact.point").contains("did you mean contactPoints?"), found.toString());
    }

    @Test
    void aTaskRefusesWhatValidationFinds() {
        Map<String, String> properties = good("contact.point=x ~mapping=a=b");
        String message = assertThrows(ConfigException.class, () -> SinkConfig.of(properties))
                .getMessage();
        assertTrue(message.contains("contact.point") && message.contains(MAPPING), message);
    }

    @Test
    void keepsTheClusterWhenOnlyTablesAreWrong() {
        Map<String, String> properties = good();
        properties.put(MAPPING, "a=b");
        assertEquals(
                "127.0.0.1 port 9042",
                new Validation(properties).cluster().orElseThrow().address());
        properties.put("port", "x");
        assertTrue(new Validation(properties).cluster().isEmpty());
    }

    @Test
    void takesTheRulesOfATable() {
        Map<String, String> properties = good("~ttl=36 ~ttlTimeUnit=hours ~nullToUnset=true ~deletesEnabled=false "
                + "~mapping=*,__timestamp=value.at,__ttl=value.life ~timestampTimeUnit=MILLISECONDS");
        assertEquals(Map.of(), problems(properties));
        assertEquals(
                new RowRules(
                        OptionalInt.of(36 * 3600),
                        TimeUnit.HOURS,
                        TimeUnit.MILLISECONDS,
                        true,
                        false,
                        Conversion.EXACT),
                SinkConfig.of(properties).tables().get(0).rules());
        assertEquals(RowRules.DEFAULT, SinkConfig.of(good()).tables().get(0).rules());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            textBlock =
                    """
    ~ttl=-2                             | ~ttl | Value must be at least -1
    ~ttl=x                              | ~ttl | Not a number
    ~ttl=630720001                      | ~ttl | 20 years
    ~ttlTimeUnit=FORTNIGHTS             | ~ttlTimeUnit | choose one of
    ~ttlTimeUnit=HOURS                  | ~ttlTimeUnit | no effect
    ~timestampTimeUnit=NANOSECONDS      | ~timestampTimeUnit | would become equal
    ~nullToUnset=perhaps                | ~nullToUnset | true or false
    ~deletesEnabled=0                   | ~deletesEnabled | true or false
    ~consistencyLevel=ANY               | ~consistencyLevel | choose one of
    ~mapping=*,__timestamp=value.at     | ~mapping | a delete has no value
    ~mapping=*,__timestamp=record.color | ~mapping | write record.offset or record.timestamp
    ~mapping=a=record                   | ~mapping | write record.offset or record.timestamp
    ~mapping=*,__timestamp=record.offset ~timestampTimeUnit=SECONDS | ~timestampTimeUnit | its offset has no unit
    errors.deadletterqueue.topic.name=- | errors.tolerance | would be lost
    errors.deadletterqueue.topic.name=- errors.log.enable=true | errors.tolerance | would be lost
    contactPoints=a:99999               | contactPoints | its port is none
    auth.provider=PLAIN                 | auth.username | needs auth.username and auth.password
    auth.username=u                     | auth.password | or neither
    auth.password=p                     | auth.username | or neither
    auth.provider=GSSAPI                | auth.provider | Kerberos
    topics=views.users_by_id,app.users  | topics | app.users has no table
    topic.app.users.k.t.ttl=5           | topic.app.users.k.t.mapping | not one of the connector's topics
    topics=- topics.regex=app.*         | ~mapping | not one of the connector's topics
    topic.X=5                           | topic.X | Not understood
    transforms=a transforms.b.type=x    | transforms.b.type | would have no effect
    """)
    void refuses(String changes, String setting, String reason) {
        Map<String, String> found = problems(good(changes));
        String name = setting.replaceFirst("^~", TABLE);
        assertEquals(Set.of(name), found.keySet());
        assertTrue(found.get(name).contains(reason), found.toString());
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "~timestampTimeUnit=SECONDS",
                "~mapping=- ~ttl=60",
                "~mapping=*,;__timestamp=record.offset,;at=record.timestamp",
                "errors.tolerance=none errors.deadletterqueue.topic.name=- errors.log.enable=true",
                "auth.provider=PLAIN auth.username=u auth.password=p",
                "topics=- topics.regex=views.*",
                // RegexRouter and the like: a setting names the old topic or the new one.
                "topics=app.users transforms=route transforms.route.type=RegexRouter",
                "topics=app.users transforms=route transforms.route.type=RegexRouter topic.app.users.k.t.mapping=*",
                "transforms=unwrap,;route transforms.unwrap.type=x transforms.route.predicate=p",
                "predicates=p predicates.p.type=x errors.retry.timeout=-1",
                "key.converter.schema.registry.url=http://127.0.0.1:8081 value.converter.plugin.version=1",
                "producer.override.linger.ms=5"
            })
    void takes(String changes) {
        assertEquals(Map.of(), problems(good(changes)));
    }

    static Stream<String> oddities() {
        return Stream.of(
                "",
                " ",
                "\0",
                "x",
                "-1",
                "99999999999",
                ",",
                "\"",
                "\"x",
                "[::1",
                "é=\ud800",
                "a=b(c)",
                "*".repeat(3),
                "x".repeat(10_000),
                "\"".repeat(10_000),
                '"' + "x".repeat(10_000) + '"');
    }

    /** Connect answers 500 to a question that makes validation throw. */
    @ParameterizedTest
    @MethodSource("oddities")
    void answersWhateverIsWritten(String odd) {
        Stream<String> names = Stream.of(
                        Settings.definition().names().stream(),
                        TableSetting.OPTIONS.names().stream().map(TABLE::concat),
                        Stream.of("topics", "topics.regex", "transforms", "predicates", "errors.tolerance"),
                        Stream.of("topic." + odd, odd, "datastax-java-driver." + odd, "connect.cassandra." + odd))
                .flatMap(Function.identity());
        names.forEach(name -> {
            Map<String, String> properties = good("ssl.provider=JDK");
            properties.put(name, odd);
            assertDoesNotThrow(() -> new Validation(properties).cluster(), name);
        });
    }

    @Test
    void showsEverySettingOfATableWithItsDefault() {
        Map<String, Object> shown = new HashMap<>();
        Map<String, Object> recommended = new HashMap<>();
        new Validation(good()).values().forEach(value -> {
            shown.put(value.name(), value.value());
            recommended.put(value.name(), value.recommendedValues());
        });
        assertEquals(List.of("false", "true"), recommended.get(TABLE + "nullToUnset"));
        assertEquals(List.of("None", "PLAIN"), recommended.get("auth.provider"));
        assertEquals(false, shown.get(TABLE + "nullToUnset"));
        assertEquals("LOCAL_QUORUM", shown.get(TABLE + "consistencyLevel"));
        assertEquals(good().get(MAPPING), shown.get(MAPPING));
    }

    @Test
    void aTopicMayNameItsTable() {
        Map<String, String> properties = new HashMap<>(Map.of(
                "topics",
                "users, orders",
                "keyspace",
                "shop",
                "topic.users.shop.people.ttl",
                "5",
                "conversion",
                "Lenient"));
        assertEquals(Map.of(), problems(properties));
        assertEquals(
                List.of("shop.people", "shop.orders"),
                SinkConfig.of(properties).tables().stream()
                        .map(TableConfig::qualifiedName)
                        .toList());
        assertEquals(
                List.of(true, true),
                SinkConfig.of(properties).tables().stream()
                        .map(table -> table.rules().conversion().lenient())
                        .toList());
        assertEquals(
                "shop.later",
                SinkConfig.of(properties).byTopic().apply("later").orElseThrow().qualifiedName());
    }

    /** Pasted values bring blanks: Connect's parser drops them, and shows the value as if it held. */
    @Test
    void blanksAroundAValueMeanNothing() {
        Map<String, String> properties = good("consistencyLevel=ALL; conversion=;lenient; timestampPrecision=floor; "
                + "ssl.provider=None; compression=LZ4; topics.regex=views.*; topics=-");
        assertEquals(Map.of(), problems(properties));
        SinkConfig config = SinkConfig.of(properties);
        TableConfig table = config.tables().get(0);
        assertEquals(ConsistencyLevel.ALL, table.consistencyLevel());
        assertEquals(new Conversion(true, true), table.rules().conversion());
        assertTrue(config.cluster().compressed());
        assertEquals(
                Set.of("errors.tolerance"),
                problems(good("errors.tolerance=;all; errors.deadletterqueue.topic.name=;"))
                        .keySet());
        assertEquals(
                Map.of("basic.request.page-size", "7"),
                new Validation(good("datastax-java-driver.basic.request.page-size=;7;"))
                        .cluster()
                        .orElseThrow()
                        .driverOptions());
    }

    @Test
    void takesAPortForEachContactPoint() {
        Map<String, String> properties = good("contactPoints=a,;b:9043,;10.0.0.1:1,;::1,;[::1]:9044");
        assertEquals(
                "a port 9042, b port 9043, 10.0.0.1 port 1, ::1 port 9042, ::1 port 9044",
                new Validation(properties).cluster().orElseThrow().address());
    }

    @Test
    void oneConnectionCarriesAllRequestsThatATaskMayHave() {
        Map<String, String> properties = good("maxConcurrentRequests=32768 connectionPoolLocalSize=2");
        assertTrue(new Validation(properties).cluster().orElseThrow().requestsPerConnection() >= 16_384);
    }

    @Test
    void aTableWithoutAMappingTakesEveryField() {
        TableConfig table = SinkConfig.of(good("~mapping=- ~ttl=60")).tables().get(0);
        assertEquals(new Mapping(true, Map.of(), Optional.empty(), Optional.empty()), table.mapping());
    }

    @Test
    void doesNotShowTheValueOfASettingThatItDoesNotKnow() {
        Map<String, String> properties = good("auth.pasword=s3cret");
        assertEquals(Set.of("auth.pasword"), problems(properties).keySet());
        assertTrue(new Validation(properties).values().stream().noneMatch(value -> "s3cret".equals(value.value())));
    }

    /** A vendor's key, or one of a later Connect, stops no connector: a line in the log names it. */
    @Test
    void leavesNamesOfOthersAlone() {
        Map<String, String> properties =
                good("confluent.topic.bootstrap.servers=b:9092 errors.later.kind=x replicas=s3cret");
        assertEquals(Map.of(), problems(properties));
        assertEquals(
                List.of("Settings that the connector does not know, and that have no effect in it: "
                        + "confluent.topic.bootstrap.servers, errors.later.kind, replicas"),
                new Validation(properties).remarks());
        assertEquals(List.of(), new Validation(good()).remarks());
    }

    @ParameterizedTest
    @CsvSource({
        "contact.point,contactPoints",
        "Port,port",
        "consistencyLevl,consistencyLevel",
        "maxConcurentRequest,maxConcurrentRequests",
        "topic,topics",
        "errors.tolerence,errors.tolerance",
        "task.max,tasks.max",
        "ssl.truststorePath,ssl.truststore.path",
        "auth.token,",
        "ssl.protocol,",
        "loadBalancing.policy,",
        "cloud.region,",
        "transforms.rout.type,"
    })
    void refusesSlipsAndNamesOfItsOwnKind(String name, String meant) {
        Map<String, String> properties = good(name + "=x");
        assertEquals(
                Map.of(
                        name,
                        "Unknown setting " + name + "; "
                                + (meant == null
                                        ? "it would have no effect, remove it"
                                        : "did you mean " + meant + "?")),
                problems(properties));
    }

    /** The version that holds where none is mapped is said by validation, and once when the connector starts. */
    @Test
    void saysWhichVersionHoldsWhereNoneIsMapped() {
        Map<String, String> properties = new HashMap<>(Map.of(
                "topics",
                "users, orders",
                "keyspace",
                "shop",
                "topic.users.shop.people.ttl",
                "5",
                "topic.users.shop.last.mapping",
                "id=key, at=record.timestamp"));
        Map<String, Object> shown = new HashMap<>();
        new Validation(properties).values().forEach(value -> shown.put(value.name(), value.value()));
        assertEquals("*, __timestamp=record.timestamp", shown.get("topic.users.shop.people.mapping"));
        assertEquals("*, __timestamp=record.timestamp", shown.get("topic.orders.shop.orders.mapping"));
        assertEquals(
                "id=key, at=record.timestamp, __timestamp=record.timestamp",
                shown.get("topic.users.shop.last.mapping"));
        String remark = new Validation(properties).remarks().get(0);
        assertTrue(remark.contains("in shop.last, shop.people, shop.orders, shop.<topic>, and two changes"), remark);
    }
}
