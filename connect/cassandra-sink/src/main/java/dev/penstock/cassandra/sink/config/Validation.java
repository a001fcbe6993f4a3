package dev.penstock.cassandra.sink.config;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.apache.kafka.common.config.ConfigValue;

/** Finds everything that is wrong with a configuration, each on its own setting, and what of it is right. */
public final class Validation {

    private final Map<String, String> properties;
    private final List<ConfigValue> values;
    private final List<TableConfig> tables;

    /** Check each setting by itself, then the tables, then the rules between settings. The cluster is not asked. */
    public Validation(Map<String, String> properties) {
        this.properties = properties;
        values = new ArrayList<>(Settings.definition().validate(properties));
        Problems problems = new Problems();
        TableConfigs read = TableConfigs.read(properties, problems);
        tables = read.tables();
        values.addAll(read.values());
        Rules.check(properties, tables, problems);
        add(problems);
    }

    /** The tables whose settings are right. */
    public List<TableConfig> tables() {
        return tables;
    }

    /** The cluster, when all settings that it needs are right. */
    public Optional<ClusterConfig> cluster() {
        Map<String, ConfigValue> byName =
                values.stream().collect(Collectors.toMap(ConfigValue::name, Function.identity()));
        boolean right = ClusterConfig.SETTINGS.stream().allMatch(name -> byName.get(name).errorMessages().isEmpty());
        return right ? Optional.of(ClusterConfig.of(name -> byName.get(name).value(), properties)) : Optional.empty();
    }

    /** Put problems where a person sees them: on the setting, which is added when the definition does not know it. */
    public void add(Problems problems) {
        problems.bySetting().forEach((name, messages) -> messages.forEach(value(name)::addErrorMessage));
    }

    private ConfigValue value(String name) {
        return values.stream().filter(known -> known.name().equals(name)).findFirst().orElseGet(() -> {
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
}
