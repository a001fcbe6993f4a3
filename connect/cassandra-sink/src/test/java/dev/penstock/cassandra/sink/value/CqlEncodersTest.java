package dev.penstock.cassandra.sink.value;

import static dev.penstock.cassandra.sink.value.Encoding.of;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.datastax.oss.driver.api.core.type.DataType;
import com.datastax.oss.driver.api.core.type.DataTypes;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalTime;
import java.util.Arrays;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;
import org.apache.kafka.connect.data.Decimal;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Time;
import org.apache.kafka.connect.data.Timestamp;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The driver's own codecs are the judge: what is encoded here must decode there to the same value. */
class CqlEncodersTest {

    private static final Schema DATE = org.apache.kafka.connect.data.Date.SCHEMA;
    private static final long DAY = 86_400_000L;
    private static final String UUID_TEXT = "123e4567-e89b-12d3-a456-426614174000";

    static Stream<Arguments> exact() {
        return Stream.of(
                of(DataTypes.TEXT, Schema.STRING_SCHEMA, "Ж😀", "Ж😀"),
                of(DataTypes.TEXT, Schema.STRING_SCHEMA, "", ""),
                of(DataTypes.ASCII, Schema.STRING_SCHEMA, "a", "a"),
                of(DataTypes.UUID, Schema.STRING_SCHEMA, UUID_TEXT.toUpperCase(), UUID.fromString(UUID_TEXT)),
                of(DataTypes.TIMEUUID, Schema.STRING_SCHEMA, UUID_TEXT, UUID.fromString(UUID_TEXT)),
                of(DataTypes.TINYINT, Schema.INT64_SCHEMA, -128L, (byte) -128),
                of(DataTypes.SMALLINT, Schema.INT32_SCHEMA, 32767, Short.MAX_VALUE),
                of(DataTypes.INT, Schema.INT16_SCHEMA, (short) -5, -5),
                of(DataTypes.INT, Schema.INT64_SCHEMA, (long) Integer.MIN_VALUE, Integer.MIN_VALUE),
                of(DataTypes.BIGINT, Schema.INT8_SCHEMA, (byte) 7, 7L),
                of(DataTypes.BIGINT, Decimal.schema(0), new BigDecimal(Long.MAX_VALUE), Long.MAX_VALUE),
                of(DataTypes.VARINT, Decimal.schema(0), new BigDecimal("9".repeat(30)), new BigInteger("9".repeat(30))),
                of(DataTypes.VARINT, Schema.INT64_SCHEMA, -1L, BigInteger.valueOf(-1)),
                of(DataTypes.DECIMAL, Decimal.schema(4), new BigDecimal("-12.3400"), new BigDecimal("-12.3400")),
                of(DataTypes.DECIMAL, Schema.INT32_SCHEMA, 12, new BigDecimal("12")),
                of(
                        DataTypes.DECIMAL,
                        Schema.STRING_SCHEMA,
                        "-0." + "0".repeat(60) + "10",
                        new BigDecimal("-0." + "0".repeat(60) + "10")),
                of(DataTypes.VARINT, Schema.STRING_SCHEMA, "9".repeat(60), new BigInteger("9".repeat(60))),
                of(DataTypes.FLOAT, Schema.FLOAT64_SCHEMA, 0.5, 0.5f),
                of(DataTypes.FLOAT, Schema.FLOAT32_SCHEMA, Float.NaN, Float.NaN),
                of(DataTypes.DOUBLE, Schema.FLOAT32_SCHEMA, 0.1f, (double) 0.1f),
                of(DataTypes.DOUBLE, Schema.FLOAT64_SCHEMA, Double.NEGATIVE_INFINITY, Double.NEGATIVE_INFINITY),
                of(DataTypes.DOUBLE, Schema.INT64_SCHEMA, 1L << 53, (double) (1L << 53)),
                of(DataTypes.BOOLEAN, Schema.BOOLEAN_SCHEMA, true, true),
                of(DataTypes.BOOLEAN, Schema.BOOLEAN_SCHEMA, false, false),
                of(DataTypes.BLOB, Schema.BYTES_SCHEMA, new byte[] {0, -1}, ByteBuffer.wrap(new byte[] {0, -1})),
                of(DataTypes.DATE, DATE, new Date(-DAY), LocalDate.of(1969, 12, 31)),
                of(
                        DataTypes.DATE,
                        DATE,
                        new Date(Instant.parse("-0044-03-15T00:00:00Z").toEpochMilli()),
                        LocalDate.of(-44, 3, 15)),
                of(DataTypes.TIMESTAMP, Timestamp.SCHEMA, new Date(-1), Instant.ofEpochMilli(-1)),
                of(DataTypes.TIME, Time.SCHEMA, new Date(DAY - 1), LocalTime.of(23, 59, 59, 999_000_000)),
                of(
                        DataTypes.listOf(DataTypes.INT),
                        SchemaBuilder.array(Schema.INT32_SCHEMA).build(),
                        List.of(3, 1),
                        List.of(3, 1)),
                of(
                        DataTypes.setOf(DataTypes.TEXT),
                        SchemaBuilder.array(Schema.STRING_SCHEMA).build(),
                        List.of("a", "b"),
                        Set.of("a", "b")),
                of(
                        DataTypes.mapOf(DataTypes.TEXT, DataTypes.listOf(DataTypes.DATE)),
                        SchemaBuilder.map(
                                        Schema.STRING_SCHEMA,
                                        SchemaBuilder.array(DATE).build())
                                .build(),
                        Map.of("x", List.of(new Date(0))),
                        Map.of("x", List.of(LocalDate.EPOCH))),
                of(DataTypes.BIGINT, Schema.STRING_SCHEMA, "12", 12L),
                of(DataTypes.TINYINT, Schema.STRING_SCHEMA, "-128", (byte) -128),
                of(DataTypes.TIMESTAMP, null, new Date(5), Instant.ofEpochMilli(5)),
                of(DataTypes.DATE, null, new Date(DAY), LocalDate.of(1970, 1, 2)),
                of(DataTypes.TIME, null, new Date(1), LocalTime.of(0, 0, 0, 1_000_000)),
                of(DataTypes.DOUBLE, null, new BigDecimal("0.1"), 0.1),
                of(DataTypes.DECIMAL, null, new BigDecimal("19.99"), new BigDecimal("19.99")),
                of(DataTypes.TEXT, null, "schemaless", "schemaless"));
    }

