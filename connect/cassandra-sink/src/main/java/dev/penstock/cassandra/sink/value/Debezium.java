package dev.penstock.cassandra.sink.value;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.apache.kafka.connect.data.Schema;

/** The schema names by which Debezium says what a value means. */
final class Debezium {

    static final String DATE = "io.debezium.time.Date";
    static final String TIME = "io.debezium.time.Time";
    static final String MICRO_TIME = "io.debezium.time.MicroTime";
    static final String NANO_TIME = "io.debezium.time.NanoTime";
    static final String TIMESTAMP = "io.debezium.time.Timestamp";
    static final String MICRO_TIMESTAMP = "io.debezium.time.MicroTimestamp";
    static final String NANO_TIMESTAMP = "io.debezium.time.NanoTimestamp";
    static final String ZONED_TIME = "io.debezium.time.ZonedTime";
    static final String ZONED_TIMESTAMP = "io.debezium.time.ZonedTimestamp";
    static final String ISO_DATE = "io.debezium.time.IsoDate";
    static final String ISO_TIME = "io.debezium.time.IsoTime";
    static final String ISO_TIMESTAMP = "io.debezium.time.IsoTimestamp";
    static final String MICRO_DURATION = "io.debezium.time.MicroDuration";
    static final String NANO_DURATION = "io.debezium.time.NanoDuration";
    static final String VARIABLE_SCALE_DECIMAL = "io.debezium.data.VariableScaleDecimal";
    static final String ENUM_SET = "io.debezium.data.EnumSet";

    /** What stands for a large value that did not change, when Postgres does not send it. */
    private static final String UNAVAILABLE = "__debezium_unavailable_value";

    private static final ByteBuffer UNAVAILABLE_BYTES = ByteBuffer.wrap(UNAVAILABLE.getBytes(StandardCharsets.UTF_8));

    private Debezium() {}

    /** Refuse the stand-in of a value that is not in the record: written, it would replace the value. */
    static String available(String text) {
        if (text.equals(UNAVAILABLE)) {
            throw unavailable();
        }
        return text;
    }

    /** The same of bytes. */
    static ByteBuffer available(ByteBuffer bytes) {
        if (bytes.equals(UNAVAILABLE_BYTES)) {
            throw unavailable();
        }
        return bytes;
    }

    private static BadRecordException unavailable() {
        return new BadRecordException("the record lacks the value, as it is large and did not change (" + UNAVAILABLE
                + "); make Postgres send it with ALTER TABLE … REPLICA IDENTITY FULL");
    }

    static boolean isGeometry(Schema schema) {
        return schema != null && schema.name() != null && schema.name().startsWith("io.debezium.data.geometry.");
    }
}
