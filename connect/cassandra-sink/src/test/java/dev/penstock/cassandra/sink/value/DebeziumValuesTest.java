package dev.penstock.cassandra.sink.value;

import static dev.penstock.cassandra.sink.value.Encoding.of;
import static java.nio.charset.StandardCharsets.UTF_8;

import com.datastax.oss.driver.api.core.data.CqlDuration;
import com.datastax.oss.driver.api.core.data.CqlVector;
import com.datastax.oss.driver.api.core.type.DataType;
import com.datastax.oss.driver.api.core.type.DataTypes;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalTime;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Debezium's semantic types, in the encoding of Debezium 3.7, and the CQL types that only they need. */
class DebeziumValuesTest {

    private static final String UNAVAILABLE = "__debezium_unavailable_value";
    private static final long DAY_MICROS = 86_400_000_000L;
    private static final Schema VARIABLE_SCALE = SchemaBuilder.struct()
            .name("io.debezium.data.VariableScaleDecimal")
            .field("scale", Schema.INT32_SCHEMA)
            .field("value", Schema.BYTES_SCHEMA)
            .build();
    private static final Schema POINT = SchemaBuilder.struct()
            .name("io.debezium.data.geometry.Point")
            .field("wkb", Schema.BYTES_SCHEMA)
            .build();

    private static Schema int32(String name) {
        return SchemaBuilder.int32().name("io.debezium." + name).build();
    }

    private static Schema int64(String name) {
        return SchemaBuilder.int64().name("io.debezium." + name).build();
    }

    private static Schema text(String name) {
        return SchemaBuilder.string().name("io.debezium." + name).build();
    }

    private static Struct variableScale(String number) {
        BigDecimal decimal = new BigDecimal(number);
        return new Struct(VARIABLE_SCALE)
                .put("scale", decimal.scale())
                .put("value", decimal.unscaledValue().toByteArray());
    }

