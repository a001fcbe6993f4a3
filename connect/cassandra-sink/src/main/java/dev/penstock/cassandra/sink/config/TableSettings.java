package dev.penstock.cassandra.sink.config;

import static dev.penstock.cassandra.sink.config.TableSetting.CONSISTENCY_LEVEL;
import static dev.penstock.cassandra.sink.config.TableSetting.CONVERSION;
import static dev.penstock.cassandra.sink.config.TableSetting.DELETES_ENABLED;
import static dev.penstock.cassandra.sink.config.TableSetting.MAPPING;
import static dev.penstock.cassandra.sink.config.TableSetting.NULL_TO_UNSET;
import static dev.penstock.cassandra.sink.config.TableSetting.TIMESTAMP_PRECISION;
import static dev.penstock.cassandra.sink.config.TableSetting.TIMESTAMP_UNIT;
import static dev.penstock.cassandra.sink.config.TableSetting.TTL;
import static dev.penstock.cassandra.sink.config.TableSetting.TTL_UNIT;
import static org.apache.kafka.common.config.ConfigDef.Importance.MEDIUM;

import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.apache.kafka.common.config.ConfigDef;

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
        UnaryOperator<String> name = option -> table.sibling(option).name();
        all.text(name.apply(MAPPING), "*")
                .shown(
                        MEDIUM,
                        MAPPING,
                        "Columns and their sources: '*', column=value.field, column=key.field, column=header.name, "
                                + "__timestamp=…, __ttl=….");
        all.choice(name.apply(CONSISTENCY_LEVEL), defaults.apply(CONSISTENCY_LEVEL), Settings.LEVELS)
                .shown(
                        MEDIUM,
                        CONSISTENCY_LEVEL,
                        "Level at which a write of this table counts as done. DataStax's sink has LOCAL_ONE.");
        all.number(name.apply(TTL), NO_TTL, ConfigDef.Range.atLeast(NO_TTL))
                .shown(
                        MEDIUM,
                        TTL,
                        "Life of a row, in ttlTimeUnit; -1: the table's default_time_to_live, 0: for ever.");
        all.choice(name.apply(TTL_UNIT), "SECONDS", TTL_UNITS)
                .shown(MEDIUM, TTL_UNIT, "Unit of ttl and __ttl; parts of a second are rounded up.");
        all.choice(name.apply(TIMESTAMP_UNIT), "MICROSECONDS", TIMESTAMP_UNITS)
                .shown(MEDIUM, TIMESTAMP_UNIT, "Unit of __timestamp.");
        all.flag(name.apply(NULL_TO_UNSET), false)
                .shown(
                        MEDIUM,
                        NULL_TO_UNSET,
                        "true: a null leaves the column as it is; false: it is written as NULL. DataStax's sink has "
                                + "true.");
        all.flag(name.apply(DELETES_ENABLED), true)
                .shown(
                        MEDIUM,
                        DELETES_ENABLED,
                        "true: a record without value deletes its row; false: it is a bad record.");
        all.choice(name.apply(CONVERSION), defaults.apply(CONVERSION), Settings.CONVERSIONS)
                .shown(MEDIUM, CONVERSION, Settings.CONVERSION_HELP);
        all.choice(name.apply(TIMESTAMP_PRECISION), defaults.apply(TIMESTAMP_PRECISION), Settings.PRECISIONS)
                .shown(MEDIUM, TIMESTAMP_PRECISION, Settings.PRECISION_HELP);
        return all.settings();
    }
}
