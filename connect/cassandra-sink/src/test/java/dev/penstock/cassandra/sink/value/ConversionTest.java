package dev.penstock.cassandra.sink.value;

import static dev.penstock.cassandra.sink.value.Encoding.of;

import com.datastax.oss.driver.api.core.CqlIdentifier;
import com.datastax.oss.driver.api.core.data.CqlVector;
import com.datastax.oss.driver.api.core.type.DataType;
import com.datastax.oss.driver.api.core.type.DataTypes;
import com.datastax.oss.driver.api.core.type.TupleType;
import com.datastax.oss.driver.api.core.type.UserDefinedType;
import com.datastax.oss.driver.internal.core.type.UserDefinedTypeBuilder;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.time.Instant;
import java.time.LocalDate;
import java.time.LocalTime;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What JSON without a schema means, and what becomes of parts of a millisecond; the driver's codecs are the judge. */
class ConversionTest {

    private static final Conversion LENIENT = new Conversion(true, false);
    private static final Conversion FLOOR = new Conversion(false, true);
    private static final UserDefinedType ADDRESS = new UserDefinedTypeBuilder("k", "address")
            .withField(CqlIdentifier.fromInternal("street"), DataTypes.TEXT)
            .withField(CqlIdentifier.fromInternal("No"), DataTypes.INT)
            .withField(CqlIdentifier.fromInternal("tags"), DataTypes.listOf(DataTypes.TEXT))
            .build();
    private static final TupleType PAIR = DataTypes.tupleOf(DataTypes.TEXT, DataTypes.INT);
    private static final Schema PLACE = SchemaBuilder.struct()
            .field("street", Schema.STRING_SCHEMA)
            .field("No", Schema.OPTIONAL_INT32_SCHEMA)
            .build();

    static Stream<Arguments> lenient() {
        Struct struct = new Struct(PLACE).put("street", "s");
        return Stream.of(
                of(DataTypes.TIMESTAMP, null, 1_700_000_000_123L, Instant.ofEpochMilli(1_700_000_000_123L)),
                of(DataTypes.TIMESTAMP, null, "2024-01-02T03:04:05.678Z", Instant.parse("2024-01-02T03:04:05.678Z")),
                of(DataTypes.TIMESTAMP, null, "2024-01-02T03:04:05+02:00", Instant.parse("2024-01-02T01:04:05Z")),
                of(DataTypes.TIMESTAMP, null, "2024-01-02 03:04:05", Instant.parse("2024-01-02T03:04:05Z")),
                of(DataTypes.DATE, null, "2024-01-02", LocalDate.of(2024, 1, 2)),
                of(DataTypes.DATE, null, 1, LocalDate.of(1970, 1, 2)),
                of(DataTypes.TIME, null, "10:15:30.5", LocalTime.of(10, 15, 30, 500_000_000)),
                of(DataTypes.TIME, null, 1, LocalTime.of(0, 0, 0, 1_000_000)),
                of(DataTypes.FLOAT, null, 0.1, 0.1f),
                of(DataTypes.FLOAT, Schema.STRING_SCHEMA, "1e3", 1000f),
                of(DataTypes.DOUBLE, null, (1L << 53) + 1, (double) (1L << 53)),
                of(DataTypes.DOUBLE, null, "0.1", 0.1),
                of(DataTypes.DECIMAL, null, 19.99, new BigDecimal("19.99")),
                of(DataTypes.DECIMAL, null, "1E5", new BigDecimal("1E5")),
                of(DataTypes.INT, null, 2.0, 2),
                of(DataTypes.INT, null, "42", 42),
                of(DataTypes.VARINT, null, 1e20, new BigInteger("100000000000000000000")),
                of(DataTypes.BOOLEAN, null, "TRUE", true),
                of(DataTypes.BLOB, null, "AP8=", ByteBuffer.wrap(new byte[] {0, -1})),
                of(DataTypes.TEXT, null, 7L, "7"),
                of(DataTypes.TEXT, null, true, "true"),
                of(DataTypes.TEXT, null, new BigDecimal("1E+2"), "100"),
                of(DataTypes.TEXT, null, Map.of("a", List.of(1, "b")), "{\"a\":[1,\"b\"]}"),
                of(DataTypes.TEXT, PLACE, struct, "{\"street\":\"s\",\"No\":null}"),
                of(DataTypes.mapOf(DataTypes.INT, DataTypes.FLOAT), null, Map.of("1", 0.1), Map.of(1, 0.1f)),
                of(DataTypes.vectorOf(DataTypes.FLOAT, 2), null, List.of(0.1, 0.2), CqlVector.newInstance(0.1f, 0.2f)));
    }

