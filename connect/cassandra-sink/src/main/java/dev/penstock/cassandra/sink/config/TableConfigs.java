package dev.penstock.cassandra.sink.config;

import com.datastax.oss.driver.api.core.DefaultConsistencyLevel;
import dev.penstock.cassandra.sink.value.Conversion;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigValue;

/** Collects the settings {@code topic.<topic>.<keyspace>.<table>.<option>} into one configuration a table. */
final class TableConfigs {

    /** Stands for each topic that is not known yet. */
    static final String ANY_TOPIC = "<topic>";
    /** What a mapping without {@code __timestamp} means. */
    private static final String USUAL_VERSION = ", __timestamp=" + new Source(Source.Part.RECORD, Source.TIMESTAMP);

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
        Stream.concat(configs.declaredTables().stream(), configs.topicsAlone().flatMap(configs::ofItsName))
                .forEach(setting -> {
                    Table table = configs.new Table(setting);
                    configs.values.addAll(table.values());
                    table.read().ifPresent(configs.tables::add);
                });
        return configs;
    }

    /** A wrong default is a problem of its own setting, not of each table. */
    private String theDefault(String setting) {
        ConfigDef.ConfigKey key = Settings.definition().configKeys().get(setting);
        String value = properties.getOrDefault(setting, (String) key.defaultValue);
        return ((Choice) key.validator)
                .allowed().stream().filter(value::equalsIgnoreCase).findFirst().orElse((String) key.defaultValue);
    }

    /** The topics that are named, keep their names and have no setting: their tables have the topics' names. */
    private Stream<String> topicsAlone() {
        Set<String> withTable = Rules.topicsWithTable(properties);
        return Rules.isEmpty(properties, "transforms")
                ? Rules.topics(properties).filter(topic -> !withTable.contains(topic))
                : Stream.empty();
    }

    /** The table of a topic's own name; none when each topic needs a setting. */
    private Stream<TableSetting> ofItsName(String topic) {
        return Rules.isEmpty(properties, Settings.KEYSPACE)
                ? Stream.empty()
                : Stream.of(new TableSetting(
                        topic, properties.get(Settings.KEYSPACE).strip(), topic, TableSetting.MAPPING));
    }

    /** The table of a topic that is none of theirs; empty when each topic needs a setting. */
    Optional<TableConfig> byName(String topic) {
        return ofItsName(topic).findFirst().map(setting -> new Table(setting).config());
    }

    /** The tables that are right. */
    List<TableConfig> tables() {
        return tables;
    }

    /** Every setting of every table, also those left at their defaults; problems are elsewhere. */
    List<ConfigValue> values() {
        return values;
    }

    /** Whose version is the usual one: of two changes in one millisecond Cassandra would mix a third row. */
    Optional<String> remark() {
        String names = Stream.concat(tables.stream(), byName(ANY_TOPIC).stream())
                .filter(table -> table.mapping().timestamp().isEmpty())
                .map(TableConfig::qualifiedName)
                .distinct()
                .collect(Collectors.joining(", "));
        return names.isEmpty()
                ? Optional.empty()
                : Optional.of("The version of a row is the time of its record in "
                        + names + ", and two changes of one row in the same millisecond have one version; "
                        + "__timestamp=record.offset in the mapping tells them apart. See 'Mapping' in the README");
    }

    /** One setting a table, whichever options it has: a table needs no mapping. */
    private Collection<TableSetting> declaredTables() {
        Set<TableSetting> declared = new LinkedHashSet<>();
        for (String name : new TreeMap<>(properties).keySet()) {
            if (TableSetting.isOne(name) && !DataStaxSettings.isOne(name)) {
                TableSetting.parse(name)
                        .ifPresentOrElse(
                                setting -> declared.add(setting.sibling(TableSetting.MAPPING)),
                                () -> problems.add(
                                        name,
                                        "Not understood: write topic.<topic>.<keyspace>.<table>.<option> "
                                                + "with one of the options "
                                                + TableSetting.OPTIONS.names().stream()
                                                        .sorted()
                                                        .toList()));
            }
        }
        return declared;
    }

    /** One table, whose options are parsed. */
    private final class Table {

        private final TableSetting table;
        private final Problems found = new Problems();
        private final Mapping mapping;
        private final Map<String, ConfigValue> options;

        Table(TableSetting table) {
            this.table = table;
            mapping = MappingParser.parse(
                    properties.getOrDefault(name(TableSetting.MAPPING), "*"),
                    problem -> found.add(name(TableSetting.MAPPING), "Bad mapping: " + problem));
            options = TableSetting.OPTIONS.validateAll(given());
            // Behind a value that is no number, Connect also complains that it has none.
            options.forEach((option, value) ->
                    value.errorMessages().stream().findFirst().ifPresent(message -> found.add(name(option), message)));
        }

        List<ConfigValue> values() {
            return options.values().stream()
                    .map(value -> new ConfigValue(
                            name(value.name()), shown(value), value.recommendedValues(), new ArrayList<>()))
                    .toList();
        }

        /** The options by their own names, the connector's where the table has none. */
        private Map<String, String> given() {
            Map<String, String> given = new HashMap<>();
            TableSetting.INHERITED.forEach(option -> given.put(option, theDefault(option)));
            TableSetting.OPTIONS.names().stream()
                    .filter(option -> properties.containsKey(name(option)))
                    .forEach(option -> given.put(option, properties.get(name(option))));
            return given;
        }

        private String name(String option) {
            return table.sibling(option).name();
        }

        /** A mapping is shown with the version that it means. */
        private Object shown(ConfigValue value) {
            boolean usual = value.name().equals(TableSetting.MAPPING)
                    && mapping.timestamp().isEmpty();
            return usual ? value.value() + USUAL_VERSION : value.value();
        }

        private Object value(String option) {
            return options.get(option).value();
        }

        private TimeUnit unit(String option) {
            return TimeUnit.valueOf(value(option).toString().toUpperCase(Locale.ROOT));
        }

        Optional<TableConfig> read() {
            Optional<TableConfig> config = found.isEmpty() ? Optional.of(config()) : Optional.empty();
            problems.addAll(found);
            return config.filter(right -> found.isEmpty());
        }

        private TableConfig config() {
            RowRules rules = new RowRules(
                    ttlSeconds(),
                    unit(TableSetting.TTL_UNIT),
                    unit(TableSetting.TIMESTAMP_UNIT),
                    (Boolean) value(TableSetting.NULL_TO_UNSET),
                    (Boolean) value(TableSetting.DELETES_ENABLED),
                    new Conversion(
                            Settings.LENIENT.equalsIgnoreCase(
                                    value(TableSetting.CONVERSION).toString()),
                            Settings.FLOOR.equalsIgnoreCase(
                                    value(TableSetting.TIMESTAMP_PRECISION).toString())));
            versionOfDeletes(rules);
            unitsWithoutEffect(rules);
            return new TableConfig(
                    table.topic(),
                    table.keyspace(),
                    table.table(),
                    mapping,
                    DefaultConsistencyLevel.valueOf(
                            value(TableSetting.CONSISTENCY_LEVEL).toString().toUpperCase(Locale.ROOT)),
                    rules);
        }

        private boolean hasTtl() {
            return (Integer) value(TableSetting.TTL) != TableSetting.NO_TTL;
        }

        private OptionalInt ttlSeconds() {
            int ttl = (Integer) value(TableSetting.TTL);
            TimeUnit unit = unit(TableSetting.TTL_UNIT);
            OptionalInt seconds = hasTtl() ? RowRules.seconds(ttl, unit) : OptionalInt.empty();
            if (hasTtl() && seconds.isEmpty()) {
                found.add(
                        name(TableSetting.TTL),
                        ttl + " " + unit + " is more than the " + RowRules.MAX_TTL_SECONDS
                                + " seconds (20 years) that Cassandra takes");
            }
            return seconds;
        }

        private void versionOfDeletes(RowRules rules) {
            mapping.timestamp()
                    .filter(source -> rules.deletesEnabled() && source.part() == Source.Part.VALUE)
                    .ifPresent(source -> found.add(
                            name(TableSetting.MAPPING),
                            "Bad mapping: __timestamp=" + source
                                    + ": a delete has no value, so its timestamp must come from the key or a header; "
                                    + "or set " + name(TableSetting.DELETES_ENABLED) + "=false"));
        }

        private void unitsWithoutEffect(RowRules rules) {
            if (rules.ttlUnit() != RowRules.DEFAULT.ttlUnit()
                    && !hasTtl()
                    && mapping.ttl().isEmpty()) {
                withoutEffect(TableSetting.TTL_UNIT, "set " + TableSetting.TTL + " or map __ttl");
            }
            if (rules.timestampUnit() != RowRules.DEFAULT.timestampUnit()
                    && mapping.timestamp()
                            .filter(source -> source.part() != Source.Part.RECORD)
                            .isEmpty()) {
                withoutEffect(
                        TableSetting.TIMESTAMP_UNIT,
                        "map __timestamp to a field or header (the timestamp of "
                                + "the record itself is always in milliseconds, its offset has no unit)");
            }
        }

        private void withoutEffect(String option, String advice) {
            found.add(name(option), properties.get(name(option)) + " has no effect: " + advice + ", or remove it");
        }
    }
}
