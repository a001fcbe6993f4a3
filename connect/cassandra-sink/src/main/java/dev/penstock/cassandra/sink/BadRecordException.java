package dev.penstock.cassandra.sink;

import org.apache.kafka.connect.errors.DataException;

/** A record that cannot be written, whatever the cluster does: it goes to the dead-letter topic with this message. */
public final class BadRecordException extends DataException {

    private static final long serialVersionUID = 1L;

    /** State the reason; who reports it adds the record's place. */
    public BadRecordException(String reason) {
        super(reason);
    }

    /** State the reason with what the server or driver said. */
    public BadRecordException(String reason, Throwable cause) {
        super(reason, cause);
    }
}
