package dev.penstock.cassandra.sink.mapping;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.penstock.cassandra.sink.config.Source;
import java.util.Optional;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.sink.SinkRecord;
import org.junit.jupiter.api.Test;

class FieldsTest {

    private static final Schema STATUS =
            SchemaBuilder.string().optional().defaultValue("new").build();
    private static final Schema ROW =
            SchemaBuilder.struct().field("status", STATUS).build();

    @Test
    void aNullIsNullWhateverDefaultItsFieldHas() {
        for (Source.Part part : new Source.Part[] {Source.Part.KEY, Source.Part.VALUE}) {
            assertEquals(Optional.of(new SchemaAndValue(STATUS, null)), Fields.read(record(null), part, "status"));
            assertEquals(Optional.of(new SchemaAndValue(STATUS, "old")), Fields.read(record("old"), part, "status"));
        }
    }

    private static SinkRecord record(String status) {
        Struct row = new Struct(ROW).put("status", status);
        return new SinkRecord("t", 0, ROW, row, ROW, row, 0);
    }
}
