package dev.penstock.cassandra.sink.config;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Stream;
import org.apache.kafka.common.config.ConfigException;

/**
 * The configuration of a task, right as far as it can be known without the cluster.
 *
 * @param tables the tables of all topics that are known before a record of them comes
 * @param byTopic the table of a topic that is none of those; empty when each topic needs a setting
 * @param cluster how to reach the cluster
 * @param maxConcurrentRequests requests in flight at most
 * @param maxRecordsInBatch rows in a batch at most
 * @param maxBatchBytes estimated bytes in a batch at most
 * @param refusalPatience how long the cluster may refuse the user
 */
public record SinkConfig(
        List<TableConfig> tables,
        Function<String, Optional<TableConfig>> byTopic,
        ClusterConfig cluster,
        int maxConcurrentRequests,
        int maxRecordsInBatch,
        int maxBatchBytes,
        Duration refusalPatience) {

    /**
     * Read a configuration.
     *
     * @throws ConfigException naming everything that is wrong
     */
    public static SinkConfig of(Map<String, String> properties) {
        Validation validation = new Validation(properties);
        Problems problems = validation.problems();
        if (!problems.isEmpty()) {
            throw new ConfigException(problems.toString());
        }
        return new SinkConfig(
                validation.tables(),
                validation::table,
                validation.cluster().orElseThrow(),
                validation.number(Settings.MAX_CONCURRENT_REQUESTS),
                validation.number(Settings.MAX_RECORDS_IN_BATCH),
                validation.number(Settings.MAX_BATCH_BYTES),
                Duration.ofSeconds(validation.number(Settings.REFUSAL_TIMEOUT)));
    }

    /** What stands for the tables of topics that are not known yet. */
    public Optional<TableConfig> later() {
        return byTopic.apply(TableConfigs.ANY_TOPIC);
    }

    /** The keyspaces of all tables. */
    public List<String> keyspaces() {
        return Stream.concat(tables.stream(), later().stream())
                .map(TableConfig::keyspace)
                .distinct()
                .toList();
    }
}
