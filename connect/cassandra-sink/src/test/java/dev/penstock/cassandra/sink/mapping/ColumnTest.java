package dev.penstock.cassandra.sink.mapping;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.datastax.oss.driver.api.core.CqlIdentifier;
import com.datastax.oss.driver.api.core.type.DataTypes;
import dev.penstock.cassandra.sink.config.Source;
import dev.penstock.cassandra.sink.value.BadRecordException;
import dev.penstock.cassandra.sink.value.Conversion;
import dev.penstock.cassandra.sink.value.CqlEncoders;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.storage.HeaderConverter;
import org.apache.kafka.connect.storage.SimpleHeaderConverter;
import org.apache.kafka.connect.storage.StringConverter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ColumnTest {

    private static String encoded(HeaderConverter converter, String written, Conversion conversion) {
        SinkRecord record = new SinkRecord("t", 0, null, null, null, "x", 0);
        record.headers().add("h", converter.toConnectHeader("t", "h", written.getBytes(StandardCharsets.UTF_8)));
        Column column = new Column(
                CqlIdentifier.fromInternal("n"),
                DataTypes.TEXT,
                false,
                Optional.of(new Source(Source.Part.HEADER, "h")),
                CqlEncoders.of(DataTypes.TEXT, conversion).orElseThrow());
        return StandardCharsets.UTF_8.decode(column.encode(record)).toString();
    }

    /** Connect's own header converter makes 123 of 0123: no text may be made of what it leaves. */
    @ParameterizedTest
    @ValueSource(strings = {"123", "0123", "true", "7e3", "2024-01-02T03:04:05.678Z", "1.50"})
    void aHeaderIsTextAsItWasWrittenOrItsRecordIsBad(String written) {
        for (Conversion conversion : List.of(Conversion.EXACT, new Conversion(true, false))) {
            String bad = assertThrows(
                            BadRecordException.class, () -> encoded(new SimpleHeaderConverter(), written, conversion))
                    .getMessage();
            assertTrue(bad.endsWith("set header.converter=org.apache.kafka.connect.storage.StringConverter"), bad);
            assertEquals(written, encoded(new StringConverter(), written, conversion));
            assertEquals("abc", encoded(new SimpleHeaderConverter(), "abc", conversion));
        }
    }

    @Test
    void aValueThatNoEncoderThoughtOfMakesItsRecordBad() {
        Column column = new Column(
                CqlIdentifier.fromInternal("n"),
                DataTypes.DECIMAL,
                false,
                Optional.of(new Source(Source.Part.VALUE, null)),
                (schema, value) -> {
                    throw new NullPointerException("scale");
                });
        SinkRecord record = new SinkRecord("t", 0, null, null, null, "x", 0);
        BadRecordException bad = assertThrows(BadRecordException.class, () -> column.encode(record));
        assertEquals("column n: the value cannot be read: java.lang.NullPointerException: scale", bad.getMessage());
    }
}
