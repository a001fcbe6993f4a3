package dev.penstock.cassandra.sink.value;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.datastax.oss.driver.api.core.ProtocolVersion;
import com.datastax.oss.driver.api.core.type.DataType;
import com.datastax.oss.driver.api.core.type.codec.registry.CodecRegistry;
import java.nio.ByteBuffer;
import org.apache.kafka.connect.data.Schema;
import org.junit.jupiter.params.provider.Arguments;

/** What every test of the encoders asks of one value. */
final class Encoding {

    private Encoding() {}

    /** One case; typed, so that a row of a table cannot have a column too few. */
    static Arguments of(DataType type, Schema schema, Object value, Object expected) {
        return Arguments.of(type, schema, value, expected);
    }

    /** The driver's own codec reads the bytes as the expected value. */
    static void assertExact(DataType type, Schema schema, Object value, Object expected) {
        assertEncoded(Conversion.EXACT, type, schema, value, expected);
    }

    /** The same with a conversion. */
    static void assertEncoded(Conversion conversion, DataType type, Schema schema, Object value, Object expected) {
        ByteBuffer bytes = CqlEncoders.of(type, conversion).orElseThrow().encode(schema, value);
        assertEquals(expected, CodecRegistry.DEFAULT.codecFor(type).decode(bytes, ProtocolVersion.DEFAULT));
    }

    /** The value does not fit, and the message says why. */
    static void assertRefused(DataType type, Schema schema, Object value, String reason) {
        assertRefused(Conversion.EXACT, type, schema, value, reason);
    }

    /** The same with a conversion. */
    static void assertRefused(Conversion conversion, DataType type, Schema schema, Object value, String reason) {
        CqlEncoder encoder = CqlEncoders.of(type, conversion).orElseThrow();
        String message = assertThrows(BadRecordException.class, () -> encoder.encode(schema, value))
                .getMessage();
        assertTrue(message.contains(reason), message);
    }
}
