package dev.penstock.cassandra.sink.value;

import java.nio.ByteBuffer;
import java.util.List;
import java.util.Objects;
import org.apache.kafka.connect.data.Schema;

/** Vectors of floats: nothing but the numbers, one behind the other. */
record VectorEncoder(String type, int dimensions, CqlEncoder number) implements CqlEncoder {

    @Override
    public ByteBuffer encode(Schema schema, Object value) {
        if (!(value instanceof List<?> numbers)
                || numbers.size() != dimensions
                || numbers.stream().anyMatch(Objects::isNull)) {
            throw new BadRecordException(type, schema, value, "not an array of " + dimensions + " numbers");
        }
        Schema numberSchema = schema == null ? null : schema.valueSchema();
        ByteBuffer bytes = ByteBuffer.allocate(Float.BYTES * dimensions);
        numbers.forEach(one -> bytes.put(number.encode(numberSchema, one)));
        return bytes.flip();
    }
}
