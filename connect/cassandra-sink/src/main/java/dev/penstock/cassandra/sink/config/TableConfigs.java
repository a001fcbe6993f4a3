package dev.penstock.cassandra.sink.config;

import com.datastax.oss.driver.api.core.DefaultConsistencyLevel;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigValue;

/** Collects the settings {@code topic.<topic>.<keyspace>.<table>.<option>} into one configuration a table. */
final class TableConfigs {

    private final Map<String, String> properties;
    private final Problems problems;
    private final List<TableConfig> tables = new ArrayList<>();
    private final List<ConfigValue> values = new ArrayList<>();

    private TableConfigs(Map<String, String> properties, Problems problems) {
        this.properties = properties;
        this.problems = problems;
    }

    /**
     * Read the tables.
     *
     * @param properties the whole configuration
     * @param problems what is wrong is added here
     */
    static TableConfigs read(Map<String, String> properties, Problems problems) {
        TableConfigs configs = new TableConfigs(properties, problems);
        configs.declaredTables().forEach(table -> configs.read(table).ifPresent(configs.tables::add));
        configs.topicsAlone().map(configs::byName).forEach(configs.tables::add);
        return configs;
    }

    /** A wrong default is a problem of its own setting, not of each table. */
    private String theDefault(String setting) {
        ConfigDef.ConfigKey key = Settings.definition().configKeys().get(setting);
        String value = properties.getOrDefault(setting, (String) key.defaultValue);
        return ((Choice) key.validator).allowed().stream().filter(value::equalsIgnoreCase).findFirst()
                .orElse((String) key.defaultValue);
    }

    /** The topics that are named, keep their names and have no setting: their tables have the topics' names. */
    private Stream<String> topicsAlone() {
        if (Rules.isEmpty(properties, Settings.KEYSPACE) || !Rules.isEmpty(properties, "transforms")) {
            return Stream.empty();
        }
        Set<String> withTable = Rules.topicsWithTable(properties);
        return Rules.topics(properties).filter(topic -> !withTable.contains(topic));
    }

    /** The table of a topic's own name. */
    TableConfig byName(String topic) {
        RowRules rules = RowRules.DEFAULT;
        return new TableConfig(topic, properties.get(Settings.KEYSPACE).strip(), topic, Mapping.BY_NAME,
                DefaultConsistencyLevel.valueOf(theDefault(Settings.CONSISTENCY_LEVEL)),
                new RowRules(rules.ttlSeconds(), rules.ttlUnit(), rules.timestampUnit(), rules.nullToUnset(),
                        rules.deletesEnabled(), RowRulesReader.conversion(this::theDefault)));
    }

    /** The tables that are right. */
    List<TableConfig> tables() {
        return tables;
    }

    /** Every setting of every table, also those left at their defaults; problems are elsewhere. */
    List<ConfigValue> values() {
        return values;
    }

    /** One setting a table, whichever options it has: a table needs no mapping. */
    private Collection<TableSetting> declaredTables() {
        Set<TableSetting> declared = new LinkedHashSet<>();
        for (String name : new TreeMap<>(properties).keySet()) {
            if (TableSetting.isOne(name) && !DataStaxSettings.isOne(name)) {
                TableSetting.parse(name).ifPresentOrElse(
                        setting -> declared.add(setting.sibling(TableSetting.MAPPING)),
                        () -> problems.add(name, "Not understood: write topic.<topic>.<keyspace>.<table>.<option> "
                                + "with one of the options " + TableSetting.OPTIONS.stream().sorted().toList()));
            }
        }
        return declared;
    }

    private Optional<TableConfig> read(TableSetting table) {
        Problems found = new Problems();
        Options options = new Options(table, found);
        Mapping mapping = mapping(table, found);
        RowRules rules = found.isEmpty() ? new RowRulesReader(table, mapping, properties, found).read(options::value)
                : RowRules.DEFAULT;
        problems.addAll(found);
        return found.isEmpty() ? Optional.of(new TableConfig(table.topic(), table.keyspace(), table.table(), mapping,
                DefaultConsistencyLevel.valueOf(options.value(TableSetting.CONSISTENCY_LEVEL).toString()
                        .toUpperCase(Locale.ROOT)), rules)) : Optional.empty();
    }

    private Mapping mapping(TableSetting table, Problems found) {
        String name = table.sibling(TableSetting.MAPPING).name();
        return MappingParser.parse(properties.getOrDefault(name, "*"),
                problem -> found.add(name, "Bad mapping: " + problem));
    }

    /** The parsed options of one table. */
    private final class Options {

        private final Map<String, ConfigValue> byName;
        private final TableSetting table;

        Options(TableSetting table, Problems found) {
            this.table = table;
            byName = TableSettings.definition(table, TableConfigs.this::theDefault).validateAll(properties);
            byName.values().forEach(value -> {
                // Behind a value that is no number, Connect also complains that it has none.
                value.errorMessages().stream().findFirst().ifPresent(message -> found.add(value.name(), message));
                values.add(new ConfigValue(value.name(), value.value(), value.recommendedValues(), new ArrayList<>()));
            });
        }

        Object value(String option) {
            return byName.get(table.sibling(option).name()).value();
        }
    }
}
