package dev.penstock.cassandra.sink.config;

import java.util.Optional;
import java.util.Set;

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
    static final Set<String> OPTIONS = Set.of(
            MAPPING,
            CONSISTENCY_LEVEL,
            TTL,
            TTL_UNIT,
            TIMESTAMP_UNIT,
            NULL_TO_UNSET,
            DELETES_ENABLED,
            CONVERSION,
            TIMESTAMP_PRECISION);

    private static final String PREFIX = "topic.";

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
        if (!isOne(name) || keyspace <= PREFIX.length() || !OPTIONS.contains(name.substring(option + 1))) {
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
