package dev.penstock.cassandra.sink.write;

import com.datastax.oss.driver.api.core.ConsistencyLevel;
import com.datastax.oss.driver.api.core.cql.BatchableStatement;
import dev.penstock.cassandra.sink.config.TableConfig;
import dev.penstock.cassandra.sink.mapping.TableShape;
import org.apache.kafka.connect.sink.SinkRecord;

/**
 * One row to write or delete.
 *
 * @param statement the bound statement
 * @param group writes of equal groups may share a batch
 * @param bytes estimate of what Cassandra counts for it in a batch
 * @param record the record that it comes from
 * @param shape the table as it was known then
 * @param delivery is told when the write is acknowledged
 * @param repeated whether the server refused it before: that may have been a node which did not know the table yet
 */
public record Write(
        BatchableStatement<?> statement,
        Group group,
        int bytes,
        SinkRecord record,
        TableShape shape,
        Delivery delivery,
        boolean repeated) {

    /** The table. */
    public TableConfig table() {
        return shape.config();
    }

    /** The same for a second time. */
    Write again() {
        return new Write(statement, group, bytes, record, shape, delivery, true);
    }

    /** Tell whether it deletes the row. */
    boolean isDelete() {
        return record.value() == null;
    }

    /**
     * What writes must have in common to share a batch.
     *
     * @param replicas the ids of the nodes that hold the partition, or the partition itself when they are not known:
     *     only a batch whose rows live on the same nodes costs its coordinator no more than one of its rows
     * @param level consistency level
     */
    public record Group(Object replicas, ConsistencyLevel level) {}
}
