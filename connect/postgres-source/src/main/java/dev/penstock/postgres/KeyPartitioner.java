package dev.penstock.postgres;

import java.util.Map;
import org.apache.kafka.clients.producer.Partitioner;
import org.apache.kafka.common.Cluster;
import org.apache.kafka.common.utils.Utils;

/**
 * Chooses a partition by the values of a key alone.
 *
 * <p>A key in Confluent's wire format begins with the id of its schema. Kafka's own partitioner hashes that too, so a
 * row would go to another partition when only the schema of its key became another one, and its changes would have no
 * order. Any other key, as those of Connect's own topics, goes where Kafka's own partitioner brings it.
 */
public final class KeyPartitioner implements Partitioner {
    private static final int HEADER = 5;

    @Override
    public int partition(String topic, Object key, byte[] keyBytes, Object value, byte[] valueBytes, Cluster cluster) {
        int partitions = cluster.partitionsForTopic(topic).size();
        return keyBytes == null ? 0 : Utils.toPositive(Utils.murmur2(values(keyBytes))) % partitions;
    }

    private static byte[] values(byte[] key) {
        if (key.length < HEADER || key[0] != 0) {
            return key;
        }
        byte[] values = new byte[key.length - HEADER];
        System.arraycopy(key, HEADER, values, 0, values.length);
        return values;
    }

    @Override
    public void configure(Map<String, ?> none) {}

    @Override
    public void close() {}
}
