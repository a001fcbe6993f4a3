package dev.penstock.cassandra.sink.value;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.UUID;
import org.apache.kafka.connect.data.Schema;

/** Text, identifiers, bytes and truth values: types that are taken as they are or parsed strictly. */
final class TextEncoders {

    private static final byte[] FALSE = {0};
    private static final byte[] TRUE = {1};

    private TextEncoders() {}

    static ByteBuffer text(Schema schema, Object value) {
        if (value instanceof String text && !hasSurrogate(text)) {
            // The common case, many times as fast.
            return ByteBuffer.wrap(Debezium.available(text).getBytes(StandardCharsets.UTF_8));
        }
        return encode("text", StandardCharsets.UTF_8, schema, value);
    }

    private static boolean hasSurrogate(String text) {
        for (int i = 0; i < text.length(); i++) {
            if (Character.isSurrogate(text.charAt(i))) {
                return true;
            }
        }
        return false;
    }

    static ByteBuffer ascii(Schema schema, Object value) {
        return encode("ascii", StandardCharsets.US_ASCII, schema, value);
    }

    /** A new encoder reports what String.getBytes would replace by a question mark: no lone surrogate gets through. */
    private static ByteBuffer encode(String type, Charset charset, Schema schema, Object value) {
        if (!(value instanceof String text)) {
            throw new BadRecordException(type, schema, value, "not a string");
        }
        try {
            return charset.newEncoder().encode(CharBuffer.wrap(Debezium.available(text)));
        } catch (CharacterCodingException e) {
            throw new BadRecordException(type, schema, value, "has characters outside " + charset.name());
        }
    }

    static ByteBuffer uuid(Schema schema, Object value) {
        return bytes(parse("uuid", schema, value));
    }

    static ByteBuffer timeUuid(Schema schema, Object value) {
        UUID uuid = parse("timeuuid", schema, value);
        if (uuid.version() != 1) {
            throw new BadRecordException("timeuuid", schema, value, "not a version 1 UUID");
        }
        return bytes(uuid);
    }

    private static UUID parse(String type, Schema schema, Object value) {
        if (value instanceof UUID uuid) {
            return uuid;
        }
        UUID parsed = value instanceof String text ? parse(text) : null;
        if (parsed != null) {
            return parsed;
        }
        throw new BadRecordException(type, schema, value, "not a UUID such as 123e4567-e89b-12d3-a456-426614174000");
    }

    /** UUID.fromString also takes short groups such as 1-1-1-1-1. */
    private static UUID parse(String text) {
        try {
            UUID uuid = UUID.fromString(text);
            return uuid.toString().equalsIgnoreCase(text) ? uuid : null;
        } catch (IllegalArgumentException e) {
            return null;
        }
    }

    private static ByteBuffer bytes(UUID uuid) {
        return ByteBuffer.allocate(16)
                .putLong(uuid.getMostSignificantBits())
                .putLong(uuid.getLeastSignificantBits())
                .flip();
    }

    static ByteBuffer blob(Schema schema, Object value) {
        if (value instanceof byte[] bytes) {
            return Debezium.available(ByteBuffer.wrap(bytes));
        }
        if (value instanceof ByteBuffer buffer) {
            return Debezium.available(buffer.duplicate());
        }
        throw new BadRecordException("blob", schema, value, "not bytes");
    }

    static ByteBuffer bool(Schema schema, Object value) {
        if (value instanceof Boolean truth) {
            return ByteBuffer.wrap(truth ? TRUE : FALSE);
        }
        throw new BadRecordException("boolean", schema, value, "not a boolean");
    }
}
