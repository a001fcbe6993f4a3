package dev.penstock.postgres;

import io.debezium.config.Configuration;
import io.debezium.connector.postgresql.PostgresConnectorConfig;
import io.debezium.jdbc.JdbcConfiguration;
import io.debezium.jdbc.JdbcConnection;
import io.debezium.jdbc.JdbcConnection.ConnectionFactory;
import java.sql.Connection;
import java.sql.SQLException;
import org.postgresql.Driver;

/**
 * Opens the sessions of the source, those that read the WAL too, so that every value is read as it is.
 *
 * <p>A database or a role may have settings of its own that change how Postgres writes values as text. Debezium parses
 * that text and knows one form of each. The other side of the same fact is penstock/pinned.py.
 */
public final class SourceConnections implements ConnectionFactory {
    private static final String OF_DATABASE = "database.";
    private static final String SETTING = OF_DATABASE + JdbcConfiguration.CONNECTION_FACTORY_CLASS.name();
    private static final String OPTIONS = "options";
    /** Only what a connection is opened with comes to here; the driver minds no setting that it does not know. */
    private static final String PUBLICATION = "penstock.publication";

    private static final String KNOWN = "penstock.known";

    private static final String PINNED =
            "-c bytea_output=hex -c intervalstyle=postgres -c datestyle=ISO -c extra_float_digits=1"
                    + " -c quote_all_identifiers=off -c row_security=off -c statement_timeout=0 -c lock_timeout=0";

    /** Without one the driver names each type of a user's with its schema, as {@link TypeNames} does. */
    private static final String NO_SEARCH_PATH = "-c search_path=";

    private static final ConnectionFactory POSTGRES = JdbcConnection.patternBasedFactory(
            "jdbc:postgresql://${hostname}:${port}/${dbname}",
            Driver.class.getName(),
            Driver.class.getClassLoader(),
            JdbcConfiguration.PORT.withDefault(PostgresConnectorConfig.PORT.defaultValueAsString()));

    /** The same configuration of a source, whose sessions are opened here. */
    static Configuration in(Configuration source) {
        Configuration.Builder ours = source.edit().with(SETTING, SourceConnections.class.getName());
        return source.hasKey(PostgresConnectorConfig.TABLE_INCLUDE_LIST)
                ? ours.build()
                : ours.with(OF_DATABASE + PUBLICATION, source.getString(PostgresConnectorConfig.PUBLICATION_NAME))
                        .with(OF_DATABASE + KNOWN, KnownTables.table(source))
                        .build();
    }

    @Override
    public Connection connect(JdbcConfiguration config) throws SQLException {
        String publication = config.getString(PUBLICATION);
        Connection connection = POSTGRES.connect(pinned(config));
        return ExactConnection.over(
                connection,
                publication == null
                        ? null
                        : () -> PublishedTables.read(connection, publication, config.getString(KNOWN)));
    }

    private static JdbcConfiguration pinned(JdbcConfiguration config) {
        String theirs = config.getString(OPTIONS);
        return JdbcConfiguration.adapt(config.edit()
                // The last one counts.
                .with(OPTIONS, (theirs == null ? "" : theirs + " ") + PINNED + " " + NO_SEARCH_PATH)
                // A value of a key is compared as what the column is, not as text: there is no `timestamptz <=
                // varchar`.
                .with("stringtype", "unspecified")
                // In binary, which begins with the fifth chunk of a table, a timestamp would come by way of a Julian
                // calendar.
                .with("binaryTransfer", "false")
                // What is refused for one table must not leave the others in a transaction that is aborted.
                .with("autosave", "always")
                .build());
    }
}
