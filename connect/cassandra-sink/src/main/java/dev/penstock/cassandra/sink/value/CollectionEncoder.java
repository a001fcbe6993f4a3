package dev.penstock.cassandra.sink.value;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import org.apache.kafka.connect.data.Schema;

/** Lists and sets: an element count, then each element with its length. Debezium's EnumSet is text with commas. */
record CollectionEncoder(String type, CqlEncoder element) implements CqlEncoder {

    @Override
    public ByteBuffer encode(Schema schema, Object value) {
        if (value instanceof String names && schema != null && Debezium.ENUM_SET.equals(schema.name())) {
            return encode(schema, Schema.STRING_SCHEMA, names.isEmpty() ? List.of() : List.of(names.split(",", -1)));
        }
        if (!(value instanceof Collection<?> elements)) {
            throw new BadRecordException(type, schema, value, "not an array");
        }
        return encode(schema, schema == null ? null : schema.valueSchema(), elements);
    }

    private ByteBuffer encode(Schema schema, Schema elementSchema, Collection<?> elements) {
        List<ByteBuffer> parts = new ArrayList<>(elements.size());
        for (Object one : elements) {
            if (one == null) {
                throw new BadRecordException(type, schema, elements, "holds a null, which CQL collections cannot");
            }
            parts.add(element.encode(elementSchema, one));
        }
        return join(elements.size(), parts);
    }

    static ByteBuffer join(int count, List<ByteBuffer> parts) {
        int size = 4 + parts.stream().mapToInt(part -> 4 + part.remaining()).sum();
        ByteBuffer joined = ByteBuffer.allocate(size).putInt(count);
        parts.forEach(part -> joined.putInt(part.remaining()).put(part.duplicate()));
        return joined.flip();
    }
}
