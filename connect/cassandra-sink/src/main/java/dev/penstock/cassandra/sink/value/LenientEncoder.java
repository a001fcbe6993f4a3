package dev.penstock.cassandra.sink.value;

import com.datastax.oss.driver.api.core.type.DataType;
import com.datastax.oss.driver.api.core.type.DataTypes;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.Base64;
import java.util.Map;
import java.util.function.BiFunction;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.data.SchemaBuilder;

/**
 * Takes a value of another kind for what it means, as JSON has few kinds; then the exact encoder judges it.
 *
 * @param exact the exact encoder of the type
 * @param meaning what a value means in the type, or the value itself
 */
record LenientEncoder(CqlEncoder exact, BiFunction<Schema, Object, SchemaAndValue> meaning) implements CqlEncoder {

    private static final Schema DAYS = SchemaBuilder.int64().name(Debezium.DATE).build();
    private static final Schema ISO_DATE =
            SchemaBuilder.string().name(Debezium.ISO_DATE).build();
    private static final Schema MILLIS_OF_DAY =
            SchemaBuilder.int64().name(Debezium.TIME).build();
    private static final Schema ISO_TIME =
            SchemaBuilder.string().name(Debezium.ISO_TIME).build();
    private static final Schema EPOCH_MILLIS =
            SchemaBuilder.int64().name(Debezium.TIMESTAMP).build();
    private static final Schema ISO_TIMESTAMP =
            SchemaBuilder.string().name(Debezium.ISO_TIMESTAMP).build();
    private static final int MAX_SCALE = 10_000;
    private static final String OFFSET = ".*(Z|[+-]\\d\\d:\\d\\d)";

    private static final Map<DataType, BiFunction<Schema, Object, SchemaAndValue>> MEANINGS = Map.ofEntries(
            Map.entry(DataTypes.TEXT, LenientEncoder::text),
            Map.entry(DataTypes.ASCII, LenientEncoder::text),
            Map.entry(DataTypes.TINYINT, LenientEncoder::whole),
            Map.entry(DataTypes.SMALLINT, LenientEncoder::whole),
            Map.entry(DataTypes.INT, LenientEncoder::whole),
            Map.entry(DataTypes.BIGINT, LenientEncoder::whole),
            Map.entry(DataTypes.VARINT, LenientEncoder::whole),
            Map.entry(DataTypes.DECIMAL, LenientEncoder::decimal),
            Map.entry(DataTypes.FLOAT, LenientEncoder::nearestFloat),
            Map.entry(DataTypes.DOUBLE, LenientEncoder::nearestDouble),
            Map.entry(DataTypes.BOOLEAN, LenientEncoder::truth),
            Map.entry(DataTypes.BLOB, LenientEncoder::bytes),
            Map.entry(DataTypes.DATE, (schema, value) -> time(schema, value, DAYS, ISO_DATE)),
            Map.entry(DataTypes.TIME, (schema, value) -> time(schema, value, MILLIS_OF_DAY, ISO_TIME)),
            Map.entry(DataTypes.TIMESTAMP, (schema, value) -> time(schema, value, EPOCH_MILLIS, ISO_TIMESTAMP)));

    /** The lenient encoder of a type; the exact one when there is nothing to be lenient about. */
    static CqlEncoder of(DataType type, CqlEncoder exact) {
        BiFunction<Schema, Object, SchemaAndValue> meaning = MEANINGS.get(type);
        return meaning == null ? exact : new LenientEncoder(exact, meaning);
    }

    @Override
    public ByteBuffer encode(Schema schema, Object value) {
        SchemaAndValue meant;
        try {
            meant = meaning.apply(schema, value);
        } catch (IllegalArgumentException | ArithmeticException e) { // Text that is no number, and the like.
            return exact.encode(schema, value);
        }
        return exact.encode(meant.schema(), meant.value());
    }

    private static SchemaAndValue text(Schema schema, Object value) {
        return value instanceof String
                ? new SchemaAndValue(schema, value)
                : new SchemaAndValue(
                        null, value instanceof BigDecimal ? number(value).toPlainString() : Json.text(value));
    }

    private static SchemaAndValue whole(Schema schema, Object value) {
        return isNumber(value)
                ? new SchemaAndValue(null, number(value).toBigIntegerExact())
                : new SchemaAndValue(schema, value);
    }

    private static SchemaAndValue decimal(Schema schema, Object value) {
        return isNumber(value) ? new SchemaAndValue(null, number(value)) : new SchemaAndValue(schema, value);
    }

    private static SchemaAndValue nearestFloat(Schema schema, Object value) {
        if (!isNumber(value)) {
            return new SchemaAndValue(schema, value);
        }
        float nearest = number(value).floatValue();
        return Float.isFinite(nearest) ? new SchemaAndValue(null, nearest) : new SchemaAndValue(schema, value);
    }

    private static SchemaAndValue nearestDouble(Schema schema, Object value) {
        if (!isNumber(value)) {
            return new SchemaAndValue(schema, value);
        }
        double nearest = number(value).doubleValue();
        return Double.isFinite(nearest) ? new SchemaAndValue(null, nearest) : new SchemaAndValue(schema, value);
    }

    private static boolean isNumber(Object value) {
        return value instanceof String
                || value instanceof BigDecimal
                || value instanceof BigInteger
                || value instanceof Long
                || value instanceof Integer
                || value instanceof Short
                || value instanceof Byte
                || value instanceof Double number && Double.isFinite(number)
                || value instanceof Float single && Float.isFinite(single);
    }

    /** Of a float its shortest text: 0.1 and not what a double makes of it. */
    private static BigDecimal number(Object value) {
        BigDecimal number = value instanceof BigDecimal decimal
                ? decimal
                : new BigDecimal(value.toString().strip());
        if (Math.abs((long) number.scale()) > MAX_SCALE) { // 1e999999999 would become all of its digits.
            throw new ArithmeticException("has too large an exponent");
        }
        return number;
    }

    private static SchemaAndValue truth(Schema schema, Object value) {
        boolean known =
                value instanceof String text && (text.equalsIgnoreCase("true") || text.equalsIgnoreCase("false"));
        return known ? new SchemaAndValue(null, Boolean.valueOf((String) value)) : new SchemaAndValue(schema, value);
    }

    private static SchemaAndValue bytes(Schema schema, Object value) {
        return value instanceof String text
                ? new SchemaAndValue(null, Base64.getDecoder().decode(text))
                : new SchemaAndValue(schema, value);
    }

    /** A bare number is what Connect's JSON converter makes of a time, a bare text without an offset is in UTC. */
    private static SchemaAndValue time(Schema schema, Object value, Schema ofNumber, Schema ofText) {
        if (schema != null && schema.name() != null) {
            return new SchemaAndValue(schema, value);
        }
        if (value instanceof String text) {
            return new SchemaAndValue(ofText, inUtc(text.strip().replace(' ', 'T')));
        }
        return value instanceof Long || value instanceof Integer
                ? new SchemaAndValue(ofNumber, value)
                : new SchemaAndValue(schema, value);
    }

    private static String inUtc(String text) {
        return text.matches(OFFSET) || !text.contains(":") ? text : text + "Z";
    }
}
