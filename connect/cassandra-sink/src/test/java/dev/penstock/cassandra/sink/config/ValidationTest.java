package dev.penstock.cassandra.sink.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.penstock.cassandra.sink.Problems;
import dev.penstock.cassandra.sink.value.Conversion;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.common.config.ConfigException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

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
        Map<String, String> properties = good();
        properties.put("port", "99999");
        properties.put("contactPoints", "a,,b");
        properties.put("contact.point", "x");
        properties.put("ssl.provider", "OpenSSL");
        properties.put("auth.username", "cassandra");
        properties.put("consistencyLevel", "ANY");
        properties.put("topics", "views.users_by_id,views.users_by_country");
        properties.put(MAPPING, "a=b");
        properties.put("topic.views.users_by_id.penstock.users_by_id.life", "5");
        properties.put("topic.other.k.t.consistencyLevel", "one");
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
        Map<String, String> properties = good();
        properties.put("contact.point", "x");
        properties.put(MAPPING, "a=b");
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
        Map<String, String> properties = good();
        properties.put(TABLE + "ttl", "36");
        properties.put(TABLE + "ttlTimeUnit", "hours");
        properties.put(TABLE + "nullToUnset", "true");
        properties.put(TABLE + "deletesEnabled", "false");
        properties.put(MAPPING, "*, __timestamp=value.at, __ttl=value.life");
        properties.put(TABLE + "timestampTimeUnit", "MILLISECONDS");
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

    @Test
    void aTableNeedsNoMapping() {
        Map<String, String> properties = good();
        properties.remove(MAPPING);
        properties.put(TABLE + "ttl", "60");
        assertEquals(Map.of(), problems(properties));
        assertEquals(Mapping.BY_NAME, SinkConfig.of(properties).tables().get(0).mapping());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "ttl|-2|Value must be at least -1",
                "ttl|x|Not a number",
                "ttl|630720001|20 years",
                "ttlTimeUnit|FORTNIGHTS|choose one of",
                "ttlTimeUnit|HOURS|no effect",
                "timestampTimeUnit|SECONDS|",
                "timestampTimeUnit|NANOSECONDS|would become equal",
                "nullToUnset|perhaps|true or false",
                "deletesEnabled|0|true or false",
                "consistencyLevel|ANY|choose one of",
                "mapping|*, __timestamp=value.at|a delete has no value"
            })
    void refusesWhatATableCannotHave(String option, String value, String reason) {
        Map<String, String> properties = good();
        properties.put(TABLE + option, value);
        Map<String, String> found = problems(properties);
        assertEquals(reason == null ? Set.of() : Set.of(TABLE + option), found.keySet());
        assertTrue(reason == null || found.get(TABLE + option).contains(reason), found.toString());
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

    /** With the log alone Connect says of each bad record that it is put aside, and nobody has it. */
    @Test
    void toleratesNoErrorsWithoutADeadLetterTopic() {
        Map<String, String> properties = good();
        properties.remove("errors.deadletterqueue.topic.name");
        properties.put("errors.log.enable", "true");
        assertEquals(Set.of("errors.tolerance"), problems(properties).keySet());
        properties.put("errors.tolerance", "none");
        assertEquals(Map.of(), problems(properties));
    }

    /** RegexRouter and the like: a setting names the old topic or the new one. */
    @Test
    void takesSettingsByEitherNameOfATopicThatATransformRenames() {
        Map<String, String> properties = good();
        properties.put("topics", "app.public.users");
        assertEquals(Set.of("topics", MAPPING), problems(properties).keySet());
        properties.put("transforms", "route");
        properties.put("transforms.route.type", "org.apache.kafka.connect.transforms.RegexRouter");
        assertEquals(Map.of(), problems(properties));
        properties.put("topic.app.public.users.k.t.mapping", "*");
        assertEquals(Map.of(), problems(properties));
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

    @Test
    void theVersionMayBeThePlaceOfTheRecord() {
        Map<String, String> properties = good();
        properties.put(MAPPING, "*, __timestamp=record.offset, at=record.timestamp");
        assertEquals(Map.of(), problems(properties));
        properties.put(TABLE + "timestampTimeUnit", "SECONDS");
        assertEquals(Set.of(TABLE + "timestampTimeUnit"), problems(properties).keySet());
        properties.put(MAPPING, "*, __timestamp=record.colour, a=record");
        assertTrue(problems(properties).get(MAPPING).contains("write record.offset or record.timestamp"));
    }

    @Test
    void takesAPortForEachContactPoint() {
        Map<String, String> properties = good();
        properties.put("contactPoints", "a, b:9043, 10.0.0.1:1, ::1, [::1]:9044");
        assertEquals(
                "a port 9042, b port 9043, 10.0.0.1 port 1, ::1 port 9042, ::1 port 9044",
                new Validation(properties).cluster().orElseThrow().address());
        properties.put("contactPoints", "a:99999");
        assertEquals(Set.of("contactPoints"), problems(properties).keySet());
    }

    @Test
    void oneConnectionCarriesAllRequestsThatATaskMayHave() {
        Map<String, String> properties = good();
        properties.put("maxConcurrentRequests", "32768");
        properties.put("connectionPoolLocalSize", "2");
        assertTrue(new Validation(properties).cluster().orElseThrow().requestsPerConnection() >= 16_384);
    }

    @Test
    void doesNotShowTheValueOfASettingThatItDoesNotKnow() {
        Map<String, String> properties = good();
        properties.put("auth.pasword", "s3cret");
        assertEquals(Set.of("auth.pasword"), problems(properties).keySet());
        assertTrue(new Validation(properties).values().stream().noneMatch(value -> "s3cret".equals(value.value())));
    }

    /** A vendor's key, or one of a later Connect, stops no connector: a line in the log names it. */
    @Test
    void leavesNamesOfOthersAlone() {
        Map<String, String> properties = good();
        properties.put("confluent.topic.bootstrap.servers", "b:9092");
        properties.put("errors.later.kind", "x");
        properties.put("replicas", "s3cret");
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
        Map<String, String> properties = good();
        properties.put(name, "x");
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

    @Test
    void knowsTheSettingsOfConnect() {
        Map<String, String> properties = good();
        properties.put("transforms", "unwrap, route");
        properties.put("transforms.unwrap.type", "io.debezium.transforms.ExtractNewRecordState");
        properties.put("transforms.route.predicate", "p");
        properties.put("predicates", "p");
        properties.put("predicates.p.type", "org.apache.kafka.connect.transforms.predicates.RecordIsTombstone");
        properties.put("key.converter.schema.registry.url", "http://127.0.0.1:8081");
        properties.put("value.converter.plugin.version", "1");
        properties.put("errors.retry.timeout", "-1");
        properties.put("producer.override.linger.ms", "5");
        assertEquals(Map.of(), problems(properties));
        properties.put("transforms.rout.regex", ".*");
        properties.put("errors.tolerence", "all");
        assertEquals(
                Set.of("transforms.rout.regex", "errors.tolerence"),
                problems(properties).keySet());
    }

    @Test
    void holdsAuthenticationTogether() {
        Map<String, String> properties = good();
        properties.put("auth.provider", "PLAIN");
        assertEquals(Set.of("auth.username"), problems(properties).keySet());
        properties.put("auth.username", "u");
        assertEquals(Set.of("auth.password"), problems(properties).keySet());
        properties.put("auth.password", "p");
        assertEquals(Map.of(), problems(properties));
        properties.put("auth.provider", "GSSAPI");
        assertTrue(problems(properties).get("auth.provider").contains("Kerberos"));
    }
}
