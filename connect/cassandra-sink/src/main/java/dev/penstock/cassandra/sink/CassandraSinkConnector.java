package dev.penstock.cassandra.sink;

import dev.penstock.cassandra.sink.cluster.ClusterCheck;
import dev.penstock.cassandra.sink.config.Settings;
import dev.penstock.cassandra.sink.config.Validation;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import org.apache.kafka.common.config.Config;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.connect.connector.Task;
import org.apache.kafka.connect.sink.SinkConnector;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Kafka Connect sink for Apache Cassandra; the README beside the code lists every setting. */
public final class CassandraSinkConnector extends SinkConnector {

    private static final Logger LOG = LoggerFactory.getLogger(CassandraSinkConnector.class);

    private Map<String, String> properties = Map.of();

    @Override
    public String version() {
        return Version.VERSION;
    }

    @Override
    public void start(Map<String, String> settings) {
        properties = written(settings);
        new Validation(properties).remarks().forEach(LOG::warn);
    }

    @Override
    public Class<? extends Task> taskClass() {
        return CassandraSinkTask.class;
    }

    @Override
    public List<Map<String, String>> taskConfigs(int maxTasks) {
        return IntStream.range(0, maxTasks).mapToObj(this::taskConfig).toList();
    }

    private Map<String, String> taskConfig(int task) {
        Map<String, String> settings = new HashMap<>(properties);
        settings.put(CassandraSinkTask.NUMBER, Integer.toString(task));
        return settings;
    }

    @Override
    public void stop() {
        // Only tasks hold anything.
    }

    @Override
    public ConfigDef config() {
        return Settings.definition();
    }

    /** Find everything that is wrong at once, the cluster's tables included, each on its own setting. */
    @Override
    public Config validate(Map<String, String> settings) {
        Validation validation = new Validation(written(settings));
        validation
                .cluster()
                .ifPresent(cluster ->
                        validation.add(ClusterCheck.problems(cluster, validation.tables(), validation.later())));
        return new Config(validation.values());
    }

    /** Connect hands on a null that somebody wrote as a value; it sets nothing. */
    private static Map<String, String> written(Map<String, String> settings) {
        Map<String, String> written = new HashMap<>(settings);
        written.values().removeIf(Objects::isNull);
        return Collections.unmodifiableMap(written);
    }
}
