package dev.penstock.postgres;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.errors.DataException;
import org.apache.kafka.connect.source.SourceRecord;
import org.junit.jupiter.api.Test;

final class UnreadableTest {
    private static final Map<String, Schema> TYPES = Map.of(
            "text",
            Schema.OPTIONAL_STRING_SCHEMA,
            "list",
            SchemaBuilder.array(Schema.INT32_SCHEMA).optional().build());
    private static final Schema ROW = row();
    private static final Schema ENVELOPE = SchemaBuilder.struct()
            .name("app.public.docs.Envelope")
            .field("before", ROW)
            .field("after", ROW)
            .field("op", Schema.STRING_SCHEMA)
            .build();

    @Test
    void eachTypeIsLeftOutAndNamed() {
        for (String column : TYPES.keySet()) {
            Struct row = new Struct(ROW).put(column, Unreadable.of(TYPES.get(column)));
            SourceRecord read = read(change(null, row));
            assertNull(((Struct) read.value()).getStruct("after").get(column), column);
            assertEquals(
                    column + "=a value that Debezium cannot read",
                    read.headers().lastWithName(LeftOut.HEADER + "after").value());
        }
    }

    @Test
    void eachImageIsJudgedAlone() {
        Struct row =
                new Struct(ROW).put("text", Unreadable.of(TYPES.get("text"))).put("list", List.of(1));
        SourceRecord read = read(change(row, new Struct(ROW).put("text", "t")));
        assertNull(read.headers().lastWithName(LeftOut.HEADER + "after"));
        assertEquals("t", ((Struct) read.value()).getStruct("after").get("text"));
        assertEquals(List.of(1), ((Struct) read.value()).getStruct("before").get("list"));
        assertNull(((Struct) read.value()).getStruct("before").get("text"));
    }

    @Test
    void anEqualValueIsAValue() {
        Struct row = new Struct(ROW).put("text", "unreadable").put("list", new ArrayList<>());
        SourceRecord record = change(row, row);
        assertSame(record, read(record));
    }

    @Test
    void aKeyIsRefused() {
        Schema key = SchemaBuilder.struct().field("span", Schema.STRING_SCHEMA).build();
        SourceRecord record = change(null, new Struct(ROW));
        Struct unreadable = new Struct(key).put("span", Unreadable.of(Schema.STRING_SCHEMA));
        SourceRecord keyed =
                record.newRecord(record.topic(), 0, key, unreadable, record.valueSchema(), record.value(), 0L);
        String said = assertThrows(DataException.class, () -> read(keyed)).getMessage();
        assertTrue(said.contains("span") && said.contains("views rebuild"), said);
    }

    @Test
    void aTypeWithoutSuchValuesHasNone() {
        assertThrows(DataException.class, () -> Unreadable.of(Schema.INT32_SCHEMA));
    }

    @Test
    void whatIsNoChangeEventIsLeftAlone() {
        SourceRecord other = new SourceRecord(Map.of(), Map.of(), "app.public.docs", Schema.STRING_SCHEMA, "value");
        assertSame(other, read(other));
    }

    private static SourceRecord read(SourceRecord record) {
        return Unreadable.leftOut(List.of(record)).get(0);
    }

    private static SourceRecord change(Struct before, Struct after) {
        Struct change =
                new Struct(ENVELOPE).put("before", before).put("after", after).put("op", "u");
        return new SourceRecord(Map.of(), Map.of(), "app.public.docs", ENVELOPE, change);
    }

    private static Schema row() {
        SchemaBuilder row = SchemaBuilder.struct().optional();
        TYPES.forEach(row::field);
        return row.build();
    }
}
