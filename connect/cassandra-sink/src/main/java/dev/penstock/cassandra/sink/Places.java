package dev.penstock.cassandra.sink;

import com.datastax.oss.driver.api.core.metadata.Node;
import java.util.IdentityHashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Names the nodes of a replica set by their ids: to a session that took the place of another they are other objects. It
 * is asked for each row, so it remembers the sets: the driver has one object for each range of tokens. Used by one
 * thread.
 */
final class Places {

    /** More than the ranges of a large cluster; those of former ones go. */
    private static final int MAX_ENTRIES = 10_000;

    private final Map<Set<Node>, String> names = new IdentityHashMap<>();

    /** The ids of the nodes in their order, as a text: it knows its own hash. */
    String of(Set<Node> replicas) {
        if (names.size() >= MAX_ENTRIES) {
            names.clear();
        }
        return names.computeIfAbsent(replicas, Places::name);
    }

    private static String name(Set<Node> replicas) {
        return replicas.stream()
                .map(node -> node.getHostId().toString())
                .sorted()
                .collect(Collectors.joining(" "));
    }
}
