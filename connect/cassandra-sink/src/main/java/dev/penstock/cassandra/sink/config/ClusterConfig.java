package dev.penstock.cassandra.sink.config;

import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.apache.kafka.common.config.types.Password;

/**
 * How to reach the cluster.
 *
 * @param contactPoints hosts to find it by
 * @param port native protocol port
 * @param localDc datacenter to write to; empty means the one of the contact points
 * @param username user name; empty means no authentication
 * @param password password of the user
 * @param queryTimeoutSeconds seconds to wait for an answer
 * @param poolSize connections to each node
 * @param compressed whether requests are compressed (LZ4)
 * @param tls encryption; empty means none
 */
public record ClusterConfig(List<String> contactPoints, int port, Optional<String> localDc, Optional<String> username,
        Password password, int queryTimeoutSeconds, int poolSize, boolean compressed, Optional<TlsConfig> tls) {

    /** The settings that this is made of. */
    static final List<String> SETTINGS = List.of(Settings.CONTACT_POINTS, Settings.PORT, Settings.LOCAL_DC,
            Settings.AUTH_PROVIDER, Settings.USERNAME, Settings.PASSWORD, Settings.QUERY_TIMEOUT, Settings.POOL_SIZE,
            Settings.COMPRESSION, Settings.SSL_PROVIDER, Settings.HOSTNAME_VALIDATION, Settings.TRUSTSTORE_PATH,
            Settings.TRUSTSTORE_PASSWORD, Settings.KEYSTORE_PATH, Settings.KEYSTORE_PASSWORD, Settings.CIPHER_SUITES);

    /** Take it from parsed settings. */
    static ClusterConfig of(Function<String, Object> setting) {
        return new ClusterConfig(hosts((List<?>) setting.apply(Settings.CONTACT_POINTS)),
                (Integer) setting.apply(Settings.PORT),
                text(setting.apply(Settings.LOCAL_DC)), text(setting.apply(Settings.USERNAME)),
                (Password) setting.apply(Settings.PASSWORD), (Integer) setting.apply(Settings.QUERY_TIMEOUT),
                (Integer) setting.apply(Settings.POOL_SIZE),
                Choice.is(setting.apply(Settings.COMPRESSION), Settings.LZ4), TlsConfig.of(setting));
    }

    private static List<String> hosts(List<?> named) {
        return named.isEmpty() ? List.of(Settings.LOCALHOST) : named.stream().map(Object::toString).toList();
    }

    /** A setting that is empty is not set. */
    static Optional<String> text(Object value) {
        return Optional.ofNullable((String) value).filter(text -> !text.isEmpty());
    }

    /** The address for messages. */
    public String address() {
        return String.join(",", contactPoints) + " port " + port;
    }
}
