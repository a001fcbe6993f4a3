package dev.penstock.postgres;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.sql.SQLException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.source.SourceRecord;
import org.junit.jupiter.api.Test;

final class RecordRewriterTest {
    private final Map<String, Integer> counted = new HashMap<>();
    private int asked;
    private boolean isAway;
    private final RecordRewriter rewriter = new RecordRewriter((schema, table) -> {
        asked++;
        if (isAway) {
            throw new SQLException("away");
        }
        return counted.getOrDefault(schema + "." + table, 0);
    });

    @Test
    void whatNeedsNoChangeIsTheSameRecord() throws SQLException {
        SourceRecord change = event(envelope());
        assertSame(change, rewriter.rewrite(List.of(change)).get(0));
    }

    @Test
    void anAlteredTableHasTheNumberInItsSchemaAndTheSameValues() throws SQLException {
        counted.put("public.users", 3);
        SourceRecord change = event(envelope());
        SourceRecord written = rewriter.rewrite(List.of(change)).get(0);
        assertEquals("3", written.valueSchema().parameters().get(RecordRewriter.PARAMETER));
        assertEquals(change.valueSchema().name(), written.valueSchema().name());
        assertEquals(change.valueSchema().fields(), written.valueSchema().fields());
        assertEquals("c", ((Struct) written.value()).getString("op"));
        assertEquals(((Struct) change.value()).getStruct("source"), ((Struct) written.value()).getStruct("source"));
        assertSame(written.valueSchema(), ((Struct) written.value()).schema());
        assertEquals(change.key(), written.key());
        assertEquals(change.topic(), written.topic());
        assertEquals(change.sourceOffset(), written.sourceOffset());
    }

    @Test
    void eachSchemaIsAskedForOnce() throws SQLException {
        counted.put("public.users", 1);
        Schema schema = envelope();
        List<SourceRecord> written = rewriter.rewrite(List.of(event(schema), event(schema)));
        assertEquals(1, asked);
        assertSame(written.get(1).valueSchema(), written.get(0).valueSchema());
        counted.put("public.users", 2);
        assertSame(
                written.get(0).valueSchema(),
                rewriter.rewrite(List.of(event(schema))).get(0).valueSchema());
        // Debezium builds another schema when it meets an altered table, even if it looks the same.
        Schema later = rewriter.rewrite(List.of(event(envelope()))).get(0).valueSchema();
        assertNotEquals(written.get(0).valueSchema(), later);
    }

    @Test
    void noRowHasADefault() throws SQLException {
        Schema id = number().defaultValue(0).build();
        Schema key = SchemaBuilder.struct()
                .name("app.public.users.Key")
                .field("id", id)
                .build();
        Schema row = row();
        Struct before = new Struct(row).put("id", 7).put("n", 1);
        Struct after = new Struct(row).put("id", 7).put("n", null);
        SchemaBuilder builder = envelopeBuilder().field("before", row).field("after", row);
        Struct change = change(builder.build()).put("before", before).put("after", after);
        SourceRecord event = record(key, new Struct(key).put("id", 7), change);
        SourceRecord written = rewriter.rewrite(List.of(event)).get(0);
        assertNull(written.keySchema().field("id").schema().defaultValue());
        assertSame(written.keySchema(), ((Struct) written.key()).schema());
        assertEquals(7, ((Struct) written.key()).getInt32("id"));
        Struct value = (Struct) written.value();
        assertSame(written.valueSchema(), value.schema());
        assertEquals(change.schema().parameters(), written.valueSchema().parameters());
        assertEquals(1, value.getStruct("before").get("n"));
        assertNull(value.getStruct("after").get("n"));
        assertSame(
                written.valueSchema().field("before").schema(),
                value.getStruct("after").schema());
        value.validate();
    }

    @Test
    void aKeyWithANullStaysAsItIs() throws SQLException {
        Schema key =
                SchemaBuilder.struct().field("id", Schema.OPTIONAL_INT32_SCHEMA).build();
        SourceRecord unkeyed = rewriter.rewrite(List.of(record(key, new Struct(key), change(envelope()))))
                .get(0);
        assertSame(key, unkeyed.keySchema());
        SourceRecord written = rewriter.rewrite(List.of(record(key, new Struct(key).put("id", 7), change(envelope()))))
                .get(0);
        assertEquals(Schema.INT32_SCHEMA, written.keySchema().field("id").schema());
    }

    @Test
    void anEventWithoutAKeyHasNone() throws SQLException {
        counted.put("public.users", 1);
        SourceRecord written = rewriter.rewrite(List.of(record(null, null, change(envelope()))))
                .get(0);
        assertNull(written.key());
        assertNull(written.keySchema());
        assertTrue(written.valueSchema().parameters().containsKey(RecordRewriter.PARAMETER));
    }

    @Test
    void whatIsNoChangeEventIsLeftAlone() throws SQLException {
        Schema schema = SchemaBuilder.struct()
                .name("Heartbeat")
                .field("ts_ms", Schema.INT64_SCHEMA)
                .build();
        SourceRecord heartbeat = record(null, null, new Struct(schema).put("ts_ms", 1L));
        SourceRecord tombstone = record(Schema.STRING_SCHEMA, "k", null);
        assertEquals(List.of(heartbeat, tombstone), rewriter.rewrite(List.of(heartbeat, tombstone)));
        assertEquals(0, asked);
    }

    @Test
    void whileNobodyAnswersTheSameCanBeGivenAgain() throws SQLException {
        counted.put("public.users", 1);
        List<SourceRecord> changes = List.of(event(envelope()));
        isAway = true;
        assertThrows(SQLException.class, () -> rewriter.rewrite(changes));
        isAway = false;
        assertTrue(rewriter.rewrite(changes).get(0).valueSchema().parameters().containsKey(RecordRewriter.PARAMETER));
    }

    private static SchemaBuilder number() {
        return SchemaBuilder.int32().parameter("type", "INT4");
    }

    private static Schema row() {
        SchemaBuilder row =
                SchemaBuilder.struct().name("app.public.users.Value").optional();
        row.field("id", number().defaultValue(0).build())
                .field("n", number().optional().defaultValue(5).build());
        return row.build();
    }

    private static Schema envelope() {
        return envelopeBuilder().build();
    }

    private static SchemaBuilder envelopeBuilder() {
        SchemaBuilder source = SchemaBuilder.struct();
        source.field("schema", Schema.STRING_SCHEMA).field("table", Schema.STRING_SCHEMA);
        SchemaBuilder envelope =
                SchemaBuilder.struct().name("app.public.users.Envelope").version(2);
        return envelope.parameter("kept", "yes")
                .field("op", Schema.STRING_SCHEMA)
                .field("source", source.build());
    }

    private static Struct change(Schema schema) {
        Struct source = new Struct(schema.field("source").schema())
                .put("schema", "public")
                .put("table", "users");
        return new Struct(schema).put("op", "c").put("source", source);
    }

    private static SourceRecord event(Schema schema) {
        return record(Schema.STRING_SCHEMA, "k", change(schema));
    }

    private static SourceRecord record(Schema keySchema, Object key, Struct value) {
        Map<String, ?> server = Map.of("server", "app");
        Schema schema = value == null ? null : value.schema();
        return new SourceRecord(server, Map.of("lsn", 7L), "app.public.users", keySchema, key, schema, value);
    }
}
