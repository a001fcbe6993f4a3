package dev.penstock.postgres;

import io.debezium.connector.postgresql.PostgresStreamingChangeEventSource.PgConnectionSupplier;
import io.debezium.connector.postgresql.PostgresType;
import io.debezium.connector.postgresql.connection.ReplicationMessage;
import io.debezium.connector.postgresql.connection.ReplicationMessage.Column;
import io.debezium.connector.postgresql.connection.ReplicationMessage.ColumnTypeMetadata;
import io.debezium.connector.postgresql.connection.pgoutput.PgOutputReplicationMessage;
import java.util.List;

/** A column of a change in the WAL; a value whose text Debezium cannot parse is {@link Unreadable}. */
record CarefulColumn(Column column, CarefulReader reader) implements Column {

    /** The same message with such columns. */
    static ReplicationMessage in(ReplicationMessage message, CarefulReader reader) {
        return switch (message.getOperation()) {
            case INSERT, UPDATE, DELETE ->
                message.isSkippedMessage()
                        ? message
                        : new PgOutputReplicationMessage(
                                message.getOperation(),
                                message.getTable(),
                                message.getCommitTime(),
                                message.getTransactionId().getAsLong(),
                                careful(message.getOldTupleList(), reader),
                                careful(message.getNewTupleList(), reader));
            default -> message;
        };
    }

    private static List<Column> careful(List<Column> columns, CarefulReader reader) {
        return columns == null
                ? null
                : columns.stream()
                        .<Column>map(column -> new CarefulColumn(column, reader))
                        .toList();
    }

    @Override
    public Object getValue(PgConnectionSupplier connection, boolean includeUnknown) {
        return reader.read(() -> column.getValue(connection, includeUnknown), () -> Unreadable.VALUE, getName());
    }

    @Override
    public String getName() {
        return column.getName();
    }

    @Override
    public PostgresType getType() {
        return column.getType();
    }

    @Override
    public ColumnTypeMetadata getTypeMetadata() {
        return column.getTypeMetadata();
    }

    @Override
    public boolean isOptional() {
        return column.isOptional();
    }

    @Override
    public boolean isToastedColumn() {
        return column.isToastedColumn();
    }
}
