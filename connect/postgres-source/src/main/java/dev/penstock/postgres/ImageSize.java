package dev.penstock.postgres;

import java.nio.ByteBuffer;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.Struct;

/**
 * How large a row image is: a number that SQL can tell of the same row too (spark/penstock_views/types/sizes.py).
 *
 * <p>A text counts with its bytes in UTF-8, bytes with their number, an array with the sum of its elements. What is
 * small counts nothing, so numbers and times, which have more than one way to be written, never do.
 */
final class ImageSize {
    /** A value of this or less is not counted. */
    static final int SMALL = 256;

    /** What an element of an array costs beside its text or bytes. */
    static final int ELEMENT = 8;

    /** A number in an array, and a time or a uuid: more than Avro needs for any. */
    static final int NUMBER = 10;

    static final int WRITTEN = 40;

    private static final int MOST_UTF8_OF_A_CHAR = 3;

    private ImageSize() {}

    /** Tell without counting characters that an image is not above a size. */
    static boolean isSurelyWithin(Struct row, long most) {
        long bound = 0;
        for (Field field : row.schema().fields()) {
            Object value = row.getWithoutDefault(field.name());
            bound += value instanceof String text
                    ? (long) text.length() * MOST_UTF8_OF_A_CHAR
                    : of(field.schema(), value);
        }
        return bound <= most;
    }

    /** The size of each column that counts. */
    static Map<String, Long> ofColumns(Struct row) {
        Map<String, Long> sizes = new LinkedHashMap<>();
        for (Field field : row.schema().fields()) {
            long size = of(field.schema(), row.getWithoutDefault(field.name()));
            if (size > SMALL) {
                sizes.put(field.name(), size);
            }
        }
        return sizes;
    }

    private static boolean isOfOneSize(Schema schema) {
        return switch (schema.type()) {
            case STRING, BYTES, ARRAY, MAP, STRUCT -> false;
            default -> true;
        };
    }

    private static long of(Schema schema, Object value) {
        if (value == null) {
            return 0;
        }
        return switch (schema.type()) {
            case STRING -> utf8((String) value);
            case BYTES -> bytes(value);
            case ARRAY ->
                ((Collection<?>) value)
                        .stream()
                                .mapToLong(one -> ofElement(schema.valueSchema(), one))
                                .sum();
            case MAP ->
                ((Map<?, ?>) value)
                        .entrySet().stream()
                                .mapToLong(one -> ofEntry(schema, one))
                                .sum();
            case STRUCT ->
                schema.fields().stream()
                        .mapToLong(field -> ofPart(field, (Struct) value))
                        .sum();
            default -> NUMBER;
        };
    }

    private static long ofPart(Field field, Struct of) {
        return of(field.schema(), of.getWithoutDefault(field.name()));
    }

    private static long ofEntry(Schema schema, Map.Entry<?, ?> entry) {
        return ofElement(schema.keySchema(), entry.getKey()) + ofElement(schema.valueSchema(), entry.getValue());
    }

    private static long ofElement(Schema schema, Object value) {
        if (isWritten(schema.name())) {
            return WRITTEN;
        }
        return isOfOneSize(schema) ? NUMBER : ELEMENT + of(schema, value);
    }

    private static boolean isWritten(String name) {
        return name != null && (name.startsWith("io.debezium.time.") || name.equals("io.debezium.data.Uuid"));
    }

    private static long bytes(Object value) {
        if (value instanceof ByteBuffer buffer) {
            return buffer.remaining();
        }
        return value instanceof byte[] array ? array.length : NUMBER;
    }

    private static long utf8(String text) {
        long length = text.length();
        for (int at = 0; at < text.length(); at++) {
            char each = text.charAt(at);
            // A pair of surrogates is two chars and four bytes.
            length += each < 0x80 ? 0 : each < 0x800 || Character.isSurrogate(each) ? 1 : 2;
        }
        return length;
    }
}
