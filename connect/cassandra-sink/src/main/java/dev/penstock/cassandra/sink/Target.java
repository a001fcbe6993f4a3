package dev.penstock.cassandra.sink;

import com.datastax.oss.driver.api.core.CqlIdentifier;
import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.cql.BoundStatement;
import com.datastax.oss.driver.api.core.metadata.Node;
import com.datastax.oss.driver.api.core.metadata.TokenMap;
import dev.penstock.cassandra.sink.cluster.Cluster;
import dev.penstock.cassandra.sink.cluster.ClusterAwayException;
import dev.penstock.cassandra.sink.cluster.ClusterCheck;
import dev.penstock.cassandra.sink.config.SinkConfig;
import dev.penstock.cassandra.sink.config.TableConfig;
import dev.penstock.cassandra.sink.mapping.RecordMapper;
import dev.penstock.cassandra.sink.write.AsyncWriter;
import dev.penstock.cassandra.sink.write.Batcher;
import dev.penstock.cassandra.sink.write.Delivery;
import dev.penstock.cassandra.sink.write.Meter;
import dev.penstock.cassandra.sink.write.TroubleLog;
import dev.penstock.cassandra.sink.write.Write;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.sink.SinkRecord;

/** A session to a cluster whose tables fit the configuration: turns records into writes and sends them. */
final class Target implements AutoCloseable {

    private static final long CLOSE_SECONDS = 1;

    private final CqlSession session;
    private final Tables tables;
    private final AsyncWriter writer;

    private Target(CqlSession session, Tables tables, AsyncWriter writer) {
        this.session = session;
        this.tables = tables;
        this.writer = writer;
    }

    /**
     * Connect, hold the mappings against the tables, prepare the statements.
     *
     * @throws ClusterAwayException when the cluster does not answer now
     * @throws ConnectException when the configuration is wrong
     */
    static Target open(SinkConfig config, TroubleLog trouble, Meter meter) throws ClusterAwayException {
        CqlSession session = Cluster.connect(config.cluster(), ClusterCheck.keyspaces(config.tables()));
        try {
            Batcher batcher = new Batcher(config.maxRecordsInBatch(), config.maxBatchBytes());
            return new Target(session, new Tables(session, config.tables()),
                    new AsyncWriter(session::executeAsync, batcher, config.maxConcurrentRequests(), trouble, meter));
        } catch (ClusterAwayException | ConnectException e) {
            session.closeAsync();
            throw e;
        }
    }

    /** What sends the writes. */
    AsyncWriter writer() {
        return writer;
    }

    /** The tables as they are. */
    Tables tables() {
        return tables;
    }

    /**
     * Turn a record into writes, one for each table of its topic.
     *
     * @throws BadRecordException when one of the tables cannot take it; then none gets it
     */
    List<Write> map(SinkRecord record, Delivery delivery) {
        List<RecordMapper> mappers = tables.of(record.topic());
        if (mappers.isEmpty()) {
            throw new BadRecordException("topic " + record.topic() + " has no table; set topic." + record.topic()
                    + ".<keyspace>.<table>.mapping");
        }
        List<Write> writes = new ArrayList<>(mappers.size());
        for (RecordMapper mapper : mappers) {
            writes.add(write(mapper, record, delivery));
        }
        delivery.expect(writes.size());
        return writes;
    }

    /**
     * Make a write anew when its table has changed since.
     *
     * @return empty when the table is the same
     * @throws BadRecordException when the table as it is now cannot take the record
     */
    Optional<Write> anew(Write write) {
        RecordMapper mapper = tables.of(write.table());
        return mapper.made((BoundStatement) write.statement()) ? Optional.empty()
                : Optional.of(write(mapper, write.record(), write.delivery()));
    }

    private Write write(RecordMapper mapper, SinkRecord record, Delivery delivery) {
        RecordMapper.Mapped mapped = mapper.map(record);
        return new Write(mapped.statement(), group(mapped.statement(), mapper.config()), mapped.bytes(), record,
                mapper.config(), delivery);
    }

    private Write.Group group(BoundStatement statement, TableConfig table) {
        CqlIdentifier keyspace = CqlIdentifier.fromInternal(table.keyspace());
        Optional<TokenMap> tokens = session.getMetadata().getTokenMap();
        Set<Node> replicas = tokens.isEmpty() ? Set.of()
                : tokens.get().getReplicas(keyspace, statement.getRoutingKey());
        return new Write.Group(replicas.isEmpty() ? statement.getRoutingKey() : replicas, table.consistencyLevel());
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
