package dev.penstock.cassandra.sink.config;

import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.apache.kafka.common.config.ConfigDef;

/**
 * The name of a setting of one table: {@code topic.<topic>.<keyspace>.<table>.<option>}.
 *
 * @param topic the Kafka topic, which may contain dots
 * @param keyspace the keyspace, exactly as it is called
 * @param table the table, exactly as it is called
 * @param option what is set
 */
public record TableSetting(String topic, String keyspace, String table, String option) {

    static final String MAPPING = "mapping";
    /** The consistency level of the table's writes. */
    public static final String CONSISTENCY_LEVEL = "consistencyLevel";

    static final String TTL = "ttl";
    static final String TTL_UNIT = "ttlTimeUnit";
    static final String TIMESTAMP_UNIT = "timestampTimeUnit";
    static final String NULL_TO_UNSET = "nullToUnset";
    /** Whether a record without value deletes its row. */
    public static final String DELETES_ENABLED = "deletesEnabled";

    static final String CONVERSION = "conversion";
    static final String TIMESTAMP_PRECISION = "timestampPrecision";
    /** No expiry but the table's own. */
    static final int NO_TTL = -1;
    /** Options whose default is the connector's setting of the same name. */
    static final List<String> INHERITED = List.of(CONSISTENCY_LEVEL, CONVERSION, TIMESTAMP_PRECISION);

    /** Every option: kind, default, limits. What it means is in the README, as Connect shows no help for tables. */
    static final ConfigDef OPTIONS = options();

    private static final String PREFIX = "topic.";

    private static ConfigDef options() {
        List<String> units = Stream.of(TimeUnit.values()).map(Enum::name).toList();
        Choice timestampUnits = new Choice(
                units.stream().filter(unit -> !unit.equals("NANOSECONDS")).toList(),
                Map.of(
                        "NANOSECONDS",
                        "Cassandra's timestamps are microseconds; two versions within one would become equal"));
        Definition all = new Definition();
        all.text(MAPPING, "*").unseen();
        all.number(TTL, NO_TTL, ConfigDef.Range.atLeast(NO_TTL)).unseen();
        all.choice(TTL_UNIT, "SECONDS", Choice.of(units)).unseen();
        all.choice(TIMESTAMP_UNIT, "MICROSECONDS", timestampUnits).unseen();
        all.flag(NULL_TO_UNSET, false).unseen();
        all.flag(DELETES_ENABLED, true).unseen();
        INHERITED.forEach(option ->
                all.settings().define(Settings.definition().configKeys().get(option)));
        return all.settings();
    }

    /** Tell whether a setting wants to be one of a table. */
    public static boolean isOne(String name) {
        return name.startsWith(PREFIX);
    }

    /**
     * Take the name of a setting apart, from the right: only a topic may contain dots.
     *
     * @return empty when a part is missing or the option is not one of {@link #OPTIONS}
     */
    public static Optional<TableSetting> parse(String name) {
        int option = name.lastIndexOf('.');
        int table = name.lastIndexOf('.', option - 1);
        int keyspace = name.lastIndexOf('.', table - 1);
        if (!isOne(name) || keyspace <= PREFIX.length() || !OPTIONS.names().contains(name.substring(option + 1))) {
            return Optional.empty();
        }
        TableSetting setting = new TableSetting(
                name.substring(PREFIX.length(), keyspace),
                name.substring(keyspace + 1, table),
                name.substring(table + 1, option),
                name.substring(option + 1));
        return setting.keyspace.isEmpty() || setting.table.isEmpty() ? Optional.empty() : Optional.of(setting);
    }

    /** The setting of another option of the same table. */
    public TableSetting sibling(String otherOption) {
        return new TableSetting(topic, keyspace, table, otherOption);
    }

    /** The full name, as a person writes it. */
    public String name() {
        return PREFIX + topic + "." + keyspace + "." + table + "." + option;
    }
}
