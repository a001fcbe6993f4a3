package dev.penstock.cassandra.sink.mapping;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.cql.BoundStatement;
import com.datastax.oss.driver.api.core.cql.BoundStatementBuilder;
import com.datastax.oss.driver.api.core.cql.PreparedStatement;
import dev.penstock.cassandra.sink.config.Source;
import dev.penstock.cassandra.sink.config.TableConfig;
import dev.penstock.cassandra.sink.value.BadRecordException;
import dev.penstock.cassandra.sink.value.Json;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.apache.kafka.connect.sink.SinkRecord;

/** Turns a record into the statement that writes it to one table. Used by one thread. */
public final class RecordMapper {

    /** Roughly what Cassandra adds to a row and to each cell when it measures a batch. */
    private static final int ROW_BYTES = 64;

    private static final int CELL_BYTES = 24;

    private final TableShape shape;
    private final PreparedStatement insert;
    private final PreparedStatement delete;
    private final List<Column> primaryKey;
    private final UnmappedFields unmappedFields;
    private final RowNumbers numbers;

    private RecordMapper(TableShape shape, PreparedStatement insert, PreparedStatement delete) {
        this.shape = shape;
        this.insert = insert;
        this.delete = delete;
        this.primaryKey = shape.primaryKey();
        this.unmappedFields = new UnmappedFields(shape);
        this.numbers = new RowNumbers(shape.config());
    }

    /** Prepare the two statements of a table. */
    public static CompletableFuture<RecordMapper> prepare(TableShape shape, CqlSession session) {
        return session.prepareAsync(shape.insert())
                .thenCombine(
                        session.prepareAsync(shape.delete()),
                        (insert, delete) -> new RecordMapper(shape, insert, delete))
                .toCompletableFuture();
    }

    /** The configuration of the table. */
    public TableConfig config() {
        return shape.config();
    }

    /** The table as this mapper knows it. */
    public TableShape shape() {
        return shape;
    }

    /** Tell whether every field of a record has a column. */
    public boolean fits(SinkRecord record) {
        return unmappedFields.find(readable(record)).isEmpty();
    }

    /**
     * Make the statement for a record: the full row, or the delete of its key when the value is null.
     *
     * @throws BadRecordException when the record cannot be written to this table
     */
    public Mapped map(SinkRecord given) {
        SinkRecord record = readable(given);
        try {
            unmappedFields.find(record).ifPresent(reason -> {
                throw new BadRecordException(reason);
            });
            return record.value() == null ? delete(record) : insert(record);
        } catch (BadRecordException e) {
            throw new BadRecordException(config().qualifiedName() + ": " + e.getMessage(), e.getCause());
        }
    }

    /** A text whose fields are asked for, and which nobody asks for as a whole, is the text of a JSON object. */
    private SinkRecord readable(SinkRecord record) {
        Optional<Map<?, ?>> key = object(Source.Part.KEY, record.key());
        Optional<Map<?, ?>> value = object(Source.Part.VALUE, record.value());
        if (key.isEmpty() && value.isEmpty()) {
            return record;
        }
        return record.newRecord(
                record.topic(),
                record.kafkaPartition(),
                key.isPresent() ? null : record.keySchema(),
                key.isPresent() ? key.get() : record.key(),
                value.isPresent() ? null : record.valueSchema(),
                value.isPresent() ? value.get() : record.value(),
                record.timestamp(),
                record.headers());
    }

    private Optional<Map<?, ?>> object(Source.Part part, Object content) {
        return content instanceof String text && !config().mapping().reads(new Source(part, null))
                ? Json.object(text)
                : Optional.empty();
    }

    private Mapped insert(SinkRecord record) {
        long version = numbers.timestamp(record);
        Binder binder = new Binder(insert);
        for (Column column : shape.columns()) {
            ByteBuffer value = column.encode(record);
            if (value == null && config().rules().nullToUnset()) {
                binder.skip();
            } else {
                binder.add(value);
            }
        }
        binder.add(version);
        if (shape.bindsTtl()) {
            numbers.ttlSeconds(record).ifPresent(binder::add);
        }
        return binder.mapped();
    }

    private Mapped delete(SinkRecord record) {
        if (!config().rules().deletesEnabled()) {
            throw new BadRecordException("the record has no value, and deletesEnabled is false");
        }
        Binder binder = new Binder(delete).add(numbers.timestamp(record));
        primaryKey.forEach(column -> binder.add(column.encode(record)));
        return binder.mapped();
    }

    /**
     * A statement and its weight.
     *
     * @param statement the bound statement
     * @param bytes estimate of what Cassandra counts for it in a batch
     */
    public record Mapped(BoundStatement statement, int bytes) {}

    /** Binds values by position and adds up their size. */
    private static final class Binder {

        private final BoundStatementBuilder builder;
        private int position;
        private int bytes = ROW_BYTES;

        Binder(PreparedStatement prepared) {
            builder = prepared.boundStatementBuilder();
        }

        Binder add(ByteBuffer value) {
            builder.setBytesUnsafe(position++, value);
            bytes += CELL_BYTES + (value == null ? 0 : value.remaining());
            return this;
        }

        Binder add(long value) {
            builder.setLong(position++, value);
            return this;
        }

        Binder add(int value) {
            builder.setInt(position++, value);
            return this;
        }

        /** Leave a value unset: Cassandra then leaves the column as it is, or the life of the row to its table. */
        void skip() {
            position++;
        }

        Mapped mapped() {
            return new Mapped(builder.build(), bytes);
        }
    }
}
