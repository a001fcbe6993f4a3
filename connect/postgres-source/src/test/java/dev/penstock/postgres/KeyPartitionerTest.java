package dev.penstock.postgres;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;
import org.apache.kafka.common.Cluster;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.PartitionInfo;
import org.junit.jupiter.api.Test;

final class KeyPartitionerTest {
    private static final int PARTITIONS = 7;

    private final KeyPartitioner partitioner = new KeyPartitioner();

    @Test
    void anotherSchemaOfTheKeyIsNoOtherPartition() {
        for (int n = 0; n < 100; n++) {
            assertEquals(partition(key(70_000 + n, "row " + n)), partition(key(1, "row " + n)));
        }
    }

    @Test
    void otherValuesAreSpread() {
        Set<Integer> found = new HashSet<>();
        IntStream.range(0, 200).forEach(n -> found.add(partition(key(1, "row " + n))));
        assertEquals(PARTITIONS, found.size());
        assertTrue(partition(key(1, "")) < PARTITIONS);
    }

    @Test
    void aKeyWithoutASchemaGoesWhereKafkaBringsIt() {
        for (String text : List.of("", "k", "[\"users-postgres-source\",{\"server\":\"app\"}]")) {
            byte[] key = text.getBytes(StandardCharsets.UTF_8);
            assertEquals(BuiltInPartitioner.partitionForKey(key, PARTITIONS), partition(key));
        }
        byte[] tooShort = {0, 1, 2};
        assertEquals(BuiltInPartitioner.partitionForKey(tooShort, PARTITIONS), partition(tooShort));
    }

    @Test
    void aRowKeepsToThePartitionsThatTheSettingCounts() {
        partitioner.configure(Map.of(KeyPartitioner.PARTITIONS, "2"));
        Set<Integer> found = new HashSet<>();
        for (int n = 0; n < 200; n++) {
            byte[] value = ("row " + n).getBytes(StandardCharsets.UTF_8);
            assertEquals(BuiltInPartitioner.partitionForKey(value, 2), partition(key(1, "row " + n)));
            found.add(partition(value));
        }
        // Of Connect's own topics that has as many as it has.
        assertEquals(PARTITIONS, found.size());
        partitioner.configure(Map.of(KeyPartitioner.PARTITIONS, "100"));
        assertTrue(partition(key(1, "row")) < PARTITIONS);
    }

    @Test
    void whatHasNoKeyStaysTogether() {
        assertEquals(0, partition(null));
    }

    private int partition(byte[] key) {
        Node node = new Node(1, "broker", 9092);
        List<PartitionInfo> partitions = IntStream.range(0, PARTITIONS)
                .mapToObj(number -> new PartitionInfo("t", number, node, new Node[] {node}, new Node[] {node}))
                .toList();
        Cluster cluster = new Cluster("id", List.of(node), partitions, Set.of(), Set.of());
        return partitioner.partition("t", null, key, null, null, cluster);
    }

    private static byte[] key(int schema, String value) {
        byte[] text = value.getBytes(StandardCharsets.UTF_8);
        return ByteBuffer.allocate(5 + text.length)
                .put((byte) 0)
                .putInt(schema)
                .put(text)
                .array();
    }
}
