package dev.penstock.cassandra.sink;

import com.datastax.oss.driver.api.core.CqlIdentifier;
import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.DriverException;
import com.datastax.oss.driver.api.core.cql.BoundStatement;
import com.datastax.oss.driver.api.core.metadata.Node;
import com.datastax.oss.driver.api.core.servererrors.QueryValidationException;
import dev.penstock.cassandra.sink.cluster.Cluster;
import dev.penstock.cassandra.sink.cluster.ClusterAwayException;
import dev.penstock.cassandra.sink.cluster.ClusterCheck;
import dev.penstock.cassandra.sink.config.Problems;
import dev.penstock.cassandra.sink.config.SinkConfig;
import dev.penstock.cassandra.sink.config.TableConfig;
import dev.penstock.cassandra.sink.mapping.RecordMapper;
import dev.penstock.cassandra.sink.mapping.TableShape;
import dev.penstock.cassandra.sink.write.AsyncWriter;
import dev.penstock.cassandra.sink.write.Batcher;
import dev.penstock.cassandra.sink.write.Delivery;
import dev.penstock.cassandra.sink.write.Write;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.stream.Collectors;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.sink.SinkRecord;

/** A session to a cluster whose tables fit the configuration: turns records into writes and sends them. */
final class Target implements AutoCloseable {

    private static final long CLOSE_SECONDS = 1;

    private final CqlSession session;
    private final Map<String, List<RecordMapper>> mappersByTopic;
    private final AsyncWriter writer;

    private Target(CqlSession session, List<RecordMapper> mappers, AsyncWriter writer) {
        this.session = session;
        this.mappersByTopic = mappers.stream().collect(Collectors.groupingBy(mapper -> mapper.config().topic()));
        this.writer = writer;
    }

    /**
     * Connect, hold the mappings against the tables, prepare the statements.
     *
     * @throws ClusterAwayException when the cluster does not answer now
     * @throws ConnectException when the configuration is wrong
     */
    static Target open(SinkConfig config) throws ClusterAwayException {
        CqlSession session = Cluster.connect(config.cluster(), ClusterCheck.keyspaces(config.tables()));
        try {
            List<RecordMapper> mappers = shapes(config, session).stream()
                    .map(shape -> RecordMapper.prepare(shape, session)).toList();
            Batcher batcher = new Batcher(config.maxRecordsInBatch(), config.maxBatchBytes());
            return new Target(session, mappers,
                    new AsyncWriter(session::executeAsync, batcher, config.maxConcurrentRequests()));
        } catch (QueryValidationException e) {
            session.closeAsync();
            throw new ConnectException("Cassandra refuses the connector's statements: " + e.getMessage(), e);
        } catch (DriverException e) {
            session.closeAsync();
            throw new ClusterAwayException("Cassandra went away while statements were prepared: " + e.getMessage(), e);
        } catch (ConnectException e) {
            session.closeAsync();
            throw e;
        }
    }

    private static List<TableShape> shapes(SinkConfig config, CqlSession session) {
        Problems problems = new Problems();
        List<TableShape> shapes = config.tables().stream()
                .flatMap(table -> TableShape.resolve(table, session.getMetadata(), problems).stream()).toList();
        if (!problems.isEmpty()) {
            throw new ConnectException(problems.toString());
        }
        return shapes;
    }

    /** What sends the writes. */
    AsyncWriter writer() {
        return writer;
    }

    /**
     * Turn a record into writes, one for each table of its topic.
     *
     * @throws BadRecordException when one of the tables cannot take it; then none gets it
     */
    List<Write> map(SinkRecord record, Delivery delivery) {
        List<RecordMapper> mappers = mappersByTopic.get(record.topic());
        if (mappers == null) {
            throw new BadRecordException("topic " + record.topic() + " has no table; set topic." + record.topic()
                    + ".<keyspace>.<table>.mapping");
        }
        List<Write> writes = new ArrayList<>(mappers.size());
        for (RecordMapper mapper : mappers) {
            RecordMapper.Mapped mapped = mapper.map(record);
            writes.add(new Write(mapped.statement(), group(mapped.statement(), mapper.config()), mapped.bytes(),
                    record, mapper.config(), delivery));
        }
        delivery.expect(writes.size());
        return writes;
    }

    private Write.Group group(BoundStatement statement, TableConfig table) {
        CqlIdentifier keyspace = CqlIdentifier.fromInternal(table.keyspace());
        Set<Node> replicas = session.getMetadata().getTokenMap()
                .map(tokens -> tokens.getReplicas(keyspace, statement.getRoutingKey())).orElse(Set.of());
        return new Write.Group(replicas.isEmpty() ? statement.getRoutingKey() : replicas, table.consistencyLevel());
    }

    /** Tell whether a table that was there at the start still is. */
    boolean isThere(TableConfig table) {
        return session.getMetadata().getKeyspace(CqlIdentifier.fromInternal(table.keyspace()))
                .flatMap(keyspace -> keyspace.getTable(CqlIdentifier.fromInternal(table.table()))).isPresent();
    }

    /** Stop sending and close the session, within a second or so. */
    @Override
    public void close() {
        writer.close();
        try {
            session.closeAsync().toCompletableFuture().get(CLOSE_SECONDS, TimeUnit.SECONDS);
        } catch (TimeoutException | ExecutionException e) {
            session.forceCloseAsync();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            session.forceCloseAsync();
        }
    }
}
