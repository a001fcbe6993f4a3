package dev.penstock.postgres;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.Map;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.junit.jupiter.api.Test;

final class RowSchemasTest {
    private final RowSchemas rows = RowSchemas.ofImages();

    @Test
    void onlyTheDefaultsGo() {
        Schema point = SchemaBuilder.struct()
                .field("x", Schema.FLOAT64_SCHEMA)
                .optional()
                .build();
        Struct at = new Struct(point).put("x", 1.0);
        List<SchemaBuilder> kinds = List.of(
                SchemaBuilder.string().defaultValue("new"),
                SchemaBuilder.int64()
                        .name("io.debezium.time.MicroTimestamp")
                        .version(1)
                        .doc("when")
                        .defaultValue(0L),
                SchemaBuilder.array(Schema.OPTIONAL_STRING_SCHEMA).defaultValue(List.of("a")),
                SchemaBuilder.map(Schema.STRING_SCHEMA, Schema.OPTIONAL_STRING_SCHEMA)
                        .defaultValue(Map.of("a", "b")));
        for (SchemaBuilder kind : kinds) {
            Schema column = kind.optional()
                    .parameter("__debezium.source.column.type", "TEXT")
                    .build();
            Schema row = row().field("it", column).field("at", point).build();
            Schema written = rows.of(row);
            Schema bare = written.field("it").schema();
            assertNull(bare.defaultValue());
            assertTrue(bare.isOptional());
            assertSame(column.type(), bare.type());
            assertEquals(column.parameters(), bare.parameters());
            assertEquals(column.name(), bare.name());
            assertEquals(column.doc(), bare.doc());
            assertEquals(column.version(), bare.version());
            assertEquals(point, written.field("at").schema());
            assertEquals(row.name(), written.name());
            assertTrue(written.isOptional());
            assertEquals(3, written.version());
            assertEquals(row.parameters(), written.parameters());
            Struct empty = rows.rewrite(new Struct(row).put("it", null).put("at", at));
            empty.validate();
            assertNull(empty.get("it"));
            Struct full = rows.rewrite(
                    new Struct(row).put("it", column.defaultValue()).put("at", at));
            full.validate();
            assertEquals(column.defaultValue(), full.get("it"));
        }
    }

    @Test
    void aRowWithoutDefaultsKeepsItsSchema() {
        Schema schema = row().field("it", Schema.OPTIONAL_STRING_SCHEMA).build();
        Struct row = new Struct(schema).put("it", "x");
        assertSame(schema, rows.of(schema));
        assertSame(row, rows.rewrite(row));
    }

    @Test
    void aColumnMayBeNullAndOneOfAKeyMayNot() {
        Schema schema = row().field("it", Schema.STRING_SCHEMA).build();
        assertTrue(rows.of(schema).field("it").schema().isOptional());
        rows.rewrite(new Struct(schema)).validate();
        assertSame(schema, RowSchemas.ofKeys().of(schema));
        Schema optional = row().field("it", Schema.OPTIONAL_STRING_SCHEMA).build();
        assertFalse(RowSchemas.ofKeys().of(optional).field("it").schema().isOptional());
    }

    @Test
    void eachSchemaIsRewrittenOnce() {
        Schema schema = row().field(
                        "it", SchemaBuilder.string().defaultValue("new").build())
                .build();
        assertSame(rows.of(schema), rows.of(schema));
        assertSame(
                rows.of(schema), rows.rewrite(new Struct(schema).put("it", "x")).schema());
    }

    @Test
    void columnsHaveNamesThatAvroTakes() {
        Schema schema = row().field("postal code", Schema.STRING_SCHEMA)
                .field("2fa", Schema.BOOLEAN_SCHEMA)
                .build();
        Struct written =
                rows.rewrite(new Struct(schema).put("postal code", "1010").put("2fa", true));
        assertEquals(schema.name(), written.schema().name());
        assertEquals(2, written.schema().fields().size());
        assertEquals("1010", written.getString("postal_x0020_code"));
        assertTrue(written.getBoolean("_x0032_fa"));
    }

    private static SchemaBuilder row() {
        return SchemaBuilder.struct()
                .name("app.public.users.Value")
                .version(3)
                .optional()
                .parameter("kept", "yes");
    }
}
