package dev.penstock.postgres;

import io.debezium.connector.postgresql.connection.PostgresConnection;
import java.sql.SQLException;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads values by Debezium's code, and tells a value that it cannot read from a connection that is away.
 *
 * <p>Debezium asks Postgres about types while it reads, and of both it says the same.
 */
record CarefulReader(PostgresConnection session) {
    private static final Logger LOG = LoggerFactory.getLogger(CarefulReader.class);

    /**
     * The value.
     *
     * @param otherwise what to give when it cannot be read: twice, and Postgres can be asked
     */
    Object read(Supplier<Object> value, Supplier<Object> otherwise, String column) {
        try {
            return value.get();
        } catch (RuntimeException failed) {
            throwIfAway(failed);
        }
        try {
            return value.get();
        } catch (RuntimeException failed) {
            throwIfAway(failed);
            LOG.warn("A value of {} is left out: {}", column, failed.toString());
            return otherwise.get();
        }
    }

    private void throwIfAway(RuntimeException failed) {
        try {
            if (session.isConnected()) {
                return;
            }
        } catch (SQLException away) {
            failed.addSuppressed(away);
        }
        throw failed;
    }
}
