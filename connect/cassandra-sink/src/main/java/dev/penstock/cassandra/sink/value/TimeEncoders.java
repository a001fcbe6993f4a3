package dev.penstock.cassandra.sink.value;

import java.nio.ByteBuffer;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.time.LocalDate;
import java.time.OffsetDateTime;
import java.time.OffsetTime;
import java.time.ZoneOffset;
import java.time.format.DateTimeFormatter;
import java.time.temporal.TemporalAccessor;
import java.time.temporal.TemporalQueries;
import java.time.temporal.TemporalQuery;
import java.util.Date;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.Time;
import org.apache.kafka.connect.data.Timestamp;

/**
 * Dates, times and instants: Connect's logical types and Debezium's semantic types. The schema's name says what the
 * value means; a bare number is refused, because nobody can tell its unit.
 */
final class TimeEncoders {

    private static final long DAY_MS = Duration.ofDays(1).toMillis();
    private static final long DAY_NANOS = Duration.ofDays(1).toNanos();
    /** CQL counts days from the middle of an unsigned int. */
    private static final long EPOCH_DAY = 1L << 31;

    private static final int NANOS_IN_MILLI = 1_000_000;
    private static final String BARE = "java.util.Date";
    private static final String BEYOND_MILLIS = "has more than milliseconds, which a CQL timestamp cannot hold; the "
            + "table's timestampPrecision=floor would cut them off";

    private TimeEncoders() {}

    static ByteBuffer date(Schema schema, Object value) {
        long day = EPOCH_DAY
                + switch (name(schema, value)) {
                    case BARE, org.apache.kafka.connect.data.Date.LOGICAL_NAME -> midnight(schema, value);
                    case Debezium.DATE -> whole("date", schema, value);
                    case Debezium.ISO_DATE -> utcDay(schema, value);
                    default -> throw unnamed("date", schema, value, "Connect's Date, Debezium's Date or IsoDate");
                };
        if (day < 0 || day >= 2 * EPOCH_DAY) {
            throw new BadRecordException("date", schema, value, "out of range");
        }
        return ByteBuffer.allocate(4).putInt((int) day).flip();
    }

    private static long midnight(Schema schema, Object value) {
        long millis = millis("date", schema, value);
        if (Math.floorMod(millis, DAY_MS) != 0) {
            throw new BadRecordException("date", schema, value, "not midnight UTC");
        }
        return Math.floorDiv(millis, DAY_MS);
    }

    /** Debezium writes a Z behind the day. */
    private static long utcDay(Schema schema, Object value) {
        TemporalAccessor parsed =
                parse("date", DateTimeFormatter.ISO_DATE, TemporalAccessor.class::cast, schema, value);
        return utc("date", parsed.query(TemporalQueries.offset()), schema, value, LocalDate.from(parsed))
                .toEpochDay();
    }

    static ByteBuffer timestamp(Schema schema, Object value) {
        return timestamp(schema, value, false);
    }

    /** Parts of a millisecond are cut off, to the earlier one: so the order of two instants stays. */
    static ByteBuffer flooredTimestamp(Schema schema, Object value) {
        return timestamp(schema, value, true);
    }

    private static ByteBuffer timestamp(Schema schema, Object value, boolean floors) {
        long millis =
                switch (name(schema, value)) {
                    case BARE, Timestamp.LOGICAL_NAME -> millis("timestamp", schema, value);
                    case Debezium.TIMESTAMP -> whole("timestamp", schema, value);
                    case Debezium.MICRO_TIMESTAMP -> inMillis(1_000, schema, value, floors);
                    case Debezium.NANO_TIMESTAMP -> inMillis(NANOS_IN_MILLI, schema, value, floors);
                    case Debezium.ZONED_TIMESTAMP, Debezium.ISO_TIMESTAMP -> zoned(schema, value, floors);
                    default ->
                        throw unnamed(
                                "timestamp",
                                schema,
                                value,
                                "Connect's Timestamp, Debezium's Timestamp, MicroTimestamp, NanoTimestamp or "
                                        + "ZonedTimestamp");
                };
        return ByteBuffer.allocate(8).putLong(millis).flip();
    }

