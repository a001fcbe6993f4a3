package dev.penstock.cassandra.sink.config;

import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.apache.kafka.common.config.ConfigDef.Importance;
import org.apache.kafka.common.config.ConfigDef.Type;
import org.apache.kafka.common.config.ConfigDef.Width;
import org.apache.kafka.common.config.ConfigDef;

/** The settings of one table: defaults, limits, help. Names are DataStax's where the meaning is. */
final class TableSettings {

    /** No expiry but the table's own. */
    static final int NO_TTL = -1;
    /** Cassandra's longest life of a row: 20 years. */
    static final long MAX_TTL_SECONDS = 20L * 365 * 24 * 60 * 60;

    private static final List<String> UNITS = Stream.of(TimeUnit.values()).map(Enum::name).toList();
    private static final Choice LEVELS = Choice.of(Settings.CONSISTENCY_LEVELS);
    private static final Choice TTL_UNITS = Choice.of(UNITS);
    private static final Choice TIMESTAMP_UNITS = new Choice(
            UNITS.stream().filter(unit -> !unit.equals(TimeUnit.NANOSECONDS.name())).toList(),
            Map.of("NANOSECONDS",
                    "Cassandra's timestamps are microseconds; two versions within one would become equal"));
    private static final Choice BOOLEANS = Choice.of(List.of("false", "true"));

    private TableSettings() {
    }

    /**
     * The definition of a table's settings under their full names.
     *
     * @param table any setting of the table
     * @param defaults values of the connector's settings that have the same names
     */
    static ConfigDef definition(TableSetting table, UnaryOperator<String> defaults) {
        Definition definition = new Definition(table);
        definition.add(TableSetting.MAPPING, Type.STRING, "*", null, "Columns and their sources: '*', "
                + "column=value.field, column=key.field, column=header.name, __timestamp=…, __ttl=….");
        definition.add(TableSetting.CONSISTENCY_LEVEL, Type.STRING,
                defaults.apply(TableSetting.CONSISTENCY_LEVEL), LEVELS,
                "Level at which a write of this table counts as done. DataStax's sink has LOCAL_ONE.");
        definition.add(TableSetting.TTL, Type.INT, NO_TTL, ConfigDef.Range.atLeast(NO_TTL),
                "Life of a row, in ttlTimeUnit; -1: the table's default_time_to_live, 0: for ever.");
        definition.add(TableSetting.TTL_UNIT, Type.STRING, "SECONDS", TTL_UNITS,
                "Unit of ttl and __ttl; parts of a second are rounded up.");
        definition.add(TableSetting.TIMESTAMP_UNIT, Type.STRING, "MICROSECONDS", TIMESTAMP_UNITS,
                "Unit of __timestamp.");
        definition.add(TableSetting.NULL_TO_UNSET, Type.BOOLEAN, false, null,
                "true: a null leaves the column as it is; false: it is written as NULL. DataStax's sink has true.");
        definition.add(TableSetting.DELETES_ENABLED, Type.BOOLEAN, true, null,
                "true: a record without value deletes its row; false: it is a bad record.");
        definition.add(TableSetting.CONVERSION, Type.STRING, defaults.apply(TableSetting.CONVERSION),
                Settings.CONVERSIONS, Settings.CONVERSION_HELP);
        definition.add(TableSetting.TIMESTAMP_PRECISION, Type.STRING, defaults.apply(TableSetting.TIMESTAMP_PRECISION),
                Settings.PRECISIONS, Settings.PRECISION_HELP);
        return definition.settings;
    }

    /** Adds settings under their full names. */
    private static final class Definition {

        private final ConfigDef settings = new ConfigDef();
        private final TableSetting table;

        Definition(TableSetting table) {
            this.table = table;
        }

        void add(String option, Type type, Object theDefault, ConfigDef.Validator validator, String help) {
            ConfigDef.Recommender values = validator instanceof Choice choice ? choice
                    : type == Type.BOOLEAN ? BOOLEANS : null;
            settings.define(table.sibling(option).name(), type, theDefault, validator, Importance.MEDIUM, help,
                    table.keyspace() + "." + table.table(), settings.names().size() + 1, Width.MEDIUM, option, values);
        }
    }
}
