package dev.penstock.cassandra.sink.config;

import java.io.File;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Rules between settings, and names that are slips: a setting without effect is worse than an error. */
final class Rules {

    private static final Set<String> OWN = Settings.definition().names();
    /** Two letters may be wrong in a name of so many, one in a shorter one. */
    private static final int LONG_NAME = 8;

    private final Map<String, String> properties;
    private final Problems problems;

    private Rules(Map<String, String> properties, Problems problems) {
        this.properties = properties;
        this.problems = problems;
    }

    /** Add to {@code problems} what breaks a rule. */
    static void check(Map<String, String> properties, List<TableConfig> tables, Problems problems) {
        Rules rules = new Rules(properties, problems);
        rules.unknownSettings();
        rules.credentials();
        rules.deadLetters();
        rules.bundle();
        DriverOptions.check(properties, problems);
        TlsSettings.check(properties, problems);
        rules.topicsWithoutTable();
        tables.forEach(rules::tableWithoutTopic);
    }

    private void unknownSettings() {
        for (String name : new TreeSet<>(properties.keySet())) {
            if (DataStaxSettings.isOne(name)) {
                DataStaxSettings.refusal(name, value(name)).ifPresent(reason -> problems.add(name, reason));
            } else if (LensesSettings.isOne(name)) {
                problems.add(name, LensesSettings.refusal(name));
            } else if (isUnknown(name, properties)) {
                slip(name).ifPresent(advice -> problems.add(name, "Unknown setting " + name + "; " + advice));
            }
        }
    }

    private static boolean isUnknown(String name, Map<String, String> properties) {
        return !OWN.contains(name)
                && !TableSetting.isOne(name)
                && !DriverOptions.isOne(name)
                && !DataStaxSettings.isOne(name)
                && !LensesSettings.isOne(name)
                && !ConnectSettings.isOne(name, properties);
    }

    /** What is wrong with an unknown name; empty when it may be somebody else's, or of a Connect of later times. */
    private Optional<String> slip(String name) {
        String plain = plain(name);
        int letters = plain.length() < LONG_NAME ? 1 : 2;
        Optional<String> meant = Stream.concat(OWN.stream(), ConnectSettings.NAMES.stream())
                .filter(other -> distance(plain, plain(other)) <= letters)
                .sorted()
                .findFirst();
        boolean ours = OWN.stream().anyMatch(other -> name.startsWith(prefix(other)));
        return meant.map(other -> "did you mean " + other + "?")
                .or(() -> ours || ConnectSettings.isUnlisted(name, properties)
                        ? Optional.of("it would have no effect, remove it")
                        : Optional.empty());
    }

    /** The group of a setting with its dot; of a name without one the name, which nothing else begins with. */
    private static String prefix(String name) {
        return name.contains(".") ? name.substring(0, name.indexOf('.') + 1) : name + ".";
    }

    private static String plain(String name) {
        return name.replaceAll("[._-]", "").toLowerCase(Locale.ROOT);
    }

    /** How many letters must be typed or deleted to make one of the other. */
    private static int distance(String one, String other) {
        int[] row = IntStream.rangeClosed(0, other.length()).toArray();
        for (int i = 1; i <= one.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= other.length(); j++) {
                int changed = diagonal + (one.charAt(i - 1) == other.charAt(j - 1) ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.min(changed, 1 + Math.min(row[j], row[j - 1]));
            }
        }
        return row[other.length()];
    }

    /** Names that nobody here knows, and that are no slips: a vendor's, or of a later Connect. */
    static Optional<String> remark(Map<String, String> properties) {
        String names = new TreeSet<>(properties.keySet())
                .stream().filter(name -> isUnknown(name, properties)).collect(Collectors.joining(", "));
        return names.isEmpty()
                ? Optional.empty()
                : Optional.of("Settings that the connector does not know, and that have no effect in it: " + names);
    }

    /** The value as written; Connect lets a value be null. */
    private String value(String name) {
        return Objects.requireNonNullElse(properties.get(name), "");
    }

