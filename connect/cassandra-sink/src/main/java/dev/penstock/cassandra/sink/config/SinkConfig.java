package dev.penstock.cassandra.sink.config;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.ConfigException;

/** The configuration of a task, right as far as it can be known without the cluster. */
public final class SinkConfig extends AbstractConfig {

    private final TableConfigs tables;
    private final boolean topicsNameTables;

    /**
     * Read a configuration.
     *
     * @throws ConfigException naming everything that is wrong
     */
    public SinkConfig(Map<String, String> properties) {
        super(Settings.definition(), properties, false);
        Problems problems = new Problems();
        tables = TableConfigs.read(properties, problems);
        topicsNameTables = !Rules.isEmpty(properties, Settings.KEYSPACE);
        Rules.check(properties, tables.tables(), problems);
        if (!problems.isEmpty()) {
            throw new ConfigException(problems.toString());
        }
    }

    /** The tables of all topics that are known before a record of them comes. */
    public List<TableConfig> tables() {
        return tables.tables();
    }

    /** The table of a topic that is none of those; empty when each topic needs a setting. */
    public Optional<TableConfig> table(String topic) {
        return topicsNameTables ? Optional.of(tables.byName(topic)) : Optional.empty();
    }

    /** The keyspaces of all tables. */
    public List<String> keyspaces() {
        return Stream.concat(tables().stream().map(TableConfig::keyspace),
                table("").stream().map(TableConfig::keyspace)).distinct().toList();
    }

    /** How to reach the cluster. */
    public ClusterConfig cluster() {
        return ClusterConfig.of(this::get, originalsStrings());
    }

    /** Requests in flight at most. */
    public int maxConcurrentRequests() {
        return getInt(Settings.MAX_CONCURRENT_REQUESTS);
    }

    /** Rows in a batch at most. */
    public int maxRecordsInBatch() {
        return getInt(Settings.MAX_RECORDS_IN_BATCH);
    }

    /** How long the cluster may refuse the user. */
    public Duration refusalPatience() {
        return Duration.ofSeconds(getInt(Settings.REFUSAL_TIMEOUT));
    }

    /** Estimated bytes in a batch at most. */
    public int maxBatchBytes() {
        return getInt(Settings.MAX_BATCH_BYTES);
    }
}