    @ParameterizedTest
    @MethodSource
    void lenient(DataType type, Schema schema, Object value, Object expected) {
        Encoding.assertEncoded(LENIENT, type, schema, value, expected);
    }

    static Stream<Arguments> refusedAllTheSame() {
        return Stream.of(
                of(DataTypes.INT, null, 2.5, "not a whole number"),
                of(DataTypes.INT, null, 3e9, "out of range"),
                of(DataTypes.INT, null, "x", "not a whole number"),
                of(DataTypes.VARINT, null, "1e999999999", "not a whole number"),
                of(DataTypes.DECIMAL, null, "NaN", "not a whole number"),
                of(DataTypes.FLOAT, null, 1e300, "more digits"),
                of(DataTypes.BOOLEAN, null, "yes", "not a boolean"),
                of(DataTypes.BLOB, null, "%", "not bytes"),
                of(DataTypes.TIMESTAMP, null, "yesterday", "not in the form"),
                of(DataTypes.TIMESTAMP, null, "2024-01-02T03:04:05.678901Z", "has more than milliseconds"),
                of(DataTypes.TIMESTAMP, null, 1.5, "needs a schema"),
                of(DataTypes.DATE, null, "2024-02-30", "not in the form"),
                of(DataTypes.UUID, null, "x", "not a UUID"));
    }

    @ParameterizedTest
    @MethodSource
    void refusedAllTheSame(DataType type, Schema schema, Object value, String reason) {
        Encoding.assertRefused(LENIENT, type, schema, value, reason);
    }

    static Stream<Arguments> floored() {
        return Stream.of(
                of(
                        DataTypes.TIMESTAMP,
                        schema(SchemaBuilder.int64(), Debezium.MICRO_TIMESTAMP),
                        1_999L,
                        Instant.ofEpochMilli(1)),
                of(
                        DataTypes.TIMESTAMP,
                        schema(SchemaBuilder.int64(), Debezium.MICRO_TIMESTAMP),
                        -1L,
                        Instant.ofEpochMilli(-1)),
                of(
                        DataTypes.TIMESTAMP,
                        schema(SchemaBuilder.int64(), Debezium.NANO_TIMESTAMP),
                        1_999_999L,
                        Instant.ofEpochMilli(1)),
                of(
                        DataTypes.TIMESTAMP,
                        schema(SchemaBuilder.string(), Debezium.ZONED_TIMESTAMP),
                        "1969-12-31T23:59:59.999999Z",
                        Instant.ofEpochMilli(-1)));
    }

    private static Schema schema(SchemaBuilder type, String name) {
        return type.name(name).build();
    }

    @ParameterizedTest
    @MethodSource
    void floored(DataType type, Schema schema, Object value, Object expected) {
        Encoding.assertEncoded(FLOOR, type, schema, value, expected);
        Encoding.assertRefused(type, schema, value, "timestampPrecision=floor");
    }

    static Stream<Arguments> nested() {
        return Stream.of(
                of(
                        ADDRESS,
                        null,
                        Map.of("street", "s", "No", 5, "tags", List.of("a")),
                        ADDRESS.newValue("s", 5, List.of("a"))),
                of(ADDRESS, PLACE, new Struct(PLACE).put("street", "s"), ADDRESS.newValue("s", null, null)),
                of(PAIR, null, List.of("a", 1), PAIR.newValue("a", 1)),
                of(PAIR, null, Arrays.asList(null, 1), PAIR.newValue(null, 1)),
                of(PAIR, PLACE, new Struct(PLACE).put("street", "s").put("No", 2), PAIR.newValue("s", 2)),
                of(
                        DataTypes.listOf(ADDRESS),
                        null,
                        List.of(Map.of("street", "s")),
                        List.of(ADDRESS.newValue("s", null, null))));
    }

    @ParameterizedTest
    @MethodSource
    void nested(DataType type, Schema schema, Object value, Object expected) {
        Encoding.assertExact(type, schema, value, expected);
    }

    static Stream<Arguments> notNested() {
        return Stream.of(
                of(ADDRESS, null, Map.of("street", "s", "town", "t"), "has no field town"),
                of(ADDRESS, null, "s", "not an object"),
                of(ADDRESS, null, Map.of("No", "x"), "not a whole number"),
                of(PAIR, null, List.of("a"), "has 1 components"),
                of(PAIR, null, "a", "not an array"));
    }

    @ParameterizedTest
    @MethodSource
    void notNested(DataType type, Schema schema, Object value, String reason) {
        Encoding.assertRefused(type, schema, value, reason);
    }
}
