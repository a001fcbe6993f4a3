package dev.penstock.decoder;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.apache.avro.LogicalTypes;
import org.apache.avro.Schema;
import org.apache.spark.unsafe.types.UTF8String;

/**
 * Reads the Avro body of one record (https://avro.apache.org/docs/1.12.0/specification/#binary-encoding).
 *
 * <p>Not Avro's own reader: that one takes memory for whatever length a record of garbage claims. Here no length is
 * above the bytes that are left, and a text is a view of them.
 */
final class Body {

    private static final int DEEPEST = 64;

    private final byte[] bytes;
    private int at;

    Body(byte[] bytes, int begin) {
        this.bytes = bytes;
        this.at = begin;
    }

    /** True when all bytes were read. */
    boolean isRead() {
        return at == bytes.length;
    }

    /** Reads a value as Spark's converters take it; of a union, whichever branch is there. */
    Object read(Schema schema) throws Misfit {
        switch (schema.getType()) {
            case UNION:
                return read(branch(schema));
            case NULL:
                return null;
            case BOOLEAN:
                return readBoolean();
            case INT:
                return readInt();
            case LONG:
                return readLong();
            case FLOAT:
                return Float.intBitsToFloat((int) readFixed(Float.BYTES));
            case DOUBLE:
                return Double.longBitsToDouble(readFixed(Double.BYTES));
            case STRING:
                int length = readLength();
                return UTF8String.fromBytes(bytes, passed(length), length);
            case BYTES:
                return readBytes(schema);
            case ARRAY:
                return readArray(schema.getElementType());
            default:
                throw new IllegalStateException("no slot holds a value of type " + schema.getType());
        }
    }

    /** Passes a value. */
    void skip(Schema schema) throws Misfit {
        skip(schema, 0);
    }

    /** Reads which branch of a union follows. */
    Schema branch(Schema union) throws Misfit {
        long index = readLong();
        if (index < 0 || index >= union.getTypes().size()) {
            throw new Misfit();
        }
        return union.getTypes().get((int) index);
    }

    private void skip(Schema schema, int depth) throws Misfit {
        if (depth > DEEPEST) {
            throw new Misfit();
        }
        switch (schema.getType()) {
            case NULL -> {}
            case BOOLEAN -> readBoolean();
            case INT -> readInt();
            case LONG, ENUM -> readLong();
            case FLOAT -> passed(Float.BYTES);
            case DOUBLE -> passed(Double.BYTES);
            case STRING, BYTES -> passed(readLength());
            case FIXED -> passed(schema.getFixedSize());
            case UNION -> skip(branch(schema), depth + 1);
            case RECORD -> {
                for (Schema.Field field : schema.getFields()) {
                    skip(field.schema(), depth + 1);
                }
            }
            case ARRAY -> {
                for (long count = readCount(); count > 0; count = readCount()) {
                    for (long number = 0; number < count; number++) {
                        skip(schema.getElementType(), depth + 1);
                    }
                }
            }
            case MAP -> {
                for (long count = readCount(); count > 0; count = readCount()) {
                    for (long number = 0; number < count; number++) {
                        passed(readLength());
                        skip(schema.getValueType(), depth + 1);
                    }
                }
            }
        }
    }

    private Object readBytes(Schema schema) throws Misfit {
        int length = readLength();
        int begin = passed(length);
        if (!(schema.getLogicalType() instanceof LogicalTypes.Decimal decimal)) {
            return Arrays.copyOfRange(bytes, begin, begin + length);
        }
        if (length == 0) {
            throw new Misfit();
        }
        BigDecimal number = new BigDecimal(new BigInteger(bytes, begin, length), decimal.getScale());
        if (number.precision() > decimal.getPrecision()) {
            throw new Misfit();
        }
        return number;
    }

    private Object[] readArray(Schema element) throws Misfit {
        List<Object> elements = new ArrayList<>();
        for (long count = readCount(); count > 0; count = readCount()) {
            for (long number = 0; number < count; number++) {
                elements.add(read(element));
            }
        }
        return elements.toArray();
    }

    /** Reads how many elements the next block has; no element that anybody writes takes less than a byte. */
    private long readCount() throws Misfit {
        long count = readLong();
        if (count < 0) {
            readLong(); // the size of the block
            count = -count;
        }
        if (count < 0 || count > bytes.length - at) {
            throw new Misfit();
        }
        return count;
    }

    private boolean readBoolean() throws Misfit {
        byte read = bytes[passed(1)];
        if (read != 0 && read != 1) {
            throw new Misfit();
        }
        return read == 1;
    }

    private int readInt() throws Misfit {
        long read = readLong();
        if (read != (int) read) {
            throw new Misfit();
        }
        return (int) read;
    }

    private long readLong() throws Misfit {
        long read = 0;
        for (int shift = 0; shift < Long.SIZE; shift += 7) {
            byte next = bytes[passed(1)];
            read |= (next & 0x7FL) << shift;
            if (next >= 0) {
                return read >>> 1 ^ -(read & 1);
            }
        }
        throw new Misfit();
    }

    private long readFixed(int size) throws Misfit {
        int begin = passed(size);
        long read = 0;
        for (int number = size - 1; number >= 0; number--) {
            read = read << Byte.SIZE | bytes[begin + number] & 0xFF;
        }
        return read;
    }

    private int readLength() throws Misfit {
        long length = readLong();
        if (length < 0 || length > bytes.length - at) {
            throw new Misfit();
        }
        return (int) length;
    }

    /** Passes some bytes, and tells where they begin. */
    private int passed(int count) throws Misfit {
        int begin = at;
        if (count > bytes.length - begin) {
            throw new Misfit();
        }
        at = begin + count;
        return begin;
    }
}
