package dev.penstock.cassandra.sink.config;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Rules between settings, and settings that nobody knows: a setting without effect is worse than an error. */
final class Rules {

    /** Connect's own; it adds {@code task.class} to what each task is given. */
    private static final Set<String> CONNECT_SETTINGS = Set.of("name", "connector.class", "connector.plugin.version",
            "task.class", "tasks.max", "tasks.max.enforce", "topics", "topics.regex", "config.action.reload",
            "key.converter", "value.converter", "header.converter", "transforms", "predicates");
    private static final List<String> CONNECT_PREFIXES = List.of("key.converter.", "value.converter.",
            "header.converter.", "transforms.", "predicates.", "errors.", "consumer.override.", "producer.override.",
            "admin.override.");

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
        rules.topicsWithoutTable();
        tables.forEach(rules::tableWithoutTopic);
    }

    private void unknownSettings() {
        Set<String> own = Settings.definition().names();
        new TreeSet<>(properties.keySet()).stream()
                .filter(name -> !own.contains(name) && !TableSetting.isOne(name) && !isOfConnect(name))
                .forEach(name -> problems.add(name, "Unknown setting " + name + similar(name, own)));
    }

    private static boolean isOfConnect(String name) {
        return CONNECT_SETTINGS.contains(name) || CONNECT_PREFIXES.stream().anyMatch(name::startsWith);
    }

    private static String similar(String name, Set<String> known) {
        return known.stream().filter(other -> isSlip(simple(other), simple(name))).findFirst()
                .map(other -> "; did you mean " + other + "?")
                .orElse("; it would have no effect, remove it");
    }

    private static boolean isSlip(String known, String written) {
        return known.equals(written) || known.equals(written + "s") || written.equals(known + "s");
    }

    private static String simple(String name) {
        return name.replaceAll("[._-]", "").toLowerCase(java.util.Locale.ROOT);
    }

    private void credentials() {
        boolean user = !properties.getOrDefault(Settings.USERNAME, "").isEmpty();
        boolean password = !properties.getOrDefault(Settings.PASSWORD, "").isEmpty();
        if (user != password) {
            problems.add(user ? Settings.PASSWORD : Settings.USERNAME,
                    "Set both " + Settings.USERNAME + " and " + Settings.PASSWORD + ", or neither");
        }
    }

    private void topicsWithoutTable() {
        Set<String> withTable = properties.keySet().stream().flatMap(name -> TableSetting.parse(name).stream())
                .map(TableSetting::topic).collect(Collectors.toSet());
        topics().filter(topic -> !withTable.contains(topic)).forEach(topic -> problems.add("topics",
                "Topic " + topic + " has no table; set topic." + topic + ".<keyspace>.<table>.mapping"));
    }

    private void tableWithoutTopic(TableConfig table) {
        boolean listed = !properties.containsKey("topics") || topics().anyMatch(table.topic()::equals);
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

    private Stream<String> topics() {
        return Arrays.stream(properties.getOrDefault("topics", "").split(",")).map(String::strip)
                .filter(topic -> !topic.isEmpty());
    }
}
