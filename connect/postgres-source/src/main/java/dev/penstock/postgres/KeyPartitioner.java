package dev.penstock.postgres;

import java.util.Arrays;
import java.util.Map;
import org.apache.kafka.clients.producer.Partitioner;
import org.apache.kafka.common.Cluster;
import org.apache.kafka.common.utils.Utils;

/**
 * Chooses a partition by the values of a key alone.
 *
 * <p>A key in Confluent's wire format begins with the id of its schema. Kafka's own partitioner hashes that too, so a
 * row would go to another partition when only the schema of its key became another one, and its changes would have no
 * order. Nor does it, when somebody adds partitions to the topic: a row keeps to those that the setting counts, as a
 * version is an offset, and those of a new partition begin at zero. Any other key, as those of Connect's own topics,
 * goes where Kafka's own partitioner brings it.
 */
public final class KeyPartitioner implements Partitioner {
    /** How many partitions change topics have; without it those that a topic has are counted. */
    static final String PARTITIONS = "penstock.partitions";

    private static final int HEADER = 5;

    private int most = Integer.MAX_VALUE;

    @Override
    public int partition(String topic, Object key, byte[] keyBytes, Object value, byte[] valueBytes, Cluster cluster) {
        int partitions = cluster.partitionsForTopic(topic).size();
        if (keyBytes == null) {
            return 0;
        }
        return keyBytes.length < HEADER || keyBytes[0] != 0
                ? place(keyBytes, partitions)
                : place(Arrays.copyOfRange(keyBytes, HEADER, keyBytes.length), Math.min(partitions, most));
    }

    private static int place(byte[] values, int partitions) {
        return Utils.toPositive(Utils.murmur2(values)) % partitions;
    }

    @Override
    public void configure(Map<String, ?> settings) {
        Object partitions = settings.get(PARTITIONS);
        most = partitions == null ? Integer.MAX_VALUE : Integer.parseInt(partitions.toString());
    }

    @Override
    public void close() {}
}