    private static long inMillis(long unitsInMilli, Schema schema, Object value, boolean floors) {
        long units = whole("timestamp", schema, value);
        if (units % unitsInMilli != 0 && !floors) {
            throw new BadRecordException("timestamp", schema, value, BEYOND_MILLIS);
        }
        return Math.floorDiv(units, unitsInMilli);
    }

    /** The instant counts, not the offset that it was written with. */
    private static long zoned(Schema schema, Object value, boolean floors) {
        Instant instant = parse(
                        "timestamp", DateTimeFormatter.ISO_OFFSET_DATE_TIME, OffsetDateTime::from, schema, value)
                .toInstant();
        if (instant.getNano() % NANOS_IN_MILLI != 0 && !floors) {
            throw new BadRecordException("timestamp", schema, value, BEYOND_MILLIS);
        }
        try {
            return instant.toEpochMilli();
        } catch (ArithmeticException e) {
            throw new BadRecordException("timestamp", schema, value, "out of range");
        }
    }

    static ByteBuffer time(Schema schema, Object value) {
        return switch (name(schema, value)) {
            case BARE, Time.LOGICAL_NAME -> ofDay(millis("time", schema, value), DAY_MS, schema, value);
            case Debezium.TIME -> ofDay(whole("time", schema, value), DAY_MS, schema, value);
            case Debezium.MICRO_TIME -> ofDay(whole("time", schema, value), DAY_MS * 1_000, schema, value);
            case Debezium.NANO_TIME -> ofDay(whole("time", schema, value), DAY_NANOS, schema, value);
            case Debezium.ZONED_TIME, Debezium.ISO_TIME -> ofDay(utcTime(schema, value), DAY_NANOS, schema, value);
            default ->
                throw unnamed(
                        "time", schema, value, "Connect's Time, Debezium's Time, MicroTime, NanoTime or ZonedTime");
        };
    }

    private static ByteBuffer ofDay(long units, long unitsInDay, Schema schema, Object value) {
        if (units < 0 || units >= unitsInDay) {
            throw new BadRecordException("time", schema, value, "not within one day");
        }
        return ByteBuffer.allocate(8).putLong(units * (DAY_NANOS / unitsInDay)).flip();
    }

    private static long utcTime(Schema schema, Object value) {
        OffsetTime time = parse("time", DateTimeFormatter.ISO_OFFSET_TIME, OffsetTime::from, schema, value);
        return utc("time", time.getOffset(), schema, value, time.toLocalTime()).toNanoOfDay();
    }

    private static <T> T utc(String type, ZoneOffset offset, Schema schema, Object value, T local) {
        if (offset != null && !offset.equals(ZoneOffset.UTC)) {
            throw new BadRecordException(type, schema, value, "is not in UTC, and the CQL type has no offset");
        }
        return local;
    }

    private static <T> T parse(
            String type, DateTimeFormatter format, TemporalQuery<T> query, Schema schema, Object value) {
        try {
            return format.parse(String.valueOf(value), query);
        } catch (DateTimeException e) {
            throw new BadRecordException(type, schema, value, "not in the form of " + name(schema));
        }
    }

    private static long millis(String type, Schema schema, Object value) {
        if (value instanceof Date date) {
            return date.getTime();
        }
        throw new BadRecordException(type, schema, value, "not what " + name(schema) + " says");
    }

    private static long whole(String type, Schema schema, Object value) {
        if (value instanceof Long || value instanceof Integer) {
            return ((Number) value).longValue();
        }
        throw new BadRecordException(type, schema, value, "not what " + name(schema) + " says");
    }

    private static BadRecordException unnamed(String type, Schema schema, Object value, String names) {
        return new BadRecordException(
                type,
                schema,
                value,
                "needs a schema that names its meaning: " + names + "; or the table's conversion=lenient");
    }

    /** Connect's transforms make dates without a schema too, and a Java date has only one meaning. */
    private static String name(Schema schema, Object value) {
        return schema == null && value instanceof Date ? BARE : name(schema);
    }

    private static String name(Schema schema) {
        return schema == null || schema.name() == null ? "" : schema.name();
    }
}
