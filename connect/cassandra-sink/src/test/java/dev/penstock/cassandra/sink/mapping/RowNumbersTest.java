package dev.penstock.cassandra.sink.mapping;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.datastax.oss.driver.api.core.ConsistencyLevel;
import dev.penstock.cassandra.sink.config.Mapping;
import dev.penstock.cassandra.sink.config.RowRules;
import dev.penstock.cassandra.sink.config.TableConfig;
import dev.penstock.cassandra.sink.value.BadRecordException;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.connect.sink.SinkRecord;
import org.junit.jupiter.api.Test;

class RowNumbersTest {

    private static final RowNumbers NUMBERS = new RowNumbers(new TableConfig(
            "t",
            "k",
            "t",
            new Mapping(true, Map.of(), Optional.empty(), Optional.empty()),
            ConsistencyLevel.ONE,
            RowRules.DEFAULT));

    private static long version(Long recordTime) {
        return NUMBERS.timestamp(
                new SinkRecord("t", 0, null, null, null, null, 0, recordTime, TimestampType.CREATE_TIME));
    }

    /** The largest version of all would hide each later change of its row for ever. */
    @Test
    void aTimeBeyondAllVersionsIsNoVersion() {
        assertEquals(9_223_372_036_854_775_000L, version(9_223_372_036_854_775L));
        assertThrows(BadRecordException.class, () -> version(9_223_372_036_854_776L));
        assertThrows(BadRecordException.class, () -> version(null));
    }
}
