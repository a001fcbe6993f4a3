package dev.penstock.postgres;

import io.debezium.data.Envelope;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.source.SourceRecord;

/**
 * What stands for a value that Debezium cannot read, until the value is left out of its record ({@link LeftOut}).
 *
 * <p>An exception at one value would stop the source of all tables, at the same place after each restart. So whoever
 * meets one gives {@link #VALUE} instead, the converter of the column ({@link CarefulConverters}) one that the schema
 * allows, and {@link #leftOut} finds it in the record, as the same object.
 */
final class Unreadable {
    /** Before it is converted. */
    static final Object VALUE = new Object();

    private static final String TEXT = new String("unreadable");
    private static final List<Object> LIST = new ArrayList<>();

    private Unreadable() {}

    /**
     * What stands for it in a row: for intervals, which are texts, and arrays. Penstock's decoder minds of these that
     * one can be left out (spark/penstock_views/types/encodings.py).
     *
     * @throws DataException for another type, of which Debezium reads every value
     */
    static Object of(Schema schema) {
        return switch (schema.type()) {
            case STRING -> TEXT;
            case ARRAY -> LIST;
            default -> throw new DataException("no value of the type " + schema.type() + " is unreadable");
        };
    }

    /**
     * The same records, in which headers name such values and their places are empty.
     *
     * @throws DataException when the key of a row cannot be read, by which the row would be found again
     */
    static List<SourceRecord> leftOut(List<SourceRecord> records) {
        List<SourceRecord> read = new ArrayList<>(records.size());
        for (SourceRecord record : records) {
            read.add(leftOut(record));
        }
        return read;
    }

    private static SourceRecord leftOut(SourceRecord record) {
        if (!(record.value() instanceof Struct change) || !Envelope.isEnvelopeSchema(change.schema())) {
            return record;
        }
        Map<String, String> inKey = record.key() instanceof Struct key ? columnsIn(key) : Map.of();
        if (!inKey.isEmpty()) {
            throw new DataException("a primary key of " + record.topic() + " has " + inKey
                    + ". Change the value, then run `penstock views rebuild`: the change is in the WAL still");
        }
        SourceRecord read = record;
        for (String image : LeftOut.IMAGES) {
            Field field = change.schema().field(image);
            Struct row = field == null ? null : change.getStruct(image);
            if (row != null) {
                read = LeftOut.of(read, image, columnsIn(row));
            }
        }
        return read;
    }

    /** The columns that hold one, with what to say of each. */
    private static Map<String, String> columnsIn(Struct row) {
        Map<String, String> found = Map.of();
        for (Field field : row.schema().fields()) {
            Object value = row.getWithoutDefault(field.name());
            // Equal ones are values; only the very same object is none.
            if (value == TEXT || value == LIST) {
                found = found.isEmpty() ? new LinkedHashMap<>() : found;
                found.put(field.name(), "a value that Debezium cannot read");
            }
        }
        return found;
    }
}
