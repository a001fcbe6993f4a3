package dev.penstock.cassandra.sink.config;

import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Importance;
import org.apache.kafka.common.config.ConfigDef.Type;

/** The settings of one table: defaults, limits, help. Names are DataStax's where the meaning is. */
final class TableSettings {

    /** No expiry but the table's own. */
    static final int NO_TTL = -1;
    /** Cassandra's longest life of a row: 20 years. */
    static final long MAX_TTL_SECONDS = 20L * 365 * 24 * 60 * 60;

    private static final List<String> UNITS =
            Stream.of(TimeUnit.values()).map(Enum::name).toList();
    private static final Choice TTL_UNITS = Choice.of(UNITS);
    private static final Choice TIMESTAMP_UNITS = new Choice(
            UNITS.stream()
                    .filter(unit -> !unit.equals(TimeUnit.NANOSECONDS.name()))
                    .toList(),
            Map.of(
                    "NANOSECONDS",
                    "Cassandra's timestamps are microseconds; two versions within one would become equal"));

    private TableSettings() {}

    /**
     * The definition of a table's settings under their full names.
     *
     * @param table any setting of the table
     * @param defaults values of the connector's settings that have the same names
     */
    static ConfigDef definition(TableSetting table, UnaryOperator<String> defaults) {
        Definition all = new Definition().group(table.keyspace() + "." + table.table());
        Adder of = (option, type, theDefault, validator, help) ->
                all.add(table.sibling(option).name(), type, theDefault, validator, Importance.MEDIUM, option, help);
        of.add(
                TableSetting.MAPPING,
                Type.STRING,
                "*",
                null,
                "Columns and their sources: '*', "
                        + "column=value.field, column=key.field, column=header.name, __timestamp=…, __ttl=….");
        of.add(
                TableSetting.CONSISTENCY_LEVEL,
                Type.STRING,
                defaults.apply(TableSetting.CONSISTENCY_LEVEL),
                Settings.LEVELS,
                "Level at which a write of this table counts as done. DataStax's sink has LOCAL_ONE.");
        of.add(
                TableSetting.TTL,
                Type.INT,
                NO_TTL,
                ConfigDef.Range.atLeast(NO_TTL),
                "Life of a row, in ttlTimeUnit; -1: the table's default_time_to_live, 0: for ever.");
        of.add(
                TableSetting.TTL_UNIT,
                Type.STRING,
                "SECONDS",
                TTL_UNITS,
                "Unit of ttl and __ttl; parts of a second are rounded up.");
        of.add(TableSetting.TIMESTAMP_UNIT, Type.STRING, "MICROSECONDS", TIMESTAMP_UNITS, "Unit of __timestamp.");
        of.add(
                TableSetting.NULL_TO_UNSET,
                Type.BOOLEAN,
                false,
                null,
                "true: a null leaves the column as it is; false: it is written as NULL. DataStax's sink has true.");
        of.add(
                TableSetting.DELETES_ENABLED,
                Type.BOOLEAN,
                true,
                null,
                "true: a record without value deletes its row; false: it is a bad record.");
        of.add(
                TableSetting.CONVERSION,
                Type.STRING,
                defaults.apply(TableSetting.CONVERSION),
                Settings.CONVERSIONS,
                Settings.CONVERSION_HELP);
        of.add(
                TableSetting.TIMESTAMP_PRECISION,
                Type.STRING,
                defaults.apply(TableSetting.TIMESTAMP_PRECISION),
                Settings.PRECISIONS,
                Settings.PRECISION_HELP);
        return all.settings();
    }

    /** Adds an option of one table. */
    private interface Adder {
        void add(String option, Type type, Object theDefault, ConfigDef.Validator validator, String help);
    }
}
