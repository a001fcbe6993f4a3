package dev.penstock.cassandra.sink.mapping;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.datastax.oss.driver.api.core.CqlIdentifier;
import com.datastax.oss.driver.api.core.type.DataTypes;
import dev.penstock.cassandra.sink.BadRecordException;
import dev.penstock.cassandra.sink.config.Source;
import java.util.Optional;
import org.apache.kafka.connect.sink.SinkRecord;
import org.junit.jupiter.api.Test;

class ColumnTest {

    @Test
    void aValueThatNoEncoderThoughtOfMakesItsRecordBad() {
        Column column = new Column(CqlIdentifier.fromInternal("n"), DataTypes.DECIMAL, false,
                Optional.of(new Source(Source.Part.VALUE, null)), (schema, value) -> {
                    throw new NullPointerException("scale");
                });
        SinkRecord record = new SinkRecord("t", 0, null, null, null, "x", 0);
        BadRecordException bad = assertThrows(BadRecordException.class, () -> column.encode(record));
        assertEquals("column n: the value cannot be read: java.lang.NullPointerException: scale", bad.getMessage());
    }
}
