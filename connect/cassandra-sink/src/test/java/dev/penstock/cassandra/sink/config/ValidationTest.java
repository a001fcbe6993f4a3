package dev.penstock.cassandra.sink.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.config.ConfigValue;
import org.junit.jupiter.api.Test;

class ValidationTest {

    private static final String MAPPING = "topic.views.users_by_id.penstock.users_by_id.mapping";

    private static Map<String, String> good() {
        Map<String, String> properties = new HashMap<>();
        properties.put("name", "cassandra-views-sink");
        properties.put("connector.class", "dev.penstock.cassandra.sink.CassandraSinkConnector");
        properties.put("topics", "views.users_by_id");
        properties.put("errors.tolerance", "all");
        properties.put("consumer.override.max.poll.records", "2000");
        properties.put("header.converter", "org.apache.kafka.connect.storage.SimpleHeaderConverter");
        properties.put(MAPPING, "*, row_version=header.version, __timestamp=header.version");
        return properties;
    }

    private static Map<String, String> problems(Map<String, String> properties) {
        return new Validation(properties).values().stream().filter(value -> !value.errorMessages().isEmpty())
                .collect(Collectors.toMap(ConfigValue::name, value -> String.join("; ", value.errorMessages())));
    }

    @Test
    void findsNothingWrongWithAGoodConfiguration() {
        assertEquals(Map.of(), problems(good()));
        TableConfig table = new SinkConfig(good()).tables().get(0);
        assertEquals("penstock.users_by_id", table.qualifiedName());
        assertEquals("LOCAL_QUORUM", table.consistencyLevel().name());
    }

    @Test
    void findsEverythingWrongAtOnceEachOnItsOwnSetting() {
        Map<String, String> properties = good();
        properties.put("port", "99999");
        properties.put("contactPoints", "a,,b");
        properties.put("contact.point", "x");
        properties.put("ssl.provider", "JDK");
        properties.put("auth.username", "cassandra");
        properties.put("consistencyLevel", "ANY");
        properties.put("topics", "views.users_by_id,views.users_by_country");
        properties.put(MAPPING, "a=b");
        properties.put("topic.views.users_by_id.penstock.users_by_id.ttl", "5");
        properties.put("topic.other.k.t.consistencyLevel", "one");
        Map<String, String> found = problems(properties);
        assertEquals(Set.of("port", "contactPoints", "contact.point", "ssl.provider", "auth.password",
                "consistencyLevel", "topics", MAPPING, "topic.views.users_by_id.penstock.users_by_id.ttl",
                "topic.other.k.t.mapping"), found.keySet());
        assertTrue(found.get("contact.point").contains("did you mean contactPoints?"), found.toString());
    }

    @Test
    void aTaskRefusesWhatValidationFinds() {
        Map<String, String> properties = good();
        properties.put("ssl.provider", "JDK");
        properties.put(MAPPING, "a=b");
        String message = assertThrows(ConfigException.class, () -> new SinkConfig(properties)).getMessage();
        assertTrue(message.contains("ssl.provider") && message.contains(MAPPING), message);
    }

    @Test
    void keepsTheClusterWhenOnlyTablesAreWrong() {
        Map<String, String> properties = good();
        properties.put(MAPPING, "a=b");
        assertEquals(List.of("127.0.0.1"), new Validation(properties).cluster().orElseThrow().contactPoints());
        properties.put("port", "x");
        assertTrue(new Validation(properties).cluster().isEmpty());
    }
}
