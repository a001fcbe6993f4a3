package dev.penstock.cassandra.sink.value;

import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.errors.DataException;

/**
 * A record that cannot be written, whatever the cluster does: it goes to the dead-letter topic with this message, which
 * is cut: a letter that grows with its record may be too large for its topic.
 */
public final class BadRecordException extends DataException {

    private static final long serialVersionUID = 1L;
    private static final int LONGEST = 1_000;
    private static final int LONGEST_VALUE = 40;
    private static final String GEOMETRY = "CQL has no geometry; put its field wkb into a blob with a transform";

    /** State the reason; who reports it adds the record's place. */
    public BadRecordException(String reason) {
        super(cut(reason, LONGEST));
    }

    /** State the reason with what the server or driver said. */
    public BadRecordException(String reason, Throwable cause) {
        super(cut(reason, LONGEST), isShort(cause) ? cause : null);
    }

    /** A value that a CQL type cannot hold exactly. */
    BadRecordException(String cqlType, Schema schema, Object value, String reason) {
        this("cannot write " + connectType(schema, value) + " " + shown(value) + " as " + cqlType + ": "
                + (Debezium.isGeometry(schema) ? GEOMETRY : reason));
    }

    private static String connectType(Schema schema, Object value) {
        if (schema == null) {
            return value.getClass().getSimpleName();
        }
        return schema.name() == null ? schema.type().getName() : schema.type().getName() + " (" + schema.name() + ")";
    }

    /** Short: the whole record is in the dead letter. */
    public static String shown(Object value) {
        return "'" + cut(value instanceof byte[] bytes ? bytes.length + " bytes" : String.valueOf(value), LONGEST_VALUE)
                + "'";
    }

    private static String cut(String text, int longest) {
        return text.length() <= longest ? text : text.substring(0, longest) + "…";
    }

    /** The letter's headers hold the messages of all causes. */
    private static boolean isShort(Throwable error) {
        return error == null || String.valueOf(error.getMessage()).length() <= LONGEST && isShort(error.getCause());
    }
}
