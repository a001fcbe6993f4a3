package dev.penstock.cassandra.sink;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.DriverException;
import com.datastax.oss.driver.api.core.metadata.Metadata;
import com.datastax.oss.driver.api.core.servererrors.QueryValidationException;
import dev.penstock.cassandra.sink.cluster.ClusterAwayException;
import dev.penstock.cassandra.sink.config.Problems;
import dev.penstock.cassandra.sink.config.TableConfig;
import dev.penstock.cassandra.sink.mapping.RecordMapper;
import dev.penstock.cassandra.sink.mapping.TableShape;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.sink.SinkRecord;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The tables of the configuration as they are in the cluster now, each with what puts records into it. Follows every
 * change of a table while the task runs. Used by the task's thread.
 */
final class Tables {

    private static final Logger LOG = LoggerFactory.getLogger(Tables.class);
    private static final long REFRESH_SECONDS = 10;

    private final CqlSession session;
    private final List<TableConfig> configs;
    private final Map<TableConfig, RecordMapper> mappers = new LinkedHashMap<>();
    private Map<String, List<RecordMapper>> byTopic = Map.of();
    private Metadata seen;

    /**
     * Hold the configuration against the tables and prepare the statements.
     *
     * @throws ClusterAwayException when the cluster does not answer now
     * @throws ConnectException when the configuration does not fit the tables
     */
    Tables(CqlSession session, List<TableConfig> configs) throws ClusterAwayException {
        this.session = session;
        this.configs = configs;
        follow();
    }

    /** What puts records of a topic into its tables; empty when the topic has none. */
    List<RecordMapper> of(String topic) {
        return byTopic.getOrDefault(topic, List.of());
    }

    /** What puts records into a table by now. */
    RecordMapper of(TableConfig table) {
        return mappers.get(table);
    }

    /** Tell whether every field of the records has a column. */
    boolean fit(Collection<SinkRecord> records) {
        return records.stream().allMatch(record -> of(record.topic()).stream().allMatch(mapper -> mapper.fits(record)));
    }

    /**
     * Ask the cluster for its tables: the driver hears of a change only a moment after it.
     *
     * @throws ClusterAwayException when the cluster does not answer now
     * @throws ConnectException when the configuration does not fit the tables any more
     */
    void refresh() throws ClusterAwayException {
        try {
            session.refreshSchemaAsync().toCompletableFuture().get(REFRESH_SECONDS, TimeUnit.SECONDS);
        } catch (ExecutionException | TimeoutException e) {
            throw new ClusterAwayException("Cassandra does not tell its tables: " + e.getMessage(), e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ClusterAwayException("Interrupted while Cassandra told its tables", e);
        }
        follow();
    }

    /**
     * Adopt what the driver knows of the tables by now; costs nothing when that is nothing new.
     *
     * @throws ClusterAwayException when the cluster does not answer now
     * @throws ConnectException when the configuration does not fit the tables any more
     */
    void follow() throws ClusterAwayException {
        Metadata now = session.getMetadata();
        if (now == seen) {
            return;
        }
        for (TableShape shape : shapes(now)) {
            adopt(shape);
        }
        byTopic = mappers.values().stream().collect(Collectors.groupingBy(mapper -> mapper.config().topic()));
        seen = now;
    }

    private List<TableShape> shapes(Metadata cluster) {
        Problems problems = new Problems();
        List<TableShape> shapes = configs.stream()
                .flatMap(table -> TableShape.resolve(table, cluster, problems).stream()).toList();
        if (!problems.isEmpty()) {
            throw new ConnectException(problems.toString());
        }
        return shapes;
    }

    private void adopt(TableShape shape) throws ClusterAwayException {
        RecordMapper old = mappers.get(shape.config());
        if (old != null && old.shape().equals(shape)) {
            return;
        }
        if (old != null) {
            checkPrimaryKey(old.shape(), shape);
            LOG.info("Table {} changed; its columns are now {}", shape.config().qualifiedName(), shape.names());
        }
        mappers.put(shape.config(), prepare(shape));
    }

    /** A renamed column of the key would turn every record into a bad one. */
    private static void checkPrimaryKey(TableShape old, TableShape shape) {
        if (!old.keyNames().equals(shape.keyNames())) {
            throw new ConnectException("The primary key of table " + shape.config().qualifiedName() + " was "
                    + old.keyNames() + " and is now " + shape.keyNames() + ": adapt the mapping or the records, "
                    + "then restart the task");
        }
    }

    private RecordMapper prepare(TableShape shape) throws ClusterAwayException {
        try {
            return RecordMapper.prepare(shape, session);
        } catch (QueryValidationException e) {
            throw new ConnectException("Cassandra refuses the connector's statements: " + e.getMessage(), e);
        } catch (DriverException e) {
            throw new ClusterAwayException("Cassandra went away while statements were prepared: " + e.getMessage(), e);
        }
    }
}
