package dev.penstock.postgres;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.IntStream;
import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;
import org.apache.kafka.common.Cluster;
import org.apache.kafka.common.Node;
import org.apache.kafka.common.PartitionInfo;

/** `make test-java` runs this with `-ea`. */
final class KeyPartitionerTest {
  private static final int PARTITIONS = 7;

  private final KeyPartitioner partitioner = new KeyPartitioner();

  public static void main(String[] none) {
    new KeyPartitionerTest().anotherSchemaOfTheKeyIsNoOtherPartition();
    new KeyPartitionerTest().otherValuesAreSpread();
    new KeyPartitionerTest().aKeyWithoutASchemaGoesWhereKafkaBringsIt();
    new KeyPartitionerTest().whatHasNoKeyStaysTogether();
  }

  private void anotherSchemaOfTheKeyIsNoOtherPartition() {
    for (int n = 0; n < 100; n++) {
      assert partition(key(1, "row " + n)) == partition(key(70_000 + n, "row " + n));
    }
  }

  private void otherValuesAreSpread() {
    Set<Integer> found = new HashSet<>();
    IntStream.range(0, 200).forEach(n -> found.add(partition(key(1, "row " + n))));
    assert found.size() == PARTITIONS;
    assert partition(key(1, "")) < PARTITIONS;
  }

  private void aKeyWithoutASchemaGoesWhereKafkaBringsIt() {
    for (String text : List.of("", "k", "[\"users-postgres-source\",{\"server\":\"app\"}]")) {
      byte[] key = text.getBytes(StandardCharsets.UTF_8);
      assert partition(key) == BuiltInPartitioner.partitionForKey(key, PARTITIONS);
    }
    byte[] tooShort = {0, 1, 2};
    assert partition(tooShort) == BuiltInPartitioner.partitionForKey(tooShort, PARTITIONS);
  }

  private void whatHasNoKeyStaysTogether() {
    assert partition(null) == 0;
  }

  private int partition(byte[] key) {
    Node node = new Node(1, "broker", 9092);
    List<PartitionInfo> partitions = IntStream.range(0, PARTITIONS)
        .mapToObj(number -> new PartitionInfo("t", number, node, new Node[] {node}, new Node[] {node})).toList();
    Cluster cluster = new Cluster("id", List.of(node), partitions, Set.of(), Set.of());
    return partitioner.partition("t", null, key, null, null, cluster);
  }

  private static byte[] key(int schema, String value) {
    byte[] text = value.getBytes(StandardCharsets.UTF_8);
    return ByteBuffer.allocate(5 + text.length).put((byte) 0).putInt(schema).put(text).array();
  }
}
