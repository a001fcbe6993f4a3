package dev.penstock.cassandra.sink.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.penstock.cassandra.sink.Problems;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/** Configurations in the form of Lenses' two sinks: each setting is named, with what to write instead. */
class LensesSettingsTest {

    private static Map<String, String> problems(Map<String, String> theirs) {
        Map<String, String> settings = new HashMap<>(theirs);
        settings.putAll(Map.of("name", "orders", "topics", "orders", "tasks.max", "1"));
        Map<String, String> problems = Problems.of(new Validation(settings).values());
        // Nothing says yet where the topic goes.
        assertTrue(problems.remove("topics").contains("has no table"), problems.toString());
        return problems;
    }

    @Test
    void namesEachSettingOfTheOldSink() {
        Map<String, String> theirs = Map.of(
                "connect.cassandra.contact.points",
                "localhost",
                "connect.cassandra.port",
                "9042",
                "connect.cassandra.key.space",
                "demo",
                "connect.cassandra.username",
                "cassandra",
                "connect.cassandra.password",
                "s3cret",
                "connect.cassandra.kcql",
                "INSERT INTO orders SELECT * FROM orders",
                "connect.cassandra.error.policy",
                "RETRY",
                "connect.progress.enabled",
                "true");
        Map<String, String> problems = problems(theirs);
        assertEquals(theirs.keySet(), problems.keySet());
        assertTrue(problems.get("connect.cassandra.contact.points").endsWith("write instead: contactPoints"));
        assertTrue(problems.get("connect.progress.enabled").endsWith("remove it"));
        assertTrue(problems.values().stream().noneMatch(text -> text.contains("s3cret")));
    }

    @Test
    void namesEachSettingOfTheNewSink() {
        Set<String> names = Set.of(
                "contact.points",
                "port",
                "load.balancing.local.dc",
                "kcql",
                "auth.provider",
                "auth.username",
                "auth.password",
                "max.concurrent.requests",
                "query.timeout.ms",
                "ignore.errors.mode");
        Map<String, String> theirs = new HashMap<>(
                names.stream().collect(Collectors.toMap(name -> "connect.cassandra." + name, name -> "x")));
        theirs.put("connect.cassandra.driver.basic.request.timeout", "5 seconds");
        Map<String, String> problems = problems(theirs);
        assertEquals(theirs.keySet(), problems.keySet());
        assertTrue(problems.values().stream().allMatch(text -> text.contains("write instead")), problems.toString());
        assertTrue(problems.get("connect.cassandra.driver.basic.request.timeout")
                .endsWith("datastax-java-driver.basic.request.timeout"));
    }
}
