package dev.penstock.postgres;

import io.debezium.connector.postgresql.connection.ReplicationConnection;
import io.debezium.connector.postgresql.connection.ReplicationMessage;
import io.debezium.connector.postgresql.connection.ReplicationStream;
import io.debezium.connector.postgresql.connection.ReplicationStream.ReplicationMessageProcessor;
import java.sql.SQLException;

/** What is read of the WAL, before Debezium makes events of it. */
final class Messages {
    private Messages() {}

    /** What becomes of a message. */
    @FunctionalInterface
    interface Change {
        ReplicationMessage of(ReplicationMessage message) throws SQLException;
    }

    /** The same connection, whose streams have the changed messages. */
    static ReplicationConnection changed(ReplicationConnection connection, Change change) {
        return Proxies.of(ReplicationConnection.class, (method, arguments) -> {
            Object result = method.invoke(connection, arguments);
            return result instanceof ReplicationStream stream ? changed(stream, change) : result;
        });
    }

    private static ReplicationStream changed(ReplicationStream stream, Change change) {
        return Proxies.of(ReplicationStream.class, (method, arguments) -> {
            if (arguments != null && arguments[0] instanceof ReplicationMessageProcessor processor) {
                ReplicationMessageProcessor ours = message -> processor.process(change.of(message));
                return method.invoke(stream, ours);
            }
            return method.invoke(stream, arguments);
        });
    }
}
