package dev.penstock.cassandra.sink.mapping;

import com.datastax.oss.driver.api.core.CqlIdentifier;
import com.datastax.oss.driver.api.core.type.DataType;
import com.datastax.oss.driver.api.core.type.DataTypes;
import com.datastax.oss.driver.internal.core.type.PrimitiveType;
import dev.penstock.cassandra.sink.config.Source;
import dev.penstock.cassandra.sink.value.BadRecordException;
import dev.penstock.cassandra.sink.value.CqlEncoder;
import dev.penstock.cassandra.sink.value.Digits;
import java.nio.ByteBuffer;
import java.util.Optional;
import java.util.Set;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.sink.SinkRecord;

/**
 * One column that the connector writes.
 *
 * @param name name of the column
 * @param type its CQL type
 * @param primaryKey whether it is part of the primary key
 * @param source where its value comes from; empty means the field of the column's own name ({@code *})
 * @param encoder encoder of its type
 */
record Column(CqlIdentifier name, DataType type, boolean primaryKey, Optional<Source> source, CqlEncoder encoder) {

    private static final Set<DataType> TEXTS = Set.of(DataTypes.TEXT, DataTypes.ASCII);
    private static final Set<DataType> WHOLE_NUMBERS =
            Set.of(DataTypes.TINYINT, DataTypes.SMALLINT, DataTypes.INT, DataTypes.BIGINT, DataTypes.VARINT);

    /**
     * The place of its value in a statement. Without a type in the key, as the server would no longer say which values
     * make the partition, and nodes could not be chosen by it; of a collection, as the server may hold its parts.
     */
    String marker() {
        return primaryKey || !(type instanceof PrimitiveType) ? "?" : "(" + type.asCql(true, false) + ")?";
    }

    /**
     * Encode this column's value of a record.
     *
     * @return the bytes; null means CQL's NULL
     * @throws BadRecordException when there is no such value or it does not fit
     */
    ByteBuffer encode(SinkRecord record) {
        SchemaAndValue found = find(record);
        Object value = found.value();
        if (value == null) {
            return absent();
        }
        try {
            return encoder.encode(found.schema(), ofHeader(value));
        } catch (BadRecordException e) {
            throw new BadRecordException("column " + name.asInternal() + ": " + e.getMessage());
        } catch (RuntimeException e) { // Of a shape that no encoder thought of: that is this record's trouble alone.
            throw new BadRecordException("column " + name.asInternal() + ": the value cannot be read: " + e, e);
        }
    }

    private ByteBuffer absent() {
        if (primaryKey) {
            throw new BadRecordException("column " + name.asInternal() + " of the primary key is null");
        }
        return null;
    }

    /** A header is bytes: some converters leave them so, and Connect's own makes of a text what it looks like. */
    private Object ofHeader(Object value) {
        if (source.isEmpty() || source.get().part() != Source.Part.HEADER) {
            return value;
        }
        if (TEXTS.contains(type) && !(value instanceof String)) {
            throw new BadRecordException(
                    source.get() + " is " + value.getClass().getSimpleName()
                            + " by the header converter, and how it was written is lost; set header.converter="
                            + "org.apache.kafka.connect.storage.StringConverter");
        }
        return WHOLE_NUMBERS.contains(type) ? Digits.text(value) : value;
    }

    private SchemaAndValue find(SinkRecord record) {
        return source.isPresent() ? fromSource(record, source.get()) : byName(record);
    }

    private SchemaAndValue fromSource(SinkRecord record, Source named) {
        return Fields.read(record, named)
                .orElseThrow(
                        () -> new BadRecordException("column " + name.asInternal() + ": the record has no " + named));
    }

    /** The key says which row it is and the value what is in it, so each is asked first for its own columns. */
    private SchemaAndValue byName(SinkRecord record) {
        Source.Part first = primaryKey ? Source.Part.KEY : Source.Part.VALUE;
        Source.Part second = primaryKey ? Source.Part.VALUE : Source.Part.KEY;
        return Fields.read(record, first, name.asInternal())
                .or(() -> Fields.read(record, second, name.asInternal()))
                .orElse(SchemaAndValue.NULL);
    }
}
