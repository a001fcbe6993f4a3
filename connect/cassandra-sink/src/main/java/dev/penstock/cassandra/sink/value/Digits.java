package dev.penstock.cassandra.sink.value;

import java.math.BigDecimal;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.regex.Pattern;

/** Plain digits count as the number that they spell, wherever a number is wanted. */
public final class Digits {

    /** Those behind the point are the scale. */
    private static final Pattern PLAIN = Pattern.compile("-?\\d+(\\.\\d+)?");

    private Digits() {}

    /** The number in a text of digits; anything else as it is. */
    static Object read(Object value) {
        return value instanceof String text && PLAIN.matcher(text).matches() ? new BigDecimal(text) : value;
    }

    /** The text in bytes, as which some header converters leave a header; anything else as it is. */
    public static Object text(Object value) {
        if (value instanceof byte[] bytes) {
            return new String(bytes, StandardCharsets.UTF_8);
        }
        return value instanceof ByteBuffer buffer
                ? StandardCharsets.UTF_8.decode(buffer.duplicate()).toString()
                : value;
    }

    /** The whole number that a value is or spells; empty when it is none or beyond 64 bits. */
    public static Optional<Long> whole(Object value) {
        Object read = read(text(value));
        if (NumberEncoders.isWhole(read)) {
            return Optional.of(((Number) read).longValue());
        }
        return read instanceof BigDecimal decimal
                        && decimal.scale() == 0
                        && decimal.unscaledValue().bitLength() <= 63
                ? Optional.of(decimal.longValue())
                : Optional.empty();
    }
}
