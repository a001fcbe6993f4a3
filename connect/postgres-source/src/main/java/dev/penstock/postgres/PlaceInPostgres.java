package dev.penstock.postgres;

import io.debezium.DebeziumException;
import io.debezium.connector.postgresql.PostgresConnectorConfig;
import io.debezium.jdbc.JdbcConfiguration;
import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.connect.errors.RetriableException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Asks a server, before anything is read of it, whether the source can go on from its place there; {@link Place}
 * judges.
 *
 * <p>The session is one of replication: only there a server tells the history of its timelines, and takes the command
 * by which its standbys keep the slot too.
 */
final class PlaceInPostgres {
    private static final Logger LOG = LoggerFactory.getLogger(PlaceInPostgres.class);
    private static final int FAILOVER_SINCE = 17;
    private static final Pattern LEFT = Pattern.compile("(?m)^(\\d+)\\s+([0-9A-F]+)/([0-9A-F]+)");
    private static final String SLOT =
            """
            SELECT (confirmed_flush_lsn - '0/0')::bigint, wal_status = 'lost',
                active OR coalesce((to_jsonb(s) ->> 'failover')::boolean, true)
            FROM pg_replication_slots s WHERE slot_name = ? AND database = current_database()
            """;

    /** The log has the low 32 bits; the id lies less than 2^32 before the next one. */
    private static final String STATUS =
            """
            SELECT CASE WHEN back = 0 OR back > next THEN 'unknown' ELSE pg_xact_status((next - back)::text::xid8) END
            FROM (SELECT pg_snapshot_xmax(pg_current_snapshot())::text::numeric AS next) AS n
            CROSS JOIN LATERAL (SELECT mod(next - ?::numeric + 4294967296, 4294967296) AS back) AS b
            """;

    private final PostgresConnectorConfig config;
    private final boolean isForStandbys;

    /**
     * Asks for the slot of a source.
     *
     * @param isForStandbys whether standbys shall keep the slot
     */
    PlaceInPostgres(PostgresConnectorConfig config, boolean isForStandbys) {
        this.config = config;
        this.isForStandbys = isForStandbys;
    }

    /**
     * What the server says of itself, when the source can go on there.
     *
     * @param offset null when nothing was read yet
     * @throws DebeziumException when it cannot, with the cure
     * @throws RetriableException when the server does not answer, or is a standby still
     */
    Place.Server look(Map<String, ?> offset) {
        try (Connection connection = connect()) {
            if (isStandby(connection)) {
                throw new RetriableException("the server at this address is a standby: the source waits for a primary");
            }
            Place.Server server = server(connection);
            Place.of(offset)
                    .flatMap(place ->
                            place.problem(config.slotName(), server, transaction -> status(connection, transaction)))
                    .ifPresent(why -> {
                        throw new DebeziumException(why);
                    });
            return server;
        } catch (SQLException away) {
            throw new RetriableException("Postgres does not say where its log stands: " + away.getMessage(), away);
        }
    }

    private Connection connect() throws SQLException {
        return new SourceConnections()
                .connect(JdbcConfiguration.adapt(config.getJdbcConfig()
                        .edit()
                        .with("replication", "database")
                        .with("preferQueryMode", "simple")
                        .with("assumeMinServerVersion", "9.4")
                        .with("ApplicationName", "penstock-place")
                        .build()));
    }

    private static boolean isStandby(Connection connection) throws SQLException {
        try (Statement statement = connection.createStatement();
                ResultSet found = statement.executeQuery("SELECT pg_is_in_recovery()")) {
            return found.next() && found.getBoolean(1);
        }
    }

    private Place.Server server(Connection connection) throws SQLException {
        Place.Slot slot = slot(connection);
        try (Statement statement = connection.createStatement();
                ResultSet found = statement.executeQuery("IDENTIFY_SYSTEM")) {
            found.next();
            int timeline = found.getInt("timeline");
            return new Place.Server(found.getString("systemid"), timeline, history(connection, timeline), slot);
        }
    }

    private Place.Slot slot(Connection connection) throws SQLException {
        try (PreparedStatement query = connection.prepareStatement(SLOT)) {
            query.setString(1, config.slotName());
            try (ResultSet found = query.executeQuery()) {
                if (!found.next()) {
                    return null;
                }
                if (!found.getBoolean(3)) {
                    keepInStandbys(connection);
                }
                return new Place.Slot(found.getLong(1), found.getBoolean(2));
            }
        }
    }

    /** A slot that was made before, or by Postgres 16, is in no standby. */
    private void keepInStandbys(Connection connection) throws SQLException {
        if (!isForStandbys || connection.getMetaData().getDatabaseMajorVersion() < FAILOVER_SINCE) {
            return;
        }
        try (Statement statement = connection.createStatement()) {
            statement.execute("ALTER_REPLICATION_SLOT \"%s\" ( FAILOVER true )".formatted(config.slotName()));
        } catch (SQLException refused) {
            LOG.warn("Standbys do not keep slot {}: {}", config.slotName(), refused.getMessage());
        }
    }

    private static Map<Integer, Long> history(Connection connection, int timeline) throws SQLException {
        Map<Integer, Long> ends = new HashMap<>();
        if (timeline == 1) {
            return ends; // the first one has none
        }
        try (Statement statement = connection.createStatement();
                ResultSet found = statement.executeQuery("TIMELINE_HISTORY " + timeline)) {
            found.next();
            Matcher line = LEFT.matcher(found.getString("content"));
            while (line.find()) {
                long lsn = (Long.parseLong(line.group(2), 16) << 32) + Long.parseLong(line.group(3), 16);
                ends.put(Integer.valueOf(line.group(1)), lsn);
            }
        }
        return ends;
    }

    private static Optional<String> status(Connection connection, long transaction) {
        try (PreparedStatement query = connection.prepareStatement(STATUS)) {
            query.setLong(1, transaction);
            try (ResultSet found = query.executeQuery()) {
                return found.next() ? Optional.ofNullable(found.getString(1)) : Optional.empty();
            }
        } catch (SQLException away) {
            throw new RetriableException("Postgres does not say what became of " + transaction, away);
        }
    }
}
