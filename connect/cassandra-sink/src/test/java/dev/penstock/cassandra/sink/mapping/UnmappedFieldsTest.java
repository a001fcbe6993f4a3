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
import org.apache.kafka.connect.sink.SinkRecord;
import org.junit.jupiter.api.Test;

class UnmappedFieldsTest {

    private static final Schema MAP =
            SchemaBuilder.map(Schema.STRING_SCHEMA, Schema.STRING_SCHEMA).build();

    private static Optional<String> find(UnmappedFields fields, Map<String, String> value) {
        return fields.find(new SinkRecord("t", 0, null, null, MAP, value, 0));
    }

    /** One schema for all maps: that one of them was good says nothing of the next. */
    @Test
    void looksIntoEachMap() {
        Column column = new Column(
                CqlIdentifier.fromInternal("a"), DataTypes.TEXT, true, Optional.empty(), (schema, value) -> null);
        UnmappedFields fields = new UnmappedFields(new TableShape(
                new TableConfig(
                        "t",
                        "k",
                        "u",
                        new Mapping(true, Map.of(), Optional.empty(), Optional.empty()),
                        ConsistencyLevel.ONE,
                        RowRules.DEFAULT),
                List.of(column)));
        assertEquals(Optional.empty(), find(fields, Map.of("a", "x")));
        assertEquals(Optional.of("field lost of the value has no column"), find(fields, Map.of("a", "x", "lost", "y")));
    }
}
