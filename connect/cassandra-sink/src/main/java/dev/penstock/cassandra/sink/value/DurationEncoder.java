package dev.penstock.cassandra.sink.value;

import com.datastax.oss.driver.api.core.ProtocolVersion;
import com.datastax.oss.driver.api.core.data.CqlDuration;
import com.datastax.oss.driver.api.core.type.codec.TypeCodecs;
import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.connect.data.Schema;

/** Durations: months, days and nanoseconds, each kept apart as a calendar needs it. */
final class DurationEncoder {

    /** ISO 8601, each part with a sign of its own, as Debezium's Interval has it. */
    private static final Pattern ISO = Pattern.compile("P(?=[-\\dT])(?:(-?\\d+)Y)?(?:(-?\\d+)M)?(?:(-?\\d+)D)?"
            + "(?:T(?=[-\\d])(?:(-?\\d+)H)?(?:(-?\\d+)M)?(?:(-?\\d+(?:\\.\\d{1,9})?)S)?)?");

    private DurationEncoder() {}

    static ByteBuffer duration(Schema schema, Object value) {
        try {
            return TypeCodecs.DURATION.encode(read(schema, value), ProtocolVersion.DEFAULT);
        } catch (ArithmeticException | NumberFormatException e) {
            throw new BadRecordException("duration", schema, value, "out of range");
        } catch (IllegalArgumentException e) {
            throw new BadRecordException(
                    "duration", schema, value, "CQL wants months, days and time all positive or all negative");
        }
    }

    private static CqlDuration read(Schema schema, Object value) {
        String name = schema == null ? null : schema.name();
        if (value instanceof Long micros && Debezium.MICRO_DURATION.equals(name)) {
            return CqlDuration.newInstance(0, 0, Math.multiplyExact(micros, 1_000));
        }
        if (value instanceof Long nanos && Debezium.NANO_DURATION.equals(name)) {
            return CqlDuration.newInstance(0, 0, nanos);
        }
        Matcher iso = ISO.matcher(value instanceof String text ? text : "");
        if (!iso.matches()) {
            throw new BadRecordException(
                    "duration",
                    schema,
                    value,
                    "neither an ISO 8601 duration such as P1Y2M3DT4H, "
                            + "nor Debezium's MicroDuration or NanoDuration");
        }
        return iso(iso);
    }

    private static CqlDuration iso(Matcher iso) {
        BigDecimal seconds = part(iso, 4)
                .multiply(BigDecimal.valueOf(3600))
                .add(part(iso, 5).multiply(BigDecimal.valueOf(60)))
                .add(part(iso, 6));
        return CqlDuration.newInstance(
                part(iso, 1).multiply(BigDecimal.valueOf(12)).add(part(iso, 2)).intValueExact(),
                part(iso, 3).intValueExact(),
                seconds.movePointRight(9).longValueExact());
    }

    private static BigDecimal part(Matcher iso, int group) {
        return iso.group(group) == null ? BigDecimal.ZERO : new BigDecimal(iso.group(group));
    }
}