    static Stream<Arguments> exact() throws UnknownHostException {
        String uuid = "123e4567-e89b-42d3-a456-426614174000";
        return Stream.of(
                of(DataTypes.DATE, int32("time.Date"), -1, LocalDate.of(1969, 12, 31)),
                of(DataTypes.DATE, int32("time.Date"), Integer.MAX_VALUE, LocalDate.ofEpochDay(Integer.MAX_VALUE)),
                of(DataTypes.DATE, int32("time.Date"), Integer.MIN_VALUE, LocalDate.ofEpochDay(Integer.MIN_VALUE)),
                of(DataTypes.DATE, text("time.IsoDate"), "2020-02-29Z", LocalDate.of(2020, 2, 29)),
                of(DataTypes.TIME, int32("time.Time"), 86_399_999, LocalTime.of(23, 59, 59, 999_000_000)),
                of(DataTypes.TIME, int64("time.MicroTime"), DAY_MICROS - 1, LocalTime.of(23, 59, 59, 999_999_000)),
                of(DataTypes.TIME, int64("time.NanoTime"), DAY_MICROS * 1000 - 1, LocalTime.MAX),
                of(DataTypes.TIME, int64("time.NanoTime"), 0L, LocalTime.MIDNIGHT),
                of(DataTypes.TIME, text("time.ZonedTime"), "23:59:59.123456789Z", LocalTime.of(23, 59, 59, 123456789)),
                of(DataTypes.TIME, text("time.IsoTime"), "03:04:05.123456Z", LocalTime.of(3, 4, 5, 123_456_000)),
                of(DataTypes.TIMESTAMP, int64("time.Timestamp"), Long.MIN_VALUE, Instant.ofEpochMilli(Long.MIN_VALUE)),
                of(DataTypes.TIMESTAMP, int64("time.MicroTimestamp"), -1_000L, Instant.ofEpochMilli(-1)),
                of(
                        DataTypes.TIMESTAMP,
                        int64("time.MicroTimestamp"),
                        9_223_372_036_854_775_000L,
                        Instant.ofEpochMilli(9_223_372_036_854_775L)),
                of(DataTypes.TIMESTAMP, int64("time.NanoTimestamp"), -7_000_000L, Instant.ofEpochMilli(-7)),
                of(
                        DataTypes.TIMESTAMP,
                        text("time.ZonedTimestamp"),
                        "2020-01-02T03:04:05.123Z",
                        Instant.parse("2020-01-02T03:04:05.123Z")),
                of(
                        DataTypes.TIMESTAMP,
                        text("time.ZonedTimestamp"),
                        "2020-01-02T03:04:05.120000+02:00",
                        Instant.parse("2020-01-02T01:04:05.120Z")),
                of(
                        DataTypes.TIMESTAMP,
                        text("time.ZonedTimestamp"),
                        "-0044-03-15T00:00:00Z",
                        Instant.parse("-0044-03-15T00:00:00Z")),
                of(
                        DataTypes.TIMESTAMP,
                        text("time.ZonedTimestamp"),
                        "+12044-03-15T00:00:00Z",
                        Instant.parse("+12044-03-15T00:00:00Z")),
                of(
                        DataTypes.TIMESTAMP,
                        text("time.IsoTimestamp"),
                        "2020-01-02T03:04:05Z",
                        Instant.parse("2020-01-02T03:04:05Z")),
                of(
                        DataTypes.TEXT,
                        text("time.ZonedTimestamp"),
                        "2020-01-02T03:04:05.123456Z",
                        "2020-01-02T03:04:05.123456Z"),
                of(DataTypes.BIGINT, int64("time.MicroTimestamp"), 1L, 1L),
                of(DataTypes.INT, int32("time.Year"), 2020, 2020),
                of(
                        DataTypes.DURATION,
                        text("time.Interval"),
                        "P1Y2M3DT4H5M6.789012S",
                        CqlDuration.newInstance(14, 3, 14_706_789_012_000L)),
                of(
                        DataTypes.DURATION,
                        text("time.Interval"),
                        "P-1Y-2M-3DT0H-5M-0.5S",
                        CqlDuration.newInstance(-14, -3, -300_500_000_000L)),
                of(DataTypes.DURATION, text("time.Interval"), "P1Y-2M0DT0H0M0S", CqlDuration.newInstance(10, 0, 0)),
                of(DataTypes.DURATION, Schema.STRING_SCHEMA, "PT1H", CqlDuration.newInstance(0, 0, 3_600_000_000_000L)),
                of(DataTypes.DURATION, int64("time.MicroDuration"), -5L, CqlDuration.newInstance(0, 0, -5_000)),
                of(
                        DataTypes.DURATION,
                        int64("time.NanoDuration"),
                        Long.MAX_VALUE,
                        CqlDuration.newInstance(0, 0, Long.MAX_VALUE)),
                of(DataTypes.UUID, text("data.Uuid"), uuid, UUID.fromString(uuid)),
                of(DataTypes.TEXT, text("data.Json"), "{\"a\": null}", "{\"a\": null}"),
                of(DataTypes.TEXT, text("data.Xml"), "<a/>", "<a/>"),
                of(DataTypes.TEXT, text("data.Enum"), "red", "red"),
                of(DataTypes.TEXT, text("data.EnumSet"), "red,blue", "red,blue"),
                of(DataTypes.setOf(DataTypes.TEXT), text("data.EnumSet"), "red,blue", Set.of("red", "blue")),
                of(DataTypes.frozenSetOf(DataTypes.TEXT), text("data.EnumSet"), "", Set.of()),
                of(
                        DataTypes.BLOB,
                        SchemaBuilder.bytes().name("io.debezium.data.Bits").build(),
                        new byte[] {5, 1},
                        ByteBuffer.wrap(new byte[] {5, 1})),
                of(
                        DataTypes.DECIMAL,
                        VARIABLE_SCALE,
                        variableScale("-1234567890.0120"),
                        new BigDecimal("-1234567890.0120")),
                of(DataTypes.DECIMAL, VARIABLE_SCALE, variableScale("1E+30"), new BigDecimal("1E+30")),
                of(
                        DataTypes.VARINT,
                        VARIABLE_SCALE,
                        variableScale("12345678901234567890"),
                        new BigInteger("12345678901234567890")),
                of(DataTypes.BIGINT, VARIABLE_SCALE, variableScale("-5"), -5L),
                of(DataTypes.INET, Schema.STRING_SCHEMA, "255.0.10.1", InetAddress.getByName("255.0.10.1")),
                of(DataTypes.INET, Schema.STRING_SCHEMA, "2001:db8::FF", InetAddress.getByName("2001:db8::ff")),
                of(
                        DataTypes.vectorOf(DataTypes.FLOAT, 2),
                        SchemaBuilder.array(Schema.FLOAT64_SCHEMA)
                                .name("io.debezium.data.DoubleVector")
                                .build(),
                        List.of(0.5, (double) 0.1f),
                        CqlVector.newInstance(0.5f, 0.1f)));
    }

    @ParameterizedTest
    @MethodSource
    void exact(DataType type, Schema schema, Object value, Object expected) {
        Encoding.assertExact(type, schema, value, expected);
    }

