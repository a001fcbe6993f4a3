package dev.penstock.postgres;

import io.debezium.config.Configuration;
import io.debezium.connector.postgresql.PostgresSchema;
import io.debezium.connector.postgresql.connection.PostgresConnection;
import io.debezium.connector.postgresql.connection.ReplicationMessage;
import io.debezium.connector.postgresql.connection.ReplicationMessage.NoopMessage;
import io.debezium.relational.Table;
import io.debezium.relational.TableId;
import java.sql.SQLException;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/**
 * Leaves out the changes of tables that are published and not known: a source without `table.include.list` would send
 * them to topics that nobody has made, and Kafka's producer would wait for those, with all tables.
 *
 * <p>A table is known by its name, once its topic is there: `penstock views apply` notes it in `known_tables` while
 * nobody is in the midst of writing to the table (penstock/postgres/publication.py). A change of an unknown table asks
 * Postgres, which answers as of now, later than the change: what is left out ended before the table was known, and each
 * reading that fills its views sees it. So no order of note and changes in the WAL matters, nor how far behind the
 * source is, nor a restart.
 */
final class KnownTables {
    private final String isKnown;
    private final PostgresConnection postgres;
    private final PostgresSchema schema;
    /** Debezium makes a table again when Postgres describes it again: another one may have the name since. */
    private final Map<TableId, Table> known = new HashMap<>();
    /** All of a transaction is read after its end: one answer holds for its changes. */
    private final Set<TableId> unknown = new HashSet<>();

    KnownTables(PostgresConnection postgres, PostgresSchema schema, String table) {
        this.isKnown = "SELECT FROM %s WHERE table_name = ?".formatted(table);
        this.postgres = postgres;
        this.schema = schema;
    }

    /** The table with the names of those that are known. */
    static String table(Configuration config) {
        return OwnSchema.of(config) + ".known_tables";
    }

    /** The message, or what Debezium itself makes of one of a table that its list does not have. */
    ReplicationMessage orNothing(ReplicationMessage message) throws SQLException {
        return switch (message.getOperation()) {
            case BEGIN -> {
                unknown.clear();
                yield message;
            }
            case INSERT, UPDATE, DELETE, TRUNCATE ->
                message.isSkippedMessage() || isKnown(TableId.parse(message.getTable(), false))
                        ? message
                        : new NoopMessage(
                                message.getTransactionId().getAsLong(),
                                message.getCommitTime(),
                                message.getOperation());
            default -> message;
        };
    }

    private boolean isKnown(TableId id) throws SQLException {
        Table table = schema.tableFor(id);
        if (table != null && known.get(id) == table) {
            return true;
        }
        if (unknown.contains(id)) {
            return false;
        }
        if (ask(id)) {
            known.put(id, table);
            return true;
        }
        known.remove(id);
        unknown.add(id);
        return false;
    }

    private boolean ask(TableId id) throws SQLException {
        return postgres.prepareQueryAndMap(
                isKnown, query -> query.setString(1, id.schema() + "." + id.table()), found -> found.next());
    }
}
