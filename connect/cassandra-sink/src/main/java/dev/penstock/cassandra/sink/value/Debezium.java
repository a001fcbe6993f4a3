package dev.penstock.cassandra.sink.value;

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
    static final String INTERVAL = "io.debezium.time.Interval";
    static final String MICRO_DURATION = "io.debezium.time.MicroDuration";
    static final String NANO_DURATION = "io.debezium.time.NanoDuration";
    static final String VARIABLE_SCALE_DECIMAL = "io.debezium.data.VariableScaleDecimal";
    static final String ENUM_SET = "io.debezium.data.EnumSet";

    private Debezium() {}

    static boolean isGeometry(Schema schema) {
        return schema != null && schema.name() != null && schema.name().startsWith("io.debezium.data.geometry.");
    }
}
