package dev.penstock.cassandra.sink.config;

import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.kafka.common.config.ConfigException;

/** The configuration of a task, right as far as it can be known without the cluster. */
public final class SinkConfig {

    private final Map<String, Object> values = new HashMap<>();
    private final TableConfigs tables;
    private final ClusterConfig cluster;

    /**
     * Read a configuration.
     *
     * @throws ConfigException naming everything that is wrong
     */
    public SinkConfig(Map<String, String> properties) {
        Validation validation = new Validation(properties);
        Problems problems = validation.problems();
        if (!problems.isEmpty()) {
            throw new ConfigException(problems.toString());
        }
        validation.values().forEach(value -> values.put(value.name(), value.value()));
        tables = validation.tableConfigs();
        cluster = validation.cluster().orElseThrow();
    }

    /** The tables of all topics that are known before a record of them comes. */
    public List<TableConfig> tables() {
        return tables.tables();
    }

    /** The table of a topic that is none of those; empty when each topic needs a setting. */
    public Optional<TableConfig> table(String topic) {
        return tables.byName(topic);
    }

    /** The keyspaces of all tables. */
    public List<String> keyspaces() {
        return Stream.concat(tables().stream(), table("").stream())
                .map(TableConfig::keyspace)
                .distinct()
                .toList();
    }

    /** How to reach the cluster. */
    public ClusterConfig cluster() {
        return cluster;
    }

    private int number(String setting) {
        return (Integer) values.get(setting);
    }

    /** Requests in flight at most. */
    public int maxConcurrentRequests() {
        return number(Settings.MAX_CONCURRENT_REQUESTS);
    }

    /** Rows in a batch at most. */
    public int maxRecordsInBatch() {
        return number(Settings.MAX_RECORDS_IN_BATCH);
    }

    /** How long the cluster may refuse the user. */
    public Duration refusalPatience() {
        return Duration.ofSeconds(number(Settings.REFUSAL_TIMEOUT));
    }

    /** Estimated bytes in a batch at most. */
    public int maxBatchBytes() {
        return number(Settings.MAX_BATCH_BYTES);
    }
}
