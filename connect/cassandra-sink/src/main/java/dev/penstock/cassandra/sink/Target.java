package dev.penstock.cassandra.sink;

import com.datastax.oss.driver.api.core.CqlIdentifier;
import com.datastax.oss.driver.api.core.cql.BoundStatement;
import dev.penstock.cassandra.sink.cluster.ClusterAwayException;
import dev.penstock.cassandra.sink.config.SinkConfig;
import dev.penstock.cassandra.sink.config.TableConfig;
import dev.penstock.cassandra.sink.mapping.RecordMapper;
import dev.penstock.cassandra.sink.value.BadRecordException;
import dev.penstock.cassandra.sink.write.AsyncWriter;
import dev.penstock.cassandra.sink.write.Batcher;
import dev.penstock.cassandra.sink.write.Delivery;
import dev.penstock.cassandra.sink.write.Meter;
import dev.penstock.cassandra.sink.write.Patience;
import dev.penstock.cassandra.sink.write.TroubleLog;
import dev.penstock.cassandra.sink.write.Write;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.sink.SinkRecord;

/** The tables of a cluster and what writes to them: turns records into writes and sends them. */
final class Target implements AutoCloseable {

    private final Places places = new Places();
    private final Connections connections;
    private final AsyncWriter writer;

    /** Make it; {@link #ensureOpen} connects. */
    Target(SinkConfig config, Connections connections, TroubleLog trouble, Meter meter) {
        this.connections = connections;
        writer = new AsyncWriter(
                statement -> connections.current().session().executeAsync(statement),
                new Batcher(config.maxRecordsInBatch(), config.maxBatchBytes()),
                config.maxConcurrentRequests(),
                trouble,
                meter,
                Patience.of(config.refusalPatience()));
    }

    /**
     * Make sure that there is a connection.
     *
     * @param limit how long to wait for one
     * @throws ClusterAwayException when there is none yet; ask again
     * @throws ConnectException when the configuration is wrong
     */
    void ensureOpen(Duration limit) throws ClusterAwayException {
        connections.ensure(limit);
    }

    /** What sends the writes. */
    AsyncWriter writer() {
        return writer;
    }

    /** The tables as they are. */
    Tables tables() {
        return connections.current().tables();
    }

    /**
     * Turn a record into writes, one for each table of its topic.
     *
     * @throws BadRecordException when one of the tables cannot take it; then none gets it
     */
    List<Write> map(SinkRecord record, Delivery delivery) {
        List<RecordMapper> mappers = tables().of(record);
        if (mappers.isEmpty()) {
            throw withoutTable(record);
        }
        List<Write> writes = new ArrayList<>(mappers.size());
        for (RecordMapper mapper : mappers) {
            writes.add(write(mapper, record, delivery));
        }
        delivery.expect(writes.size());
        return writes;
    }

    private static BadRecordException withoutTable(SinkRecord record) {
        return new BadRecordException("topic " + record.topic() + " has no table; create one of its name in the "
                + "connector's keyspace, or set topic." + record.topic() + ".<keyspace>.<table>.mapping");
    }

    /**
     * Make a write again when its table has changed since.
     *
     * @return empty when the table is the same
     * @throws BadRecordException when the table as it is now cannot take the record
     */
    Optional<Write> remake(Write write) {
        RecordMapper mapper = tables().of(write.table()).orElseThrow(() -> withoutTable(write.record()));
        return mapper.shape().equals(write.shape())
                ? Optional.empty()
                : Optional.of(write(mapper, write.record(), write.delivery()));
    }

    private Write write(RecordMapper mapper, SinkRecord record, Delivery delivery) {
        RecordMapper.Mapped mapped = mapper.map(record);
        return new Write(
                mapped.statement(),
                group(mapped.statement(), mapper.config()),
                mapped.bytes(),
                record,
                mapper.shape(),
                delivery,
                false);
    }

    private Write.Group group(BoundStatement statement, TableConfig table) {
        CqlIdentifier keyspace = CqlIdentifier.fromInternal(table.keyspace());
        ByteBuffer partition = statement.getRoutingKey();
        Object place = connections
                .current()
                .session()
                .getMetadata()
                .getTokenMap()
                .map(tokens -> tokens.getReplicas(keyspace, partition))
                .filter(replicas -> !replicas.isEmpty())
                .<Object>map(places::of)
                .orElse(partition);
        return new Write.Group(place, table.consistencyLevel());
    }

    /** Stop sending and close the session, within a second or so. */
    @Override
    public void close() {
        writer.close();
        connections.close();
    }
}
