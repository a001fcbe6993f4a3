package dev.penstock.cassandra.sink.value;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.data.Struct;

/**
 * Tuples from arrays and structs, by position.
 *
 * @param type the type in CQL
 * @param components the encoders of its components
 */
record TupleEncoder(String type, List<CqlEncoder> components) implements CqlEncoder {

    @Override
    public ByteBuffer encode(Schema schema, Object value) {
        List<SchemaAndValue> given = given(schema, value);
        if (given.size() != components.size()) {
            throw new BadRecordException(type, schema, value, "has " + given.size() + " components");
        }
        List<ByteBuffer> parts = new ArrayList<>(given.size());
        for (int i = 0; i < given.size(); i++) {
            SchemaAndValue one = given.get(i);
            parts.add(one.value() == null ? null : components.get(i).encode(one.schema(), one.value()));
        }
        return join(parts);
    }

    private List<SchemaAndValue> given(Schema schema, Object value) {
        List<SchemaAndValue> given = new ArrayList<>();
        if (value instanceof Struct struct) {
            for (Field field : struct.schema().fields()) {
                given.add(new SchemaAndValue(field.schema(), struct.getWithoutDefault(field.name())));
            }
        } else if (value instanceof List<?> list) {
            Schema each = schema == null ? null : schema.valueSchema();
            list.forEach(one -> given.add(new SchemaAndValue(each, one)));
        } else {
            throw new BadRecordException(type, schema, value, "not an array of " + components.size() + " components");
        }
        return given;
    }

    /** Each part behind its length, a null as a length of -1: so the protocol has tuples and user-defined types. */
    static ByteBuffer join(List<ByteBuffer> parts) {
        int size = parts.stream()
                .mapToInt(part -> 4 + (part == null ? 0 : part.remaining()))
                .sum();
        ByteBuffer joined = ByteBuffer.allocate(size);
        for (ByteBuffer part : parts) {
            joined.putInt(part == null ? -1 : part.remaining());
            if (part != null) {
                joined.put(part.duplicate());
            }
        }
        return joined.flip();
    }
}
