package dev.penstock.postgres;

import java.util.IdentityHashMap;
import java.util.Map;
import org.apache.kafka.connect.data.ConnectSchema;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;

/**
 * What becomes of the schema of a row: of a key, and of what an event holds before and after a change.
 *
 * <p>Its columns lose their defaults: a converter writes the default where a row holds NULL, and so does whoever reads
 * with {@link Struct#get(String)}. Nobody needs them: Postgres has put them into the row already. They may be NULL, but
 * for those of a key: a row of before a SET NOT NULL holds it still. And they are named as {@link Names} says: one
 * column that Avro cannot name would fail the source of all tables.
 */
final class RowSchemas {
    private static final int MOST_KNOWN = 1_000;

    // By identity: Debezium builds the schemas of a table once, until it meets an altered one.
    private final Map<Schema, Schema> known = new IdentityHashMap<>();
    private final boolean nullable;

    private RowSchemas(boolean nullable) {
        this.nullable = nullable;
    }

    /** Those of the rows before and after a change. */
    static RowSchemas ofImages() {
        return new RowSchemas(true);
    }

    /** Those of keys. */
    static RowSchemas ofKeys() {
        return new RowSchemas(false);
    }

    /** The schema that the row is written with; the very same where nothing changes. */
    Schema of(Schema row) {
        if (known.size() == MOST_KNOWN) {
            known.clear();
        }
        return known.computeIfAbsent(row, this::written);
    }

    /** The same row with the schema that it is written with. */
    Struct rewrite(Struct row) {
        Schema schema = of(row.schema());
        if (schema == row.schema()) {
            return row;
        }
        Struct written = new Struct(schema);
        for (Field field : row.schema().fields()) {
            written.put(schema.fields().get(field.index()), row.getWithoutDefault(field.name()));
        }
        return written;
    }

    /** A builder of the same structure that has no fields yet. */
    static SchemaBuilder like(Schema schema) {
        SchemaBuilder builder = SchemaBuilder.struct()
                .name(schema.name())
                .version(schema.version())
                .doc(schema.doc());
        if (schema.parameters() != null) {
            builder.parameters(schema.parameters());
        }
        return schema.isOptional() ? builder.optional() : builder;
    }

    private Schema written(Schema row) {
        if (row.fields().stream().allMatch(this::staysAsItIs)) {
            return row;
        }
        SchemaBuilder builder = like(row);
        row.fields().forEach(column -> builder.field(Names.column(column.name()), plain(column.schema())));
        return builder.build();
    }

    private boolean staysAsItIs(Field column) {
        return column.schema().defaultValue() == null
                && column.schema().isOptional() == nullable
                && Names.column(column.name()).equals(column.name());
    }

    private Schema plain(Schema column) {
        Schema.Type type = column.type();
        return new ConnectSchema(
                type,
                nullable,
                null,
                column.name(),
                column.version(),
                column.doc(),
                column.parameters(),
                type == Schema.Type.STRUCT ? column.fields() : null,
                type == Schema.Type.MAP ? column.keySchema() : null,
                type == Schema.Type.MAP || type == Schema.Type.ARRAY ? column.valueSchema() : null);
    }
}
