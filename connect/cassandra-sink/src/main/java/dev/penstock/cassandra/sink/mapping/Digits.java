package dev.penstock.cassandra.sink.mapping;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Whole numbers in headers. A header is bytes, and what becomes of decimal digits depends on the header converter:
 * Connect's own takes the smallest integer type that fits, others leave a string or the bytes.
 */
final class Digits {

    private static final Pattern DIGITS = Pattern.compile("-?\\d{1,19}");

    private Digits() {
    }

    /** The number in an integer or in decimal digits; empty when it is none or beyond 64 bits. */
    static Optional<Long> number(Object value) {
        if (value instanceof Long || value instanceof Integer || value instanceof Short || value instanceof Byte) {
            return Optional.of(((Number) value).longValue());
        }
        return text(value).filter(text -> DIGITS.matcher(text).matches()).flatMap(Digits::parse);
    }

    /** The text in a string or in bytes. */
    static Optional<String> text(Object value) {
        if (value instanceof byte[] bytes) {
            return Optional.of(new String(bytes, StandardCharsets.UTF_8));
        }
        if (value instanceof ByteBuffer buffer) {
            return Optional.of(StandardCharsets.UTF_8.decode(buffer.duplicate()).toString());
        }
        return value instanceof String text ? Optional.of(text) : Optional.empty();
    }

    private static Optional<Long> parse(String digits) {
        try {
            return Optional.of(Long.parseLong(digits));
        } catch (NumberFormatException e) {
            return Optional.empty();
        }
    }
}
