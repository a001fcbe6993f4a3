package dev.penstock.cassandra.sink.value;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.data.Struct;

/**
 * User-defined types from structs and maps, field by field: one that the record lacks is null, one that the type lacks
 * makes the record bad.
 *
 * @param type the type in CQL
 * @param fields the encoders of its fields, in its order
 */
record UdtEncoder(String type, LinkedHashMap<String, CqlEncoder> fields) implements CqlEncoder {

    @Override
    public ByteBuffer encode(Schema schema, Object value) {
        Map<String, SchemaAndValue> given = given(schema, value);
        List<ByteBuffer> parts = new ArrayList<>(fields.size());
        fields.forEach((name, encoder) -> {
            SchemaAndValue found = given.remove(name);
            parts.add(found == null || found.value() == null ? null : encoder.encode(found.schema(), found.value()));
        });
        if (!given.isEmpty()) {
            throw new BadRecordException(
                    type,
                    schema,
                    value,
                    "has no field " + given.keySet().iterator().next());
        }
        return TupleEncoder.join(parts);
    }

    private Map<String, SchemaAndValue> given(Schema schema, Object value) {
        Map<String, SchemaAndValue> given = new LinkedHashMap<>();
        if (value instanceof Struct struct) {
            for (Field field : struct.schema().fields()) {
                given.put(field.name(), new SchemaAndValue(field.schema(), struct.getWithoutDefault(field.name())));
            }
        } else if (value instanceof Map<?, ?> map) {
            Schema each = schema == null ? null : schema.valueSchema();
            map.forEach((name, entry) -> given.put(String.valueOf(name), new SchemaAndValue(each, entry)));
        } else {
            throw new BadRecordException(type, schema, value, "not an object with fields");
        }
        return given;
    }
}
