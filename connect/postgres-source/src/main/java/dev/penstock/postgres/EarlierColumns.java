package dev.penstock.postgres;

import io.debezium.connector.postgresql.PostgresConnectorConfig;
import io.debezium.connector.postgresql.TypeRegistry;
import io.debezium.connector.postgresql.connection.PostgresConnection;
import io.debezium.relational.Column;
import io.debezium.relational.TableId;
import io.debezium.relational.Tables.ColumnNameFilter;
import java.sql.Connection;
import java.sql.SQLException;
import java.util.List;

/**
 * The connection of whoever decodes the WAL: it does not tell the columns of now.
 *
 * <p>Postgres sends the columns of a table, with the types that they had then, before the first change. Debezium asks
 * the catalogue besides, and lays the types of now over them: a text of before an ALTER was read as a number, which
 * failed, for all tables, and a NULL of before a SET NOT NULL as a zero. Whoever knows nothing of now reads what was.
 */
final class EarlierColumns extends PostgresConnection {

    private final PostgresConnection session;

    /** Over a connection that is opened and closed by others. */
    EarlierColumns(PostgresConnection session, PostgresConnectorConfig config) {
        super(config.getJdbcConfig(), CONNECTION_GENERAL);
        this.session = session;
    }

    @Override
    public List<Column> getTableColumnsForDecoder(TableId table, ColumnNameFilter filter) {
        return List.of();
    }

    @Override
    public TypeRegistry getTypeRegistry() {
        return session.getTypeRegistry();
    }

    @Override
    public Connection connection() throws SQLException {
        return session.connection();
    }

    @Override
    public Connection connection(boolean executeOnConnect) throws SQLException {
        return session.connection(executeOnConnect);
    }
}