    private void credentials() {
        boolean user = !value(Settings.USERNAME).isEmpty();
        boolean password = !value(Settings.PASSWORD).isEmpty();
        boolean plain = Settings.PLAIN.equalsIgnoreCase(value(Settings.AUTH_PROVIDER));
        if (user != password) {
            problems.add(
                    user ? Settings.PASSWORD : Settings.USERNAME,
                    "Set both " + Settings.USERNAME + " and " + Settings.PASSWORD + ", or neither");
        } else if (plain && !user) {
            problems.add(
                    Settings.USERNAME,
                    Settings.AUTH_PROVIDER + "=" + Settings.PLAIN + " needs " + Settings.USERNAME + " and "
                            + Settings.PASSWORD);
        }
    }

    /** With a log of errors alone Connect says of each record that it is put aside, and nobody has it. */
    private void deadLetters() {
        if (value("errors.tolerance").equalsIgnoreCase("all")
                && value("errors.deadletterqueue.topic.name").isBlank()) {
            problems.add(
                    "errors.tolerance",
                    "Bad records would be lost; set errors.deadletterqueue.topic.name, or errors.tolerance=none");
        }
    }

    private void bundle() {
        if (isEmpty(properties, Settings.SECURE_BUNDLE)) {
            return;
        }
        Stream.of(Settings.CONTACT_POINTS, Settings.LOCAL_DC)
                .filter(name -> !isEmpty(properties, name))
                .forEach(name ->
                        problems.add(name, "Says what the bundle of " + Settings.SECURE_BUNDLE + " says; remove it"));
        if (Settings.JDK.equalsIgnoreCase(value(Settings.SSL_PROVIDER))) {
            problems.add(Settings.SSL_PROVIDER, "The bundle of " + Settings.SECURE_BUNDLE + " encrypts; remove it");
        }
        if (!new File(value(Settings.SECURE_BUNDLE)).canRead()) {
            problems.add(
                    Settings.SECURE_BUNDLE, "No readable file " + value(Settings.SECURE_BUNDLE) + " on this worker");
        }
    }

    private void topicsWithoutTable() {
        if (isRenaming() || !isEmpty(properties, Settings.KEYSPACE)) {
            return;
        }
        Set<String> withTable = topicsWithTable(properties);
        topics(properties)
                .filter(topic -> !withTable.contains(topic))
                .forEach(topic -> problems.add(
                        "topics",
                        "Topic " + topic + " has no table; set topic." + topic + ".<keyspace>.<table>.mapping, or "
                                + Settings.KEYSPACE + " for tables of the topics' names"));
    }

    /** A transform may give records another topic; a setting names the old one or the new one. */
    private boolean isRenaming() {
        return !isEmpty(properties, "transforms");
    }

    /** Tell whether a setting is not set, or to nothing. */
    static boolean isEmpty(Map<String, String> properties, String name) {
        return Objects.requireNonNullElse(properties.get(name), "").isBlank();
    }

    /** The topics that have a setting of their own. */
    static Set<String> topicsWithTable(Map<String, String> properties) {
        return properties.keySet().stream()
                .flatMap(name -> TableSetting.parse(name).stream())
                .map(TableSetting::topic)
                .collect(Collectors.toSet());
    }

    private void tableWithoutTopic(TableConfig table) {
        if (isRenaming()) {
            return;
        }
        boolean listed = !properties.containsKey("topics") || topics(properties).anyMatch(table.topic()::equals);
        if (!listed || !matchesRegex(table.topic())) {
            problems.add(table.mappingSetting(), "Topic " + table.topic() + " is not one of the connector's topics");
        }
    }

    private boolean matchesRegex(String topic) {
        try {
            String regex = properties.getOrDefault("topics.regex", "");
            return regex.isEmpty() || Pattern.matches(regex, topic);
        } catch (PatternSyntaxException e) {
            return true; // Connect itself refuses a broken expression.
        }
    }

    /** The topics that are named one by one. */
    static Stream<String> topics(Map<String, String> properties) {
        return Arrays.stream(properties.getOrDefault("topics", "").split(","))
                .map(String::strip)
                .filter(topic -> !topic.isEmpty());
    }
}
