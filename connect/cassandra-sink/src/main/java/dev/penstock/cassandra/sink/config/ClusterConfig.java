package dev.penstock.cassandra.sink.config;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.apache.kafka.common.config.types.Password;

/**
 * How to reach the cluster.
 *
 * @param contactPoints hosts to find it by
 * @param localDc datacenter to write to; empty means the one of the contact points
 * @param username user name; empty means no authentication
 * @param password password of the user
 * @param queryTimeoutSeconds seconds to wait for an answer
 * @param poolSize connections to each node
 * @param requestsPerConnection unanswered requests that one of them carries
 * @param compressed whether requests are compressed (LZ4)
 * @param bundle file that says all of this of a cluster of Astra
 * @param driverOptions options of the driver by their paths, those of encryption among them; they win over ours
 */
public record ClusterConfig(
        List<HostPort> contactPoints,
        Optional<String> localDc,
        Optional<String> username,
        Password password,
        int queryTimeoutSeconds,
        int poolSize,
        int requestsPerConnection,
        boolean compressed,
        Optional<Path> bundle,
        Map<String, String> driverOptions) {

    /** The driver's own. */
    private static final int MIN_REQUESTS_PER_CONNECTION = 1024;

    /** Take it from parsed settings. */
    static ClusterConfig of(Function<String, Object> setting, Map<String, String> properties) {
        int poolSize = (Integer) setting.apply(Settings.POOL_SIZE);
        Map<String, String> options = TlsSettings.options(setting);
        options.putAll(DriverOptions.of(properties));
        return new ClusterConfig(
                hosts((List<?>) setting.apply(Settings.CONTACT_POINTS), (Integer) setting.apply(Settings.PORT)),
                text(setting.apply(Settings.LOCAL_DC)),
                text(setting.apply(Settings.USERNAME)),
                (Password) setting.apply(Settings.PASSWORD),
                (Integer) setting.apply(Settings.QUERY_TIMEOUT),
                poolSize,
                requests(setting.apply(Settings.MAX_CONCURRENT_REQUESTS), poolSize),
                Settings.LZ4.equalsIgnoreCase((String) setting.apply(Settings.COMPRESSION)),
                text(setting.apply(Settings.SECURE_BUNDLE)).map(Path::of),
                options);
    }

    /** A wrong number of requests keeps nobody from looking into the cluster. */
    private static int requests(Object concurrent, int poolSize) {
        return concurrent instanceof Integer known
                ? Math.max(MIN_REQUESTS_PER_CONNECTION, 1 + known / poolSize)
                : MIN_REQUESTS_PER_CONNECTION;
    }

    private static List<HostPort> hosts(List<?> named, int port) {
        return named.isEmpty()
                ? List.of(new HostPort(Settings.LOCALHOST, port))
                : named.stream()
                        .map(point -> HostPort.of(point.toString(), port))
                        .toList();
    }

    /** A setting that is empty is not set. */
    private static Optional<String> text(Object value) {
        return Optional.ofNullable((String) value).filter(text -> !text.isBlank());
    }

    /** The address for messages. */
    public String address() {
        return bundle.map(file -> "bundle " + file)
                .orElseGet(() -> contactPoints.stream().map(HostPort::toString).collect(Collectors.joining(", ")));
    }
}
