package dev.penstock.cassandra.sink.cluster;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.datastax.oss.driver.api.core.DefaultConsistencyLevel;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ReachTest {

    private static <T> Map<String, T> map(String text, java.util.function.Function<String, T> value) {
        return text == null
                ? Map.of()
                : Arrays.stream(text.split(" "))
                        .map(pair -> pair.split("="))
                        .collect(Collectors.toMap(pair -> pair[0], pair -> value.apply(pair[1])));
    }

    private static boolean allows(String strategy, String options, String nodes, String level) {
        Map<String, String> replication = new HashMap<>(map(options, text -> text));
        replication.put("class", "org.apache.cassandra.locator." + strategy);
        return Reach.of(replication, map(nodes, Long::valueOf), "a")
                .orElseThrow()
                .allows(DefaultConsistencyLevel.valueOf(level));
    }

    @ParameterizedTest
    @CsvSource({
        "SimpleStrategy,replication_factor=1,a=1,LOCAL_QUORUM,true",
        "SimpleStrategy,replication_factor=1,a=3,TWO,false",
        "SimpleStrategy,replication_factor=3,a=1,QUORUM,false",
        "SimpleStrategy,replication_factor=3,a=2,QUORUM,true",
        "SimpleStrategy,replication_factor=3,a=2,ALL,false",
        "SimpleStrategy,replication_factor=3,a=2,THREE,false",
        "NetworkTopologyStrategy,a=3 b=3,a=3 b=3,EACH_QUORUM,true",
        "NetworkTopologyStrategy,b=3,a=3 b=3,ONE,true",
        "NetworkTopologyStrategy,b=3,a=3 b=3,LOCAL_QUORUM,false",
        "NetworkTopologyStrategy,b=3,a=3 b=3,LOCAL_ONE,false",
        "NetworkTopologyStrategy,a=0 b=3,a=3 b=3,LOCAL_ONE,false",
        "NetworkTopologyStrategy,a=3,a=1,LOCAL_QUORUM,false",
        "NetworkTopologyStrategy,a=3 b=3,a=3 b=1,EACH_QUORUM,false",
        "NetworkTopologyStrategy,a=3/1,a=3,ALL,true",
        "NetworkTopologyStrategy,a=1,a=3,LOCAL_QUORUM,true"
    })
    void knowsWhichLevelsCanBeReached(String strategy, String options, String nodes, String level, boolean reachable) {
        assertEquals(reachable, allows(strategy, options, nodes, level));
    }

    @Test
    void judgesNoStrategyThatItDoesNotKnow() {
        for (Map<String, String> replication : List.of(
                Map.of("class", "EverywhereStrategy"),
                Map.of("class", "NetworkTopologyStrategy", "a", "['rack1', 'rack2']"))) { // ScyllaDB's
            assertEquals(Optional.empty(), Reach.of(replication, Map.of("a", 1L), "a"));
        }
    }
}
