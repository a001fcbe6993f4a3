package dev.penstock.cassandra.sink.mapping;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.datastax.oss.driver.api.core.ConsistencyLevel;
import com.datastax.oss.driver.api.core.CqlIdentifier;
import com.datastax.oss.driver.api.core.type.DataTypes;
import dev.penstock.cassandra.sink.config.Mapping;
import dev.penstock.cassandra.sink.config.RowRules;
import dev.penstock.cassandra.sink.config.TableConfig;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.sink.SinkRecord;
import org.junit.jupiter.api.Test;

class UnmappedFieldsTest {

    private static final Schema MAP =
            SchemaBuilder.map(Schema.STRING_SCHEMA, Schema.STRING_SCHEMA).build();

    private static Optional<String> find(UnmappedFields fields, Map<String, String> value) {
        return fields.find(new SinkRecord("t", 0, null, null, MAP, value, 0));
    }

    private static UnmappedFields ofColumnA() {
        Column column = new Column(
                CqlIdentifier.fromInternal("a"), DataTypes.TEXT, true, Optional.empty(), (schema, value) -> null);
        return new UnmappedFields(new TableShape(
                new TableConfig(
                        "t",
                        "k",
                        "u",
                        new Mapping(true, Map.of(), Optional.empty(), Optional.empty()),
                        ConsistencyLevel.ONE,
                        RowRules.DEFAULT),
                List.of(column)));
    }

    /** A null has none of the fields of its schema: that it was good says nothing of the next record. */
    @Test
    void looksIntoTheFieldsOfASchemaWhoseFirstKeyOrValueWasNull() {
        Schema schema = SchemaBuilder.struct()
                .optional()
                .field("a", Schema.STRING_SCHEMA)
                .field("lost", Schema.STRING_SCHEMA)
                .build();
        Struct given = new Struct(schema).put("a", "x").put("lost", "y");
        UnmappedFields fields = ofColumnA();
        assertEquals(Optional.empty(), fields.find(new SinkRecord("t", 0, schema, null, schema, null, 0)));
        assertEquals(
                Optional.of("field lost of the key has no column"),
                fields.find(new SinkRecord("t", 0, schema, given, schema, null, 1)));
        assertEquals(
                Optional.of("field lost of the value has no column"),
                fields.find(new SinkRecord("t", 0, schema, null, schema, given, 2)));
    }

    /** One schema for all maps: that one of them was good says nothing of the next. */
    @Test
    void looksIntoEachMap() {
        UnmappedFields fields = ofColumnA();
        assertEquals(Optional.empty(), find(fields, Map.of("a", "x")));
        assertEquals(Optional.of("field lost of the value has no column"), find(fields, Map.of("a", "x", "lost", "y")));
    }
}
