package dev.penstock.cassandra.sink.cluster;

import com.datastax.oss.driver.api.core.AllNodesFailedException;
import com.datastax.oss.driver.api.core.CqlIdentifier;
import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.DriverException;
import com.datastax.oss.driver.api.core.auth.AuthenticationException;
import com.datastax.oss.driver.api.core.config.DefaultDriverOption;
import com.datastax.oss.driver.api.core.config.DriverConfigLoader;
import com.datastax.oss.driver.api.core.config.ProgrammaticDriverConfigLoaderBuilder;
import com.datastax.oss.driver.api.core.cql.SimpleStatement;
import com.datastax.oss.driver.internal.core.loadbalancing.DcInferringLoadBalancingPolicy;
import com.datastax.oss.driver.internal.core.time.ServerSideTimestampGenerator;
import dev.penstock.cassandra.sink.config.ClusterConfig;
import dev.penstock.cassandra.sink.config.HostPort;
import dev.penstock.cassandra.sink.config.Settings;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.nio.channels.ClosedChannelException;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collection;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Opens sessions. The driver's settings are set here, or by the connector's own; no other file takes part. */
public final class Cluster {

    private static final Duration CONNECT_TIMEOUT = Duration.ofSeconds(5);
    private static final int SHUTDOWN_QUIET_MS = 100;
    private static final int SHUTDOWN_LIMIT_MS = 5_000;
    private static final String FIND_KEYSPACE =
            "SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = ?";
    private static final Duration AGREEMENT_TIMEOUT = Duration.ofSeconds(1);

    private Cluster() {}

    /**
     * Open a session; takes some seconds at most.
     *
     * @param keyspaces the keyspaces whose tables the session shall know
     * @throws ClusterAwayException when no node answers
     * @throws WrongSettingException when a setting is wrong: user, password, datacenter
     */
    public static CqlSession connect(ClusterConfig config, Collection<String> keyspaces) throws ClusterAwayException {
        CqlSession session;
        try {
            session = open(config, keyspaces);
        } catch (AllNodesFailedException e) {
            throw explain(config, e);
        } catch (IllegalStateException e) { // No such bundle, or the contact points are in several datacenters.
            throw config.bundle().isPresent()
                    ? new WrongSettingException(Settings.SECURE_BUNDLE, "the bundle cannot be used: " + root(e), e)
                    : new WrongSettingException(
                            Settings.LOCAL_DC,
                            "the driver cannot choose the datacenter to write to: " + e.getMessage(),
                            e);
        } catch (DriverException | IllegalArgumentException e) {
            throw new ClusterAwayException(
                    "Cassandra at " + config.address() + " does not answer: " + e.getMessage(), e);
        }
        checkDatacenter(config, session);
        checkTables(config, keyspaces, session);
        return session;
    }

    private static CqlSession open(ClusterConfig config, Collection<String> keyspaces) {
        ClassLoader plugin = Cluster.class.getClassLoader();
        var builder = CqlSession.builder()
                .withClassLoader(plugin)
                .withConfigLoader(options(config, keyspaces, plugin))
                .withApplicationName("penstock-cassandra-sink");
        config.bundle()
                .ifPresentOrElse(
                        builder::withCloudSecureConnectBundle, () -> builder.addContactPoints(addresses(config)));
        config.localDc().ifPresent(builder::withLocalDatacenter);
        config.username()
                .ifPresent(user ->
                        builder.withAuthCredentials(user, config.password().value()));
        return builder.build();
    }

    /** Every address of every name, as the name server has them now: in Kubernetes they change. */
    private static List<InetSocketAddress> addresses(ClusterConfig config) {
        return config.contactPoints().stream().flatMap(Cluster::addresses).toList();
    }

    private static Stream<InetSocketAddress> addresses(HostPort point) {
        try {
            return Arrays.stream(InetAddress.getAllByName(point.host()))
                    .map(address -> new InetSocketAddress(address, point.port()));
        } catch (UnknownHostException e) {
            return Stream.of(InetSocketAddress.createUnresolved(point.host(), point.port()));
        }
    }