    static Stream<Arguments> refused() {
        return Stream.of(
                of(DataTypes.TEXT, Schema.STRING_SCHEMA, UNAVAILABLE, "REPLICA IDENTITY FULL"),
                of(DataTypes.ASCII, Schema.STRING_SCHEMA, UNAVAILABLE, "REPLICA IDENTITY FULL"),
                of(DataTypes.TEXT, text("data.Json"), UNAVAILABLE, "REPLICA IDENTITY FULL"),
                of(DataTypes.BLOB, Schema.BYTES_SCHEMA, UNAVAILABLE.getBytes(UTF_8), "REPLICA IDENTITY FULL"),
                of(
                        DataTypes.BLOB,
                        Schema.BYTES_SCHEMA,
                        ByteBuffer.wrap(UNAVAILABLE.getBytes(UTF_8)),
                        "REPLICA IDENTITY FULL"),
                of(
                        DataTypes.frozenListOf(DataTypes.TEXT),
                        SchemaBuilder.array(Schema.STRING_SCHEMA).build(),
                        List.of(UNAVAILABLE),
                        "REPLICA IDENTITY FULL"),
                of(DataTypes.DATE, text("time.IsoDate"), "2020-02-30Z", "not in the form of"),
                of(DataTypes.DATE, text("time.IsoDate"), "2020-02-28+01:00", "not in UTC"),
                of(DataTypes.DATE, text("time.Date"), "2020-02-28", "not what io.debezium.time.Date says"),
                of(DataTypes.DATE, int64("time.MicroTimestamp"), 0L, "needs a schema that names its meaning"),
                of(DataTypes.DATE, null, 5, "needs a schema that names its meaning"),
                of(DataTypes.TIME, int64("time.MicroTime"), DAY_MICROS, "not within one day"),
                of(DataTypes.TIME, int64("time.MicroTime"), -1L, "not within one day"),
                of(DataTypes.TIME, int64("time.MicroTime"), Long.MIN_VALUE, "not within one day"),
                of(DataTypes.TIME, text("time.ZonedTime"), "03:04:05+02:00", "not in UTC"),
                of(DataTypes.TIME, text("time.ZonedTime"), "24:00:00Z", "not in the form of"),
                of(DataTypes.TIMESTAMP, int64("time.MicroTimestamp"), 1L, "more than milliseconds"),
                of(DataTypes.TIMESTAMP, int64("time.MicroTimestamp"), Long.MAX_VALUE, "more than milliseconds"),
                of(DataTypes.TIMESTAMP, int64("time.NanoTimestamp"), -1L, "more than milliseconds"),
                of(
                        DataTypes.TIMESTAMP,
                        text("time.ZonedTimestamp"),
                        "2020-01-02T03:04:05.123456Z",
                        "more than milliseconds"),
                of(DataTypes.TIMESTAMP, text("time.ZonedTimestamp"), "infinity", "not in the form of"),
                of(DataTypes.TIMESTAMP, text("time.ZonedTimestamp"), "2020-01-02T03:04:05", "not in the form of"),
                of(DataTypes.TIMESTAMP, text("time.ZonedTimestamp"), "+999999999-12-31T23:59:59Z", "out of range"),
                of(DataTypes.TIMESTAMP, Schema.STRING_SCHEMA, "2020-01-02T03:04:05Z", "names its meaning"),
                of(DataTypes.DURATION, text("time.Interval"), "P1Y0M-3DT0H0M0S", "all positive or all negative"),
                of(DataTypes.DURATION, text("time.Interval"), "P" + Integer.MAX_VALUE + "Y", "out of range"),
                of(DataTypes.DURATION, text("time.Interval"), "PT9999999999H", "out of range"),
                of(DataTypes.DURATION, text("time.Interval"), "P", "ISO 8601"),
                of(DataTypes.DURATION, text("time.Interval"), "P1DT", "ISO 8601"),
                of(DataTypes.DURATION, int64("time.MicroDuration"), Long.MAX_VALUE, "out of range"),
                of(DataTypes.DURATION, Schema.INT64_SCHEMA, 5L, "ISO 8601"),
                of(DataTypes.BIGINT, VARIABLE_SCALE, variableScale("1.5"), "not a whole number"),
                of(DataTypes.BIGINT, VARIABLE_SCALE, variableScale("9223372036854775808"), "out of range"),
                of(DataTypes.BLOB, POINT, new Struct(POINT).put("wkb", new byte[1]), "CQL has no geometry"),
                of(DataTypes.TEXT, POINT, new Struct(POINT).put("wkb", new byte[1]), "CQL has no geometry"),
                of(DataTypes.setOf(DataTypes.TEXT), text("data.Enum"), "red", "not an array"),
                of(DataTypes.INET, Schema.STRING_SCHEMA, "localhost", "not one IPv4"),
                of(DataTypes.INET, Schema.STRING_SCHEMA, "10.0.0.0/8", "not one IPv4"),
                of(DataTypes.INET, Schema.STRING_SCHEMA, "10.0.1", "not one IPv4"),
                of(DataTypes.INET, Schema.STRING_SCHEMA, "010.0.0.1", "not one IPv4"),
                of(DataTypes.INET, Schema.STRING_SCHEMA, "::ffff:1.2.3.4", "not one IPv4"),
                of(DataTypes.INET, Schema.STRING_SCHEMA, "1::2::3", "not one IPv4"),
                of(DataTypes.vectorOf(DataTypes.FLOAT, 2), null, List.of(1.0f), "not an array of 2 numbers"),
                of(DataTypes.vectorOf(DataTypes.FLOAT, 1), null, List.of(0.1), "more digits than a float"));
    }

    @ParameterizedTest
    @MethodSource
    void refused(DataType type, Schema schema, Object value, String reason) {
        Encoding.assertRefused(type, schema, value, reason);
    }
}