    @ParameterizedTest
    @MethodSource
    void exact(DataType type, Schema schema, Object value, Object expected) {
        Encoding.assertExact(type, schema, value, expected);
    }

    static Stream<Arguments> refused() {
        return Stream.of(
                of(DataTypes.TEXT, Schema.INT32_SCHEMA, 5, "not a string"),
                of(DataTypes.TEXT, Schema.STRING_SCHEMA, "\ud800", "characters outside UTF-8"),
                of(DataTypes.ASCII, Schema.STRING_SCHEMA, "é", "characters outside US-ASCII"),
                of(DataTypes.UUID, Schema.STRING_SCHEMA, "1-1-1-1-1", "not a UUID"),
                of(DataTypes.TIMEUUID, Schema.STRING_SCHEMA, "123e4567-e89b-42d3-a456-426614174000", "version 1"),
                of(DataTypes.TINYINT, Schema.INT32_SCHEMA, 128, "out of range"),
                of(DataTypes.INT, Schema.INT64_SCHEMA, 3_000_000_000L, "out of range"),
                of(DataTypes.INT, Schema.FLOAT64_SCHEMA, 1.0, "not a whole number"),
                of(DataTypes.INT, Timestamp.SCHEMA, new Date(0), "not a whole number"),
                of(DataTypes.BIGINT, Schema.STRING_SCHEMA, "1.0", "not a whole number"),
                of(DataTypes.BIGINT, Schema.STRING_SCHEMA, "9223372036854775808", "out of range"),
                of(DataTypes.DOUBLE, null, new BigDecimal("0.10000000000000000001"), "not a number"),
                of(DataTypes.DOUBLE, Decimal.schema(1), new BigDecimal("0.1"), "not a number"),
                of(DataTypes.TIME, null, new Date(DAY), "not within one day"),
                of(DataTypes.BIGINT, Decimal.schema(0), new BigDecimal("9223372036854775808"), "out of range"),
                of(DataTypes.VARINT, Decimal.schema(1), new BigDecimal("1.0"), "not a whole number"),
                of(DataTypes.DECIMAL, Schema.FLOAT64_SCHEMA, 0.1, "not a whole number"),
                of(DataTypes.DECIMAL, Schema.STRING_SCHEMA, "NAN", "not a whole number"),
                of(DataTypes.DECIMAL, Schema.STRING_SCHEMA, "1E5", "not a whole number"),
                of(DataTypes.FLOAT, Schema.FLOAT64_SCHEMA, 0.1, "more digits"),
                of(DataTypes.DOUBLE, Schema.INT64_SCHEMA, (1L << 53) + 1, "more digits"),
                of(DataTypes.DOUBLE, Schema.STRING_SCHEMA, "1.5", "not a number"),
                of(DataTypes.BOOLEAN, Schema.INT8_SCHEMA, (byte) 1, "not a boolean"),
                of(DataTypes.BLOB, Schema.STRING_SCHEMA, "x", "not bytes"),
                of(DataTypes.DATE, Schema.INT32_SCHEMA, 19000, "needs a schema that names its meaning"),
                of(DataTypes.DATE, DATE, new Date(1), "not midnight"),
                of(DataTypes.DATE, DATE, new Date(DAY << 31), "out of range"),
                of(DataTypes.TIMESTAMP, Schema.INT64_SCHEMA, 0L, "needs a schema that names its meaning"),
                of(DataTypes.TIMESTAMP, DATE, new Date(0), "needs a schema that names its meaning"),
                of(DataTypes.TIME, Time.SCHEMA, new Date(DAY), "not within one day"),
                of(DataTypes.listOf(DataTypes.INT), null, Arrays.asList(1, null), "holds a null"),
                of(DataTypes.listOf(DataTypes.INT), null, "x", "not an array"),
                of(DataTypes.mapOf(DataTypes.INT, DataTypes.INT), null, Map.of("1", 1, "01", 2), "keys are the same"),
                of(DataTypes.mapOf(DataTypes.TEXT, DataTypes.INT), null, List.of(), "not a map"));
    }

    @ParameterizedTest
    @MethodSource
    void refused(DataType type, Schema schema, Object value, String reason) {
        Encoding.assertRefused(type, schema, value, reason);
    }

    @Test
    void knowsWhichTypesItDoesNotWrite() {
        Stream.of(
                        DataTypes.COUNTER,
                        DataTypes.tupleOf(DataTypes.COUNTER),
                        DataTypes.vectorOf(DataTypes.TEXT, 2),
                        DataTypes.listOf(DataTypes.COUNTER),
                        DataTypes.mapOf(DataTypes.TEXT, DataTypes.COUNTER))
                .forEach(type ->
                        assertTrue(CqlEncoders.of(type, Conversion.EXACT).isEmpty(), type.toString()));
    }

    @Test
    void cutsLongValuesInMessages() {
        CqlEncoder encoder = CqlEncoders.of(DataTypes.INT, Conversion.EXACT).orElseThrow();
        String message = assertThrows(
                        BadRecordException.class, () -> encoder.encode(Schema.STRING_SCHEMA, "x".repeat(1000)))
                .getMessage();
        assertTrue(message.length() < 120, message);
    }
}