    private static DriverConfigLoader options(ClusterConfig config, Collection<String> keyspaces, ClassLoader plugin) {
        ProgrammaticDriverConfigLoaderBuilder options = DriverConfigLoader.programmaticBuilder(plugin)
                .withDuration(DefaultDriverOption.CONNECTION_CONNECT_TIMEOUT, CONNECT_TIMEOUT)
                .withDuration(DefaultDriverOption.CONNECTION_INIT_QUERY_TIMEOUT, CONNECT_TIMEOUT)
                .withDuration(DefaultDriverOption.CONTROL_CONNECTION_TIMEOUT, CONNECT_TIMEOUT)
                .withDuration(DefaultDriverOption.HEARTBEAT_INTERVAL, Duration.ofSeconds(10))
                .withDuration(DefaultDriverOption.HEARTBEAT_TIMEOUT, Duration.ofSeconds(5))
                .withDuration(DefaultDriverOption.RECONNECTION_BASE_DELAY, Duration.ofMillis(200))
                .withDuration(DefaultDriverOption.RECONNECTION_MAX_DELAY, Duration.ofSeconds(5))
                .withDuration(DefaultDriverOption.REQUEST_TIMEOUT, Duration.ofSeconds(config.queryTimeoutSeconds()))
                .withInt(DefaultDriverOption.CONNECTION_POOL_LOCAL_SIZE, config.poolSize())
                .withInt(DefaultDriverOption.CONNECTION_MAX_REQUESTS, config.requestsPerConnection())
                // Shorter than the task waits for an answer: nodes may disagree for as long as an upgrade takes.
                .withDuration(DefaultDriverOption.CONTROL_CONNECTION_AGREEMENT_TIMEOUT, AGREEMENT_TIMEOUT)
                // A task must end within seconds.
                .withString(DefaultDriverOption.NETTY_IO_SHUTDOWN_UNIT, "MILLISECONDS")
                .withInt(DefaultDriverOption.NETTY_IO_SHUTDOWN_QUIET_PERIOD, SHUTDOWN_QUIET_MS)
                .withInt(DefaultDriverOption.NETTY_IO_SHUTDOWN_TIMEOUT, SHUTDOWN_LIMIT_MS)
                .withString(DefaultDriverOption.NETTY_ADMIN_SHUTDOWN_UNIT, "MILLISECONDS")
                .withInt(DefaultDriverOption.NETTY_ADMIN_SHUTDOWN_QUIET_PERIOD, SHUTDOWN_QUIET_MS)
                .withInt(DefaultDriverOption.NETTY_ADMIN_SHUTDOWN_TIMEOUT, SHUTDOWN_LIMIT_MS)
                .withString(DefaultDriverOption.PROTOCOL_COMPRESSION, config.compressed() ? "lz4" : "none")
                // Every write has its own version, so it may be repeated.
                .withBoolean(DefaultDriverOption.REQUEST_DEFAULT_IDEMPOTENCE, true)
                // A server warning (batch size, partitions in a batch) would be a log line for every batch.
                .withBoolean(DefaultDriverOption.REQUEST_LOG_WARNINGS, false)
                // Every statement brings its timestamp.
                .withClass(DefaultDriverOption.TIMESTAMP_GENERATOR_CLASS, ServerSideTimestampGenerator.class)
                .withDuration(DefaultDriverOption.CONFIG_RELOAD_INTERVAL, Duration.ZERO)
                .withStringList(DefaultDriverOption.METADATA_SCHEMA_REFRESHED_KEYSPACES, List.copyOf(keyspaces))
                // A dropped table must be known before its rows are taken for bad ones.
                .withDuration(DefaultDriverOption.METADATA_SCHEMA_WINDOW, Duration.ofMillis(100))
                .withBoolean(DefaultDriverOption.NETTY_DAEMON, true);
        if (config.localDc().isEmpty() && config.bundle().isEmpty()) {
            options.withClass(DefaultDriverOption.LOAD_BALANCING_POLICY_CLASS, DcInferringLoadBalancingPolicy.class);
        }
        // The driver parses every kind of option from text.
        config.driverOptions().forEach((path, value) -> options.withString(() -> path, value));
        return options.build();
    }

    private static ClusterAwayException explain(ClusterConfig config, AllNodesFailedException e) {
        List<Throwable> causes =
                e.getAllErrors().values().stream().flatMap(List::stream).toList();
        causes.stream()
                .filter(AuthenticationException.class::isInstance)
                .findFirst()
                .ifPresent(refused -> {
                    throw new WrongSettingException(
                            Settings.USERNAME,
                            "Cassandra at " + config.address() + " refuses user or password: " + refused.getMessage(),
                            refused);
                });
        for (Throwable cause : causes) {
            Tls.wrongSetting(cause).ifPresent(setting -> {
                throw new WrongSettingException(
                        setting,
                        "the certificate of Cassandra at " + config.address() + " is refused: " + root(cause),
                        cause);
            });
        }
        String reasons = causes.stream().map(Cluster::root).distinct().collect(Collectors.joining("; "));
        return new ClusterAwayException(
                "Cassandra at " + config.address() + " does not answer" + (reasons.isEmpty() ? "" : ": " + reasons), e);
    }

    /** The innermost message: the outer ones tell of the driver's steps. */
    private static String root(Throwable error) {
        String message = error.getClass().getSimpleName();
        for (Throwable cause = error; cause != null; cause = cause.getCause()) {
            message = cause instanceof ClosedChannelException
                    ? "the connection was closed at once"
                    : cause.getMessage() == null ? message : cause.getMessage();
        }
        return message;
    }

    /** A driver that could not read the tables when it started goes on without any, as if there were none. */
    private static void checkTables(ClusterConfig config, Collection<String> keyspaces, CqlSession session)
            throws ClusterAwayException {
        try {
            for (String keyspace : keyspaces) {
                if (session.getMetadata()
                                .getKeyspace(CqlIdentifier.fromInternal(keyspace))
                                .isEmpty()
                        && session.execute(SimpleStatement.newInstance(FIND_KEYSPACE, keyspace))
                                        .one()
                                != null) {
                    throw new ClusterAwayException(
                            "Cassandra at " + config.address() + " did not tell its tables in time", null);
                }
            }
        } catch (ClusterAwayException | DriverException e) {
            session.closeAsync();
            throw e instanceof ClusterAwayException away
                    ? away
                    : new ClusterAwayException(
                            "Cassandra at " + config.address() + " does not answer: " + e.getMessage(), e);
        }
    }

    /** With a datacenter that does not exist the driver would find no node for ever, and not say why. */
    private static void checkDatacenter(ClusterConfig config, CqlSession session) {
        List<String> known = session.getMetadata().getNodes().values().stream()
                .map(node -> String.valueOf(node.getDatacenter()))
                .distinct()
                .sorted()
                .toList();
        if (config.localDc().isPresent() && !known.contains(config.localDc().get())) {
            session.closeAsync();
            throw new WrongSettingException(
                    Settings.LOCAL_DC,
                    "the cluster has no datacenter " + config.localDc().get() + ", only " + String.join(", ", known),
                    null);
        }
    }
}
