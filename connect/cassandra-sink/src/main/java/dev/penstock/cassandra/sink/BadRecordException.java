package dev.penstock.cassandra.sink;

import org.apache.kafka.connect.errors.DataException;

/**
 * A record that cannot be written, whatever the cluster does: it goes to the dead-letter topic with this message, which
 * is cut: a letter that grows with its record may be too large for its topic.
 */
public final class BadRecordException extends DataException {

    private static final long serialVersionUID = 1L;
    private static final int LONGEST = 1_000;

    /** State the reason; who reports it adds the record's place. */
    public BadRecordException(String reason) {
        super(cut(reason));
    }

    /** State the reason with what the server or driver said. */
    public BadRecordException(String reason, Throwable cause) {
        super(cut(reason), isShort(cause) ? cause : null);
    }

    private static String cut(String reason) {
        return reason.length() <= LONGEST ? reason : reason.substring(0, LONGEST) + "…";
    }

    /** The letter's headers hold the messages of all causes. */
    private static boolean isShort(Throwable error) {
        return error == null || String.valueOf(error.getMessage()).length() <= LONGEST && isShort(error.getCause());
    }
}
