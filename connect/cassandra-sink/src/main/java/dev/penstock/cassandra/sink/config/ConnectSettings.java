package dev.penstock.cassandra.sink.config;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The settings that Kafka Connect itself knows of a sink connector. */
final class ConnectSettings {

    /** Connect adds {@code task.class} to what each task is given. */
    static final Set<String> NAMES = Set.of(
            "name",
            "connector.class",
            "connector.plugin.version",
            "task.class",
            "tasks.max",
            "tasks.max.enforce",
            "topics",
            "topics.regex",
            "config.action.reload",
            "key.converter",
            "value.converter",
            "header.converter",
            "transforms",
            "predicates",
            "errors.retry.timeout",
            "errors.retry.delay.max.ms",
            "errors.tolerance",
            "errors.log.enable",
            "errors.log.include.messages",
            "errors.deadletterqueue.topic.name",
            "errors.deadletterqueue.topic.replication.factor",
            "errors.deadletterqueue.context.headers.enable");

    private static final List<String> PREFIXES = List.of(
            "key.converter.",
            "value.converter.",
            "header.converter.",
            "consumer.override.",
            "producer.override.",
            "admin.override.");
    /** Settings that belong to names in a list, which is another setting. */
    private static final List<String> LISTS = List.of("transforms", "predicates");

    private ConnectSettings() {}

    /** Tell whether a setting is one of Connect's. */
    static boolean isOne(String name, Map<String, String> properties) {
        return NAMES.contains(name)
                || PREFIXES.stream().anyMatch(name::startsWith)
                || LISTS.stream().anyMatch(list -> isListed(name, list, properties.getOrDefault(list, "")));
    }

    /** Tell whether a setting would be one if its name were in the list that it belongs to. */
    static boolean isUnlisted(String name, Map<String, String> properties) {
        return LISTS.stream().anyMatch(list -> name.startsWith(list + ".")) && !isOne(name, properties);
    }

    private static boolean isListed(String name, String list, String aliases) {
        return Arrays.stream(aliases.split(","))
                .map(String::strip)
                .filter(alias -> !alias.isEmpty())
                .anyMatch(alias -> name.startsWith(list + "." + alias + "."));
    }
}
