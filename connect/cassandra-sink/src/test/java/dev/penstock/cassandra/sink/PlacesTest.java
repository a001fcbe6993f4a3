package dev.penstock.cassandra.sink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import com.datastax.oss.driver.api.core.metadata.Node;
import java.lang.reflect.Proxy;
import java.util.Set;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class PlacesTest {

    private final Places places = new Places();

    /** As a session makes it, one object a node. */
    private static Node node(int id) {
        return (Node) Proxy.newProxyInstance(
                Node.class.getClassLoader(),
                new Class<?>[] {Node.class},
                (node, method, arguments) -> switch (method.getName()) {
                    case "getHostId" -> new UUID(0, id);
                    case "hashCode" -> System.identityHashCode(node);
                    default -> node == arguments[0];
                });
    }

    /** A row that fails again and again is judged by what becomes of its neighbours, whichever session made them. */
    @Test
    void replicasAreTheSameAfterTheSessionWasRenewed() {
        String place = places.of(Set.of(node(1), node(2)));
        assertEquals(place, places.of(Set.of(node(2), node(1))));
        assertNotEquals(place, places.of(Set.of(node(1), node(3))));
    }

    @Test
    void aSetIsNamedOnce() {
        Set<Node> replicas = Set.of(node(1), node(2));
        assertSame(places.of(replicas), places.of(replicas));
    }
}
