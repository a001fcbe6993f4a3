package dev.penstock.cassandra.sink.value;

import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.errors.DataException;

/** A value that a CQL type cannot hold exactly. */
public final class UnfitValueException extends DataException {

    private static final long serialVersionUID = 1L;
    private static final int SHOWN = 40;
    private static final String GEOMETRY = "CQL has no geometry; put its field wkb into a blob "
            + "with a transform";

    UnfitValueException(String cqlType, Schema schema, Object value, String reason) {
        super("cannot write " + connectType(schema, value) + " " + shown(value) + " as " + cqlType + ": "
                + (isGeometry(schema) ? GEOMETRY : reason));
    }

    private static boolean isGeometry(Schema schema) {
        return schema != null && schema.name() != null && schema.name().startsWith(Debezium.GEOMETRY_PREFIX);
    }

    private static String connectType(Schema schema, Object value) {
        if (schema == null) {
            return value.getClass().getSimpleName();
        }
        return schema.name() == null ? schema.type().getName() : schema.type().getName() + " (" + schema.name() + ")";
    }

    /** Short: the whole record is in the dead letter. */
    public static String shown(Object value) {
        String text = value instanceof byte[] bytes ? bytes.length + " bytes" : String.valueOf(value);
        return text.length() <= SHOWN ? "'" + text + "'" : "'" + text.substring(0, SHOWN) + "…'";
    }
}
