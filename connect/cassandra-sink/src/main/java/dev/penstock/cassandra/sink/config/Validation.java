package dev.penstock.cassandra.sink.config;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.apache.kafka.common.config.ConfigValue;

/** Finds everything that is wrong with a configuration, each on its own setting, and what of it is right. */
public final class Validation {

    private final Map<String, String> properties;
    private final List<ConfigValue> values;
    private final TableConfigs tables;

    /** Check each setting by itself, then the tables, then the rules between settings. The cluster is not asked. */
    public Validation(Map<String, String> written) {
        properties = stripped(written);
        values = new ArrayList<>(Settings.definition().validate(properties));
        Problems problems = new Problems();
        tables = TableConfigs.read(properties, problems);
        values.addAll(tables.values());
        Rules.check(properties, tables.tables(), problems);
        add(problems);
    }

    /** Without blanks around the values: Connect's own parser drops them, so all that compares values must too. */
    private static Map<String, String> stripped(Map<String, String> written) {
        Map<String, String> stripped = new HashMap<>();
        written.forEach((name, value) -> stripped.put(name, value == null ? null : value.strip()));
        return stripped;
    }

    /** The tables whose settings are right. */
    public List<TableConfig> tables() {
        return tables.tables();
    }

    /** The table of a topic that is none of theirs, as is known only when a record of it comes. */
    Optional<TableConfig> table(String topic) {
        return tables.byName(topic);
    }

    /** What stands for the tables of topics that are not known yet. */
    public Optional<TableConfig> later() {
        return tables.byName(TableConfigs.ANY_TOPIC);
    }

    /** The cluster, when all settings that it needs are right. */
    public Optional<ClusterConfig> cluster() {
        boolean right = Settings.ofCluster()
                .allMatch(name -> value(name).errorMessages().isEmpty());
        return right ? Optional.of(ClusterConfig.of(name -> value(name).value(), properties)) : Optional.empty();
    }

    /** A setting that is a number and right. */
    int number(String setting) {
        return (Integer) value(setting).value();
    }

    /** Put problems where a person sees them: on the setting, which is added when the definition does not know it. */
    public void add(Problems problems) {
        problems.bySetting().forEach((name, messages) -> messages.forEach(value(name)::addErrorMessage));
    }

    private ConfigValue value(String name) {
        return values.stream()
                .filter(known -> known.name().equals(name))
                .findFirst()
                .orElseGet(() -> {
                    // Without its value: a misspelt password would be shown.
                    ConfigValue added = new ConfigValue(name, null, new ArrayList<>(), new ArrayList<>());
                    values.add(added);
                    return added;
                });
    }

    /** All settings with what is wrong with them. */
    public List<ConfigValue> values() {
        return values;
    }

    /** Everything that is wrong. */
    Problems problems() {
        Problems problems = new Problems();
        values.forEach(value -> value.errorMessages().forEach(message -> problems.add(value.name(), message)));
        return problems;
    }

    /** What is not wrong, and a person should know: one line each. */
    public List<String> remarks() {
        return Stream.of(DataStaxSettings.remark(properties), Rules.remark(properties), tables.remark())
                .flatMap(Optional::stream)
                .toList();
    }
}
