package dev.penstock.cassandra.sink.value;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.connect.data.Schema;

/** Maps: a pair count, then each key and value with its length. */
record MapEncoder(String type, CqlEncoder key, CqlEncoder value) implements CqlEncoder {

    @Override
    public ByteBuffer encode(Schema schema, Object map) {
        if (!(map instanceof Map<?, ?> pairs)) {
            throw new BadRecordException(type, schema, map, "not a map");
        }
        Schema keySchema = schema == null ? null : schema.keySchema();
        Schema valueSchema = schema == null ? null : schema.valueSchema();
        Set<ByteBuffer> keys = new HashSet<>();
        List<ByteBuffer> parts = new ArrayList<>(2 * pairs.size());
        pairs.forEach((oneKey, oneValue) -> {
            if (oneKey == null || oneValue == null) {
                throw new BadRecordException(type, schema, map, "holds a null, which CQL collections cannot");
            }
            ByteBuffer encoded = key.encode(keySchema, oneKey);
            if (!keys.add(encoded)) { // In JSON "1" and "01" are two, and one value would be lost.
                throw new BadRecordException(type, schema, map, "two of its keys are the same");
            }
            parts.add(encoded);
            parts.add(value.encode(valueSchema, oneValue));
        });
        return CollectionEncoder.join(pairs.size(), parts);
    }
}
