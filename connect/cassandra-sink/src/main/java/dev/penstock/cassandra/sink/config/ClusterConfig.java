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
 */
public record ClusterConfig(List<String> contactPoints, int port, Optional<String> localDc, Optional<String> username,
        Password password, int queryTimeoutSeconds) {

    /** The settings that this is made of. */
    static final List<String> SETTINGS = List.of(Settings.CONTACT_POINTS, Settings.PORT, Settings.LOCAL_DC,
            Settings.USERNAME, Settings.PASSWORD, Settings.QUERY_TIMEOUT);

    /** Take it from parsed settings. */
    static ClusterConfig of(Function<String, Object> setting) {
        List<String> hosts = ((List<?>) setting.apply(Settings.CONTACT_POINTS)).stream().map(Object::toString).toList();
        return new ClusterConfig(hosts, (Integer) setting.apply(Settings.PORT),
                text(setting.apply(Settings.LOCAL_DC)), text(setting.apply(Settings.USERNAME)),
                (Password) setting.apply(Settings.PASSWORD), (Integer) setting.apply(Settings.QUERY_TIMEOUT));
    }

    private static Optional<String> text(Object value) {
        return Optional.ofNullable((String) value).filter(text -> !text.isEmpty());
    }

    /** The address for messages. */
    public String address() {
        return String.join(",", contactPoints) + " port " + port;
    }
}
