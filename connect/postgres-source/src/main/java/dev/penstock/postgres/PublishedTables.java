package dev.penstock.postgres;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * The tables that are published and known ({@link KnownTables}): all that a source without `table.include.list` may
 * see.
 *
 * <p>What the source reads itself (its first snapshot, the columns of tables) goes by this, since Debezium would take
 * every table there is.
 */
final class PublishedTables {
    private static final String PUBLISHED =
            """
            SELECT schemaname, tablename FROM pg_catalog.pg_publication_tables
            WHERE pubname = ? AND schemaname || '.' || tablename IN (SELECT table_name FROM %s)
            """;

    /** The places of TABLE_SCHEM and TABLE_NAME in what {@link java.sql.DatabaseMetaData#getTables} returns. */
    private static final int SCHEMA = 2;

    private static final int TABLE = 3;

    private final Set<List<String>> names;

    private PublishedTables(Set<List<String>> names) {
        this.names = names;
    }

    static PublishedTables read(Connection connection, String publication, String known) throws SQLException {
        Set<List<String>> names = new HashSet<>();
        try (PreparedStatement statement = connection.prepareStatement(PUBLISHED.formatted(known))) {
            statement.setString(1, publication);
            ResultSet found = statement.executeQuery();
            while (found.next()) {
                names.add(List.of(found.getString(1), found.getString(2)));
            }
        }
        return new PublishedTables(names);
    }

    /** Go on to the next of these tables that is published; false when there is none. */
    boolean next(ResultSet tables) throws SQLException {
        while (tables.next()) {
            if (names.contains(List.of(tables.getString(SCHEMA), tables.getString(TABLE)))) {
                return true;
            }
        }
        return false;
    }
}
