package dev.penstock.postgres;

import io.debezium.data.Envelope;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.source.SourceRecord;

/**
 * Makes of Debezium's change events those that are written: their rows as {@link RowSchemas} says, and in the schema of
 * each event how often the columns of its table have changed.
 *
 * <p>A column that is added and dropped again, or renamed and renamed back, leaves a table with the columns of before,
 * and Debezium's records with the schema of before: the registry gives it the old id, and a reader cannot tell the late
 * records from the early ones. With the number in it, no later schema is equal to an earlier one.
 */
final class RecordRewriter {
    static final String PARAMETER = "penstock.columns.altered";

    private static final int MOST_KNOWN = 1_000;
    private static final Set<String> ROWS = Set.of(Envelope.FieldName.BEFORE, Envelope.FieldName.AFTER);

    private final Counts counts;
    private final RowSchemas keys = RowSchemas.ofKeys();
    private final RowSchemas images = RowSchemas.ofImages();
    // By identity, as RowSchemas does.
    private final Map<Schema, Schema> known = new IdentityHashMap<>();

    RecordRewriter(Counts counts) {
        this.counts = counts;
    }

    /** How often the columns of a table have changed; 0 where nobody counts. */
    @FunctionalInterface
    interface Counts {
        int of(String schema, String table) throws SQLException;
    }

    /**
     * The same records as they are written.
     *
     * @throws SQLException when nobody tells the count: then no record is rewritten, and the same can be given again
     */
    List<SourceRecord> rewrite(List<SourceRecord> records) throws SQLException {
        List<SourceRecord> written = new ArrayList<>(records.size());
        for (SourceRecord record : records) {
            written.add(rewrite(record));
        }
        return written;
    }

    private SourceRecord rewrite(SourceRecord record) throws SQLException {
        if (!(record.value() instanceof Struct change) || !Envelope.isEnvelopeSchema(change.schema())) {
            return record;
        }
        Struct value = rewrite(change);
        Object key = record.key();
        Schema keySchema = record.keySchema();
        // Events of a table without a primary key have none, or one of an index whose columns may be NULL.
        if (key instanceof Struct row && isWhole(row)) {
            key = keys.rewrite(row);
            keySchema = keys.of(keySchema);
        }
        if (value == change && key == record.key()) {
            return record;
        }
        return record.newRecord(
                record.topic(),
                record.kafkaPartition(),
                keySchema,
                key,
                value.schema(),
                value,
                record.timestamp(),
                record.headers());
    }

    private static boolean isWhole(Struct key) {
        return key.schema().fields().stream().noneMatch(field -> key.getWithoutDefault(field.name()) == null);
    }

    private Struct rewrite(Struct change) throws SQLException {
        Schema schema = schemaFor(change);
        if (schema == change.schema()) {
            return change;
        }
        Struct written = new Struct(schema);
        for (Field field : schema.fields()) {
            Object value = change.getWithoutDefault(field.name());
            written.put(
                    field, value instanceof Struct row && ROWS.contains(field.name()) ? images.rewrite(row) : value);
        }
        return written;
    }

    private Schema schemaFor(Struct change) throws SQLException {
        Schema found = known.get(change.schema());
        if (found == null) {
            Struct source = change.getStruct(Envelope.FieldName.SOURCE);
            found = envelope(change.schema(), counts.of(source.getString("schema"), source.getString("table")));
            if (known.size() == MOST_KNOWN) {
                known.clear();
            }
            known.put(change.schema(), found);
        }
        return found;
    }

    private Schema envelope(Schema schema, int count) {
        SchemaBuilder builder = RowSchemas.like(schema);
        if (count > 0) {
            builder.parameter(PARAMETER, String.valueOf(count));
        }
        for (Field field : schema.fields()) {
            builder.field(field.name(), ROWS.contains(field.name()) ? images.of(field.schema()) : field.schema());
        }
        Schema written = builder.build();
        return written.equals(schema) ? schema : written;
    }
}
