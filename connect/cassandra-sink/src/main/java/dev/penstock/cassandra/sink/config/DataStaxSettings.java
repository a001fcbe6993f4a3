package dev.penstock.cassandra.sink.config;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;

/**
 * Settings of DataStax's sink that this one has no use for. Each is refused by name with what to do instead, unless it
 * asks for nothing that is not so anyway: people keep the whole sample file, defaults included.
 */
public final class DataStaxSettings {

    private static final String KERBEROS = "Kerberos is a feature of DataStax Enterprise, not of Apache Cassandra; use "
            + Settings.USERNAME + " and " + Settings.PASSWORD;
    private static final String OPENSSL = "TLS is the JDK's here; put certificate and key into a keystore (openssl "
            + "pkcs12 -export) and name it in " + Settings.KEYSTORE_PATH;
    private static final String CODEC = "strings are not parsed by patterns and locales; set the table's "
            + "conversion=lenient for ISO dates, numbers in text and the like, or convert before with Connect's "
            + "TimestampConverter";
    private static final List<Known> KNOWN = List.of(
            new Known("auth.gssapi.keyTab", Set.of(""), KERBEROS),
            new Known("auth.gssapi.principal", Set.of(""), KERBEROS),
            new Known("auth.gssapi.service", Set.of("", "dse"), KERBEROS),
            new Known("ssl.openssl.keyCertChain", Set.of(""), OPENSSL),
            new Known("ssl.openssl.privateKey", Set.of(""), OPENSSL),
            new Known(
                    "ignoreErrors",
                    Set.of("none"),
                    "no record is dropped in silence; set errors.tolerance=all and "
                            + "errors.deadletterqueue.topic.name to put bad records aside"),
            new Known("jmx", Set.of("true"), "the metrics are always there; remove it"),
            new Known("jmxConnectorDomain", Set.of(), "the metrics have Connect's kind of names; remove it"),
            new Known("metricsHighestLatency", Set.of(), "the driver's own metrics are not used; remove it"),
            codec("locale", "en_US"),
            codec("timeZone", "UTC"),
            codec("timestamp", "CQL_TIMESTAMP"),
            codec("date", "ISO_LOCAL_DATE"),
            codec("time", "ISO_LOCAL_TIME"),
            codec("unit", "MILLISECONDS"),
            new Known(
                    "topic.<topic>.<keyspace>.<table>.query",
                    Set.of(""),
                    "a statement of your own could carry no version, so its rows could not be kept right; "
                            + "use mapping"));

    /** Defaults that are not DataStax's. */
    static final Map<String, String> THEIR_DEFAULTS = Map.of(
            TableSetting.CONSISTENCY_LEVEL,
            "LOCAL_ONE",
            TableSetting.NULL_TO_UNSET,
            "true",
            Settings.MAX_CONCURRENT_REQUESTS,
            "500",
            Settings.QUERY_TIMEOUT,
            "30",
            Settings.POOL_SIZE,
            "4");

    private DataStaxSettings() {}

    /**
     * A setting that is refused.
     *
     * @param name its name for people
     * @param neutral values, in lower case, that ask for nothing
     * @param reason why it is refused otherwise, and what to do
     */
    record Known(String name, Set<String> neutral, String reason) {

        boolean isNeutral(String value) {
            return neutral.contains(value.strip().toLowerCase(Locale.ROOT));
        }

        /** Tell whether a setting is this one: a topic may have dots in its name, a keyspace and a table may not. */
        boolean isName(String setting) {
            return setting.matches(
                    name.replace(".", "\\.").replace("<topic>", ".+").replaceAll("<(keyspace|table)>", "[^.]+"));
        }
    }

    private static Known codec(String option, String theirDefault) {
        return new Known("topic.<topic>.codec." + option, Set.of("", theirDefault.toLowerCase(Locale.ROOT)), CODEC);
    }

    /** The names, for people. */
    static List<String> names() {
        return KNOWN.stream().map(Known::name).toList();
    }

    /** Tell whether a setting is one of these. */
    static boolean isOne(String name) {
        return find(name).isPresent();
    }

    private static Optional<Known> find(String name) {
        return KNOWN.stream().filter(known -> known.isName(name)).findFirst();
    }

    /** Say why a setting is refused; empty when its value asks for nothing. */
    static Optional<String> refusal(String name, String value) {
        return find(name)
                .filter(known -> !known.isNeutral(value))
                .map(known -> "Setting of DataStax's sink that does not exist here: " + known.reason);
    }

    /**
     * What somebody must know who brings a configuration of DataStax's sink.
     *
     * @return one line; empty when no setting shows that it comes from there, or nothing differs
     */
    public static Optional<String> remark(Map<String, String> properties) {
        List<String> foreign = new TreeSet<>(properties.keySet())
                .stream().filter(DataStaxSettings::isOne).toList();
        List<String> differing = foreign.isEmpty() ? List.of() : differing(properties);
        return differing.isEmpty()
                ? Optional.empty()
                : Optional.of("Settings of DataStax's sink found ("
                        + String.join(", ", foreign) + "). Not set here, and with another default than there: "
                        + String.join(", ", differing) + ". See 'Coming from DataStax's sink' in the README");
    }

    private static List<String> differing(Map<String, String> properties) {
        Set<String> options = properties.keySet().stream()
                .map(name -> name.substring(name.lastIndexOf('.') + 1))
                .collect(Collectors.toSet());
        return THEIR_DEFAULTS.keySet().stream()
                .filter(option -> !options.contains(option))
                .map(option -> option + "=" + ourDefault(option) + " (there " + THEIR_DEFAULTS.get(option) + ")")
                .sorted()
                .toList();
    }

    private static Object ourDefault(String option) {
        return option.equals(TableSetting.NULL_TO_UNSET)
                ? RowRules.DEFAULT.nullToUnset()
                : Settings.definition().defaultValues().get(option);
    }
}
