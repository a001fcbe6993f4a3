package dev.penstock.cassandra.sink.value;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.Struct;

/** Numbers: any Connect number fits when the CQL type holds exactly this number. */
final class NumberEncoders {

    private static final String NOT_A_NUMBER = "not a number of a fitting kind";

    private NumberEncoders() {}

    static ByteBuffer tinyInt(Schema schema, Object value) {
        long number = whole("tinyint", Byte.MIN_VALUE, Byte.MAX_VALUE, schema, value);
        return ByteBuffer.allocate(1).put((byte) number).flip();
    }

    static ByteBuffer smallInt(Schema schema, Object value) {
        long number = whole("smallint", Short.MIN_VALUE, Short.MAX_VALUE, schema, value);
        return ByteBuffer.allocate(2).putShort((short) number).flip();
    }

    static ByteBuffer integer(Schema schema, Object value) {
        long number = whole("int", Integer.MIN_VALUE, Integer.MAX_VALUE, schema, value);
        return ByteBuffer.allocate(4).putInt((int) number).flip();
    }

    static ByteBuffer bigInt(Schema schema, Object value) {
        return ByteBuffer.allocate(8)
                .putLong(whole("bigint", Long.MIN_VALUE, Long.MAX_VALUE, schema, value))
                .flip();
    }

    private static long whole(String type, long min, long max, Schema schema, Object value) {
        long number;
        if (isWhole(value)) {
            number = ((Number) value).longValue();
        } else {
            BigInteger big = bigInteger(type, schema, Digits.read(value));
            if (big.bitLength() > 63) {
                throw new BadRecordException(type, schema, value, "out of range");
            }
            number = big.longValue();
        }
        if (number < min || number > max) {
            throw new BadRecordException(type, schema, value, "out of range");
        }
        return number;
    }

    static ByteBuffer varInt(Schema schema, Object value) {
        return ByteBuffer.wrap(bigInteger("varint", schema, Digits.read(value)).toByteArray());
    }

    private static BigInteger bigInteger(String type, Schema schema, Object value) {
        if (isWhole(value)) {
            return BigInteger.valueOf(((Number) value).longValue());
        }
        if (value instanceof BigInteger big) {
            return big;
        }
        BigDecimal decimal = asDecimal(schema, value);
        if (decimal != null && decimal.scale() == 0) {
            return decimal.unscaledValue();
        }
        throw new BadRecordException(type, schema, value, "not a whole number");
    }

    /** The scale is part of a CQL decimal: 1.0 stays 1.0. Numbers that no decimal type holds travel as digits. */
    static ByteBuffer decimal(Schema schema, Object value) {
        BigDecimal known = asDecimal(schema, Digits.read(value));
        BigDecimal decimal = known == null ? new BigDecimal(bigInteger("decimal", schema, value)) : known;
        byte[] unscaled = decimal.unscaledValue().toByteArray();
        return ByteBuffer.allocate(4 + unscaled.length)
                .putInt(decimal.scale())
                .put(unscaled)
                .flip();
    }

    /** Connect's Decimal, or Debezium's for columns without a scale; null for anything else. */
    private static BigDecimal asDecimal(Schema schema, Object value) {
        if (value instanceof Struct struct && schema != null && Debezium.VARIABLE_SCALE_DECIMAL.equals(schema.name())) {
            return new BigDecimal(new BigInteger(struct.getBytes("value")), struct.getInt32("scale"));
        }
        return value instanceof BigDecimal decimal ? decimal : null;
    }

    static ByteBuffer single(Schema schema, Object value) {
        double number = floating("float", schema, value);
        if (!Double.isNaN(number) && (float) number != number) {
            throw new BadRecordException("float", schema, value, "has more digits than a float holds");
        }
        return ByteBuffer.allocate(4).putFloat((float) number).flip();
    }

    static ByteBuffer twice(Schema schema, Object value) {
        return ByteBuffer.allocate(8)
                .putDouble(floating("double", schema, value))
                .flip();
    }

    private static double floating(String type, Schema schema, Object value) {
        if (value instanceof Double || value instanceof Float) {
            return ((Number) value).doubleValue();
        }
        if (schema == null && value instanceof BigDecimal decimal && isDouble(decimal)) {
            return decimal.doubleValue();
        }
        if (!isWhole(value)) {
            throw new BadRecordException(type, schema, value, NOT_A_NUMBER);
        }
        long number = ((Number) value).longValue();
        if (!new BigDecimal((double) number).equals(new BigDecimal(number))) {
            throw new BadRecordException(type, schema, value, "has more digits than a double holds");
        }
        return number;
    }

    /** In JSON 0.1 means the double that reads so. */
    private static boolean isDouble(BigDecimal decimal) {
        double nearest = decimal.doubleValue();
        return Double.isFinite(nearest) && new BigDecimal(Double.toString(nearest)).compareTo(decimal) == 0;
    }

    static boolean isWhole(Object value) {
        return value instanceof Long || value instanceof Integer || value instanceof Short || value instanceof Byte;
    }
}
