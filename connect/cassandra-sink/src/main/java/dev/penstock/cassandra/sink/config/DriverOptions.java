package dev.penstock.cassandra.sink.config;

import com.datastax.oss.driver.api.core.config.DefaultDriverOption;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/** Options of the Cassandra driver, which are handed on to it: {@code datastax-java-driver.<path>}. */
final class DriverOptions {

    /** What comes before the path. */
    static final String PREFIX = "datastax-java-driver.";

    private static final Set<String> PATHS = Arrays.stream(DefaultDriverOption.values())
            .map(DefaultDriverOption::getPath)
            .collect(Collectors.toSet());
    private static final String KEEPS_RIGHT = "the connector sets it, as its rows depend on it; remove it";
    /** Options that have a setting, or without which rows would be lost or tables not be known. */
    private static final Map<String, String> REFUSED = Map.of(
            DefaultDriverOption.CONTACT_POINTS.getPath(),
            "set " + Settings.CONTACT_POINTS,
            DefaultDriverOption.LOAD_BALANCING_LOCAL_DATACENTER.getPath(),
            "set " + Settings.LOCAL_DC,
            DefaultDriverOption.CLOUD_SECURE_CONNECT_BUNDLE.getPath(),
            "set " + Settings.SECURE_BUNDLE,
            DefaultDriverOption.REQUEST_CONSISTENCY.getPath(),
            "set " + Settings.CONSISTENCY_LEVEL,
            DefaultDriverOption.REQUEST_DEFAULT_IDEMPOTENCE.getPath(),
            KEEPS_RIGHT,
            DefaultDriverOption.RETRY_POLICY_CLASS.getPath(),
            KEEPS_RIGHT,
            DefaultDriverOption.TIMESTAMP_GENERATOR_CLASS.getPath(),
            KEEPS_RIGHT,
            DefaultDriverOption.METADATA_SCHEMA_ENABLED.getPath(),
            KEEPS_RIGHT,
            DefaultDriverOption.METADATA_SCHEMA_REFRESHED_KEYSPACES.getPath(),
            KEEPS_RIGHT);

    private DriverOptions() {}

    /** Tell whether a setting is one. */
    static boolean isOne(String name) {
        return name.startsWith(PREFIX);
    }

    /** The options by their paths. */
    static Map<String, String> of(Map<String, String> properties) {
        Map<String, String> options = new TreeMap<>();
        properties.forEach((name, value) -> {
            if (isOne(name)) {
                options.put(name.substring(PREFIX.length()), value);
            }
        });
        return options;
    }

    /** Add to {@code problems} the options that the driver does not have or may not be told. */
    static void check(Map<String, String> properties, Problems problems) {
        of(properties).keySet().forEach(path -> {
            if (REFUSED.containsKey(path)) {
                problems.add(PREFIX + path, "Not an option of its own here: " + REFUSED.get(path));
            } else if (!PATHS.contains(path)) {
                problems.add(PREFIX + path, "The driver has no option " + path);
            }
        });
    }
}
