package dev.penstock.cassandra.sink.config;

import com.datastax.oss.driver.api.core.DefaultConsistencyLevel;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.apache.kafka.common.config.ConfigException;

/** Collects the settings {@code topic.<topic>.<keyspace>.<table>.<option>} into one configuration a table. */
final class TableConfigs {

    private final Map<String, String> properties;
    private final String defaultLevel;
    private final Problems problems;

    private TableConfigs(Map<String, String> properties, String defaultLevel, Problems problems) {
        this.properties = properties;
        this.defaultLevel = defaultLevel;
        this.problems = problems;
    }

    /**
     * Read the tables.
     *
     * @param properties the whole configuration
     * @param defaultLevel consistency level of tables that name none
     * @param problems what is wrong is added here
     * @return the tables that are right
     */
    static List<TableConfig> read(Map<String, String> properties, String defaultLevel, Problems problems) {
        return new TableConfigs(properties, defaultLevel, problems).tables();
    }

    private List<TableConfig> tables() {
        List<TableConfig> tables = new ArrayList<>();
        for (TableSetting table : declaredTables()) {
            int before = problems.bySetting().size();
            Mapping mapping = mapping(table);
            String level = level(table.sibling(TableSetting.CONSISTENCY_LEVEL));
            if (problems.bySetting().size() == before) {
                tables.add(new TableConfig(table.topic(), table.keyspace(), table.table(), mapping,
                        DefaultConsistencyLevel.valueOf(level.toUpperCase(Locale.ROOT))));
            }
        }
        return tables;
    }

    /** One setting a table, whichever options it has: a table needs no mapping. */
    private Collection<TableSetting> declaredTables() {
        Set<TableSetting> declared = new LinkedHashSet<>();
        for (String name : new TreeMap<>(properties).keySet()) {
            if (TableSetting.isOne(name)) {
                TableSetting.parse(name).ifPresentOrElse(
                        setting -> declared.add(setting.sibling(TableSetting.MAPPING)),
                        () -> problems.add(name, "Not understood: write topic.<topic>.<keyspace>.<table>.<option> "
                                + "with one of the options " + TableSetting.OPTIONS.stream().sorted().toList()));
            }
        }
        return declared;
    }

    private Mapping mapping(TableSetting setting) {
        String text = properties.get(setting.name());
        if (text == null) {
            return Mapping.BY_NAME;
        }
        try {
            return MappingParser.parse(text);
        } catch (MappingSyntaxException e) {
            e.problems().forEach(problem -> problems.add(setting.name(), "Bad mapping: " + problem));
            return Mapping.BY_NAME;
        }
    }

    private String level(TableSetting setting) {
        String level = properties.getOrDefault(setting.name(), defaultLevel);
        try {
            new Settings.ConsistencyLevels().ensureValid(setting.name(), level);
        } catch (ConfigException e) {
            if (properties.containsKey(setting.name())) {
                problems.add(setting.name(), e.getMessage());
            }
            return Settings.CONSISTENCY_LEVELS.get(0);
        }
        return level;
    }
}
