package dev.penstock.cassandra.sink.value;

import java.nio.ByteBuffer;
import org.apache.kafka.connect.data.Schema;

/** Turns a Connect value into the bytes of one CQL type, exactly or not at all. */
@FunctionalInterface
public interface CqlEncoder {

    /**
     * Encode a value.
     *
     * @param schema schema of the value; null for schemaless data
     * @param value the value, never null
     * @return the bytes as the native protocol wants them
     * @throws BadRecordException when the value has no exact counterpart in the CQL type
     */
    ByteBuffer encode(Schema schema, Object value);
}
