package dev.penstock.cassandra.sink.config;

import java.util.List;
import java.util.Locale;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Importance;
import org.apache.kafka.common.config.ConfigDef.Type;
import org.apache.kafka.common.config.ConfigDef.Width;
import org.apache.kafka.common.config.ConfigException;

/** The settings that are not of one table: names, defaults, limits, help. Names are DataStax's where the meaning is. */
public final class Settings {

    /** Hosts to find the cluster by. */
    public static final String CONTACT_POINTS = "contactPoints";
    /** Native protocol port of all hosts. */
    public static final String PORT = "port";
    /** The datacenter to write to. */
    public static final String LOCAL_DC = "loadBalancing.localDc";
    /** User name. */
    public static final String USERNAME = "auth.username";
    /** Password. */
    public static final String PASSWORD = "auth.password";
    /** Consistency level of tables that name none. */
    public static final String CONSISTENCY_LEVEL = "consistencyLevel";
    /** Requests in flight. */
    public static final String MAX_CONCURRENT_REQUESTS = "maxConcurrentRequests";
    /** Rows in a batch. */
    public static final String MAX_RECORDS_IN_BATCH = "maxNumberOfRecordsInBatch";
    /** Bytes in a batch. */
    public static final String MAX_BATCH_BYTES = "maxBatchSizeInBytes";
    /** Seconds to wait for an answer. */
    public static final String QUERY_TIMEOUT = "queryExecutionTimeout";

    /** Levels at which a write is on a replica, so that its offset may be committed: ANY (a mere hint) is not one. */
    static final List<String> CONSISTENCY_LEVELS = List.of(
            "LOCAL_QUORUM", "LOCAL_ONE", "ONE", "TWO", "THREE", "QUORUM", "EACH_QUORUM", "ALL");

    private static final String CLUSTER = "Cluster";
    private static final String WRITES = "Writes";

    private Settings() {
    }

    /** The definition that Kafka Connect shows and checks. */
    public static ConfigDef definition() {
        return writes(cluster(new ConfigDef()));
    }

    private static ConfigDef cluster(ConfigDef def) {
        return def
                .define(CONTACT_POINTS, Type.LIST, "127.0.0.1", new NonEmptyHosts(), Importance.HIGH,
                        "Hosts of the cluster, separated by commas; the others are found through them.",
                        CLUSTER, 1, Width.LONG, "Contact points")
                .define(PORT, Type.INT, 9042, ConfigDef.Range.between(1, 65535), Importance.HIGH,
                        "Port of Cassandra's native protocol, the same on every host.",
                        CLUSTER, 2, Width.SHORT, "Port")
                .define(LOCAL_DC, Type.STRING, "", Importance.HIGH,
                        "Datacenter to write to. Empty: the one of the contact points.",
                        CLUSTER, 3, Width.MEDIUM, "Local datacenter")
                .define(USERNAME, Type.STRING, "", Importance.MEDIUM,
                        "User name for password authentication. Empty: no authentication.",
                        CLUSTER, 4, Width.MEDIUM, "User name")
                .define(PASSWORD, Type.PASSWORD, "", Importance.MEDIUM,
                        "Password of " + USERNAME + ".",
                        CLUSTER, 5, Width.MEDIUM, "Password");
    }

    private static ConfigDef writes(ConfigDef def) {
        return def
                .define(CONSISTENCY_LEVEL, Type.STRING, "LOCAL_QUORUM", new ConsistencyLevels(), Importance.MEDIUM,
                        "Consistency level of tables that have no topic.<topic>.<keyspace>.<table>.consistencyLevel: "
                                + String.join(", ", CONSISTENCY_LEVELS) + ".",
                        WRITES, 1, Width.MEDIUM, "Consistency level")
                .define(MAX_CONCURRENT_REQUESTS, Type.INT, 32, ConfigDef.Range.between(1, 32768), Importance.MEDIUM,
                        "Requests (batches or single rows) that a task has in flight at most.",
                        WRITES, 2, Width.SHORT, "Requests in flight")
                .define(MAX_RECORDS_IN_BATCH, Type.INT, 32, ConfigDef.Range.between(1, 1000), Importance.MEDIUM,
                        "Rows in one unlogged batch at most; 1 turns batches off.",
                        WRITES, 3, Width.SHORT, "Rows in a batch")
                .define(MAX_BATCH_BYTES, Type.INT, 5120, ConfigDef.Range.between(1, 16 * 1024 * 1024),
                        Importance.MEDIUM,
                        "Estimated bytes in one unlogged batch at most. The default is Cassandra's own default of "
                                + "batch_size_warn_threshold; raise both together.",
                        WRITES, 4, Width.SHORT, "Bytes in a batch")
                .define(QUERY_TIMEOUT, Type.INT, 12, ConfigDef.Range.between(1, 600), Importance.LOW,
                        "Seconds to wait for the answer to a request before it is sent again.",
                        WRITES, 5, Width.SHORT, "Answer timeout (s)");
    }

    private static final class NonEmptyHosts implements ConfigDef.Validator {
        @Override
        public void ensureValid(String name, Object value) {
            List<?> hosts = (List<?>) value;
            if (hosts == null || hosts.isEmpty() || hosts.stream().anyMatch(host -> host.toString().isBlank())) {
                throw new ConfigException(name, value, "name at least one host, none of them empty");
            }
        }

        @Override
        public String toString() {
            return "host names or addresses";
        }
    }

    static final class ConsistencyLevels implements ConfigDef.Validator {
        @Override
        public void ensureValid(String name, Object value) {
            if (value == null || !CONSISTENCY_LEVELS.contains(value.toString().toUpperCase(Locale.ROOT))) {
                throw new ConfigException(name, value, "choose one of " + String.join(", ", CONSISTENCY_LEVELS));
            }
        }

        @Override
        public String toString() {
            return CONSISTENCY_LEVELS.toString();
        }
    }
}
