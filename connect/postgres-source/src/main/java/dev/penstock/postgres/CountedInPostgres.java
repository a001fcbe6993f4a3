package dev.penstock.postgres;

import io.debezium.connector.postgresql.PostgresConnectorConfig;
import io.debezium.connector.postgresql.connection.PostgresConnection;
import java.sql.SQLException;

/** Asks Postgres how often the columns of a table have changed: an event trigger counts (044_columns.sql). */
final class CountedInPostgres implements RecordRewriter.Counts {
    private static final String IS_COUNTED = "SELECT to_regclass('%s') IS NOT NULL";
    private static final String COUNT = "SELECT times FROM %s WHERE table_name = ?";

    private final PostgresConnectorConfig config;
    private final String counts;

    CountedInPostgres(PostgresConnectorConfig config, String ownSchema) {
        this.config = config;
        this.counts = ownSchema + ".altered_columns";
    }

    @Override
    public int of(String schema, String table) throws SQLException {
        // Seldom enough for a connection of its own: once for each schema that Debezium builds.
        try (PostgresConnection connection = new PostgresConnection(config.getJdbcConfig(), "penstock-alterations")) {
            if (!connection.queryAndMap(IS_COUNTED.formatted(counts), found -> found.next() && found.getBoolean(1))) {
                return 0;
            }
            return connection.prepareQueryAndMap(
                    COUNT.formatted(counts),
                    query -> query.setString(1, schema + "." + table),
                    found -> found.next() ? found.getInt(1) : 0);
        }
    }
}
