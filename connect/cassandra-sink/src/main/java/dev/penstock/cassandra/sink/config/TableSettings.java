package dev.penstock.cassandra.sink.config;

import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
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

    private static final List<String> UNITS = Stream.of(TimeUnit.values()).map(Enum::name).toList();
    private static final List<String> EXACT_UNITS = UNITS.stream()
            .filter(unit -> !unit.equals(TimeUnit.NANOSECONDS.name())).toList();

    private TableSettings() {
    }

    /**
     * The definition of a table's settings under their full names.
     *
     * @param table any setting of the table
     * @param defaultLevel consistency level when the table names none
     */
    static ConfigDef definition(TableSetting table, String defaultLevel) {
        return new ConfigDef()
                .define(table.sibling(TableSetting.MAPPING).name(), Type.STRING, "*", Importance.HIGH,
                        "Columns and their sources: '*', column=value.field, column=key.field, column=header.name, "
                                + "__timestamp=…, __ttl=….")
                .define(table.sibling(TableSetting.CONSISTENCY_LEVEL).name(), Type.STRING, defaultLevel,
                        Choice.of(Settings.CONSISTENCY_LEVELS), Importance.MEDIUM,
                        "Level at which a write of this table counts as done.")
                .define(table.sibling(TableSetting.TTL).name(), Type.INT, NO_TTL, ConfigDef.Range.atLeast(NO_TTL),
                        Importance.MEDIUM,
                        "Life of a row, in ttlTimeUnit; -1: the table's default_time_to_live, 0: for ever.")
                .define(table.sibling(TableSetting.TTL_UNIT).name(), Type.STRING, "SECONDS",
                        Choice.of(UNITS), Importance.LOW,
                        "Unit of ttl and __ttl; parts of a second are rounded up.")
                .define(table.sibling(TableSetting.TIMESTAMP_UNIT).name(), Type.STRING, "MICROSECONDS",
                        new Choice(EXACT_UNITS, Map.of("NANOSECONDS", "Cassandra's timestamps are microseconds; two "
                                + "versions within one would become equal")),
                        Importance.LOW, "Unit of __timestamp.")
                .define(table.sibling(TableSetting.NULL_TO_UNSET).name(), Type.BOOLEAN, false, Importance.MEDIUM,
                        "true: a null leaves the column as it is; false: it is written as NULL.")
                .define(table.sibling(TableSetting.DELETES_ENABLED).name(), Type.BOOLEAN, true, Importance.MEDIUM,
                        "true: a record without value deletes its row; false: it is a bad record.");
    }
}
