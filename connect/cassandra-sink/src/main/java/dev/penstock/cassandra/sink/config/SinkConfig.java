package dev.penstock.cassandra.sink.config;

import java.util.List;
import java.util.Map;
import org.apache.kafka.common.config.AbstractConfig;
import org.apache.kafka.common.config.ConfigException;

/** The configuration of a task, right as far as it can be known without the cluster. */
public final class SinkConfig extends AbstractConfig {

    private final List<TableConfig> tables;

    /**
     * Read a configuration.
     *
     * @throws ConfigException naming everything that is wrong
     */
    public SinkConfig(Map<String, String> properties) {
        super(Settings.definition(), properties, false);
        Problems problems = new Problems();
        tables = TableConfigs.read(properties, getString(Settings.CONSISTENCY_LEVEL), problems).tables();
        Rules.check(properties, tables, problems);
        if (!problems.isEmpty()) {
            throw new ConfigException(problems.toString());
        }
    }

    /** The tables of all topics. */
    public List<TableConfig> tables() {
        return tables;
    }

    /** How to reach the cluster. */
    public ClusterConfig cluster() {
        return ClusterConfig.of(this::get);
    }

    /** Requests in flight at most. */
    public int maxConcurrentRequests() {
        return getInt(Settings.MAX_CONCURRENT_REQUESTS);
    }

    /** Rows in a batch at most. */
    public int maxRecordsInBatch() {
        return getInt(Settings.MAX_RECORDS_IN_BATCH);
    }

    /** Estimated bytes in a batch at most. */
    public int maxBatchBytes() {
        return getInt(Settings.MAX_BATCH_BYTES);
    }
}
