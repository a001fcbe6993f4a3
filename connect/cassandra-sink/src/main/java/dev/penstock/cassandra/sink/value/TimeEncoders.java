package dev.penstock.cassandra.sink.value;

import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.Date;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.Time;
import org.apache.kafka.connect.data.Timestamp;

/**
 * Connect's logical Date, Time and Timestamp. All three are a {@link Date} in memory, so the schema's name decides;
 * a bare number is refused, because nobody can tell its unit.
 */
final class TimeEncoders {

    private static final long DAY_MS = Duration.ofDays(1).toMillis();
    /** CQL counts days from the middle of an unsigned int. */
    private static final long EPOCH_DAY = 1L << 31;

    private TimeEncoders() {
    }

    static ByteBuffer date(Schema schema, Object value) {
        long millis = millis("date", org.apache.kafka.connect.data.Date.LOGICAL_NAME, schema, value);
        long day = EPOCH_DAY + Math.floorDiv(millis, DAY_MS);
        if (Math.floorMod(millis, DAY_MS) != 0 || day < 0 || day >= 2 * EPOCH_DAY) {
            throw new UnfitValueException("date", schema, value, "not midnight UTC of a day in range");
        }
        return ByteBuffer.allocate(4).putInt((int) day).flip();
    }

    static ByteBuffer timestamp(Schema schema, Object value) {
        return ByteBuffer.allocate(8).putLong(millis("timestamp", Timestamp.LOGICAL_NAME, schema, value)).flip();
    }

    static ByteBuffer time(Schema schema, Object value) {
        long millis = millis("time", Time.LOGICAL_NAME, schema, value);
        if (millis < 0 || millis >= DAY_MS) {
            throw new UnfitValueException("time", schema, value, "not within one day");
        }
        return ByteBuffer.allocate(8).putLong(Duration.ofMillis(millis).toNanos()).flip();
    }

    private static long millis(String type, String logicalName, Schema schema, Object value) {
        if (value instanceof Date date && schema != null && logicalName.equals(schema.name())) {
            return date.getTime();
        }
        throw new UnfitValueException(type, schema, value, "needs the logical type " + logicalName);
    }
}
