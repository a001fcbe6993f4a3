package dev.penstock.cassandra.sink;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.kafka.common.config.ConfigValue;
import org.junit.jupiter.api.Test;

class CassandraSinkConnectorTest {

    @Test
    void aNullSetsNothing() {
        Map<String, String> settings = new HashMap<>(Map.of("topics", "t", "topic.t.k.u.ttl", "5", "port", "wrong"));
        settings.put("topic.t.k.u.mapping", null);
        settings.put("auth.username", null);
        settings.put("surprise", null);
        CassandraSinkConnector connector = new CassandraSinkConnector();
        assertEquals(
                Set.of("port"),
                connector.validate(settings).configValues().stream()
                        .filter(value -> !value.errorMessages().isEmpty())
                        .map(ConfigValue::name)
                        .collect(Collectors.toSet()));
        connector.start(settings);
        assertEquals(
                List.of(Set.of("topics", "topic.t.k.u.ttl", "port", CassandraSinkTask.NUMBER)),
                connector.taskConfigs(1).stream().map(Map::keySet).toList());
    }
}
