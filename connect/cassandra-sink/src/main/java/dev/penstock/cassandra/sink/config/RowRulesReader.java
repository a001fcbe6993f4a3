package dev.penstock.cassandra.sink.config;

import dev.penstock.cassandra.sink.value.Conversion;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/** Reads the {@link RowRules} of a table whose single settings are right, and holds them against its mapping. */
final class RowRulesReader {

    private final TableSetting table;
    private final Mapping mapping;
    private final Map<String, String> properties;
    private final Problems problems;

    RowRulesReader(TableSetting table, Mapping mapping, Map<String, String> properties, Problems problems) {
        this.table = table;
        this.mapping = mapping;
        this.properties = properties;
        this.problems = problems;
    }

    /** Read them; {@code option} gives the parsed value of an option. */
    RowRules read(Function<String, Object> option) {
        TimeUnit ttlUnit = unit(option.apply(TableSetting.TTL_UNIT));
        TimeUnit timestampUnit = unit(option.apply(TableSetting.TIMESTAMP_UNIT));
        int ttl = (Integer) option.apply(TableSetting.TTL);
        boolean deletes = (Boolean) option.apply(TableSetting.DELETES_ENABLED);
        RowRules rules = new RowRules(seconds(ttl, ttlUnit), ttlUnit, timestampUnit,
                (Boolean) option.apply(TableSetting.NULL_TO_UNSET), deletes,
                conversion(option));
        versionOfDeletes(deletes);
        unitsWithoutEffect(ttl, rules);
        return rules;
    }

    /** How far values may be changed; {@code option} gives the value of an option. */
    static Conversion conversion(Function<String, Object> option) {
        return new Conversion(Choice.is(option.apply(TableSetting.CONVERSION), Settings.LENIENT),
                Choice.is(option.apply(TableSetting.TIMESTAMP_PRECISION), Settings.FLOOR));
    }

    private static TimeUnit unit(Object name) {
        return TimeUnit.valueOf(name.toString().toUpperCase(Locale.ROOT));
    }

    private OptionalInt seconds(int ttl, TimeUnit unit) {
        if (ttl == TableSettings.NO_TTL) {
            return OptionalInt.empty();
        }
        OptionalInt seconds = RowRules.seconds(ttl, unit);
        if (seconds.isEmpty()) {
            problems.add(table.sibling(TableSetting.TTL).name(), ttl + " " + unit + " is more than the "
                    + TableSettings.MAX_TTL_SECONDS + " seconds (20 years) that Cassandra takes");
        }
        return seconds;
    }

    private void versionOfDeletes(boolean deletes) {
        mapping.timestamp().filter(source -> deletes && source.part() == Source.Part.VALUE).ifPresent(source ->
                problems.add(table.sibling(TableSetting.MAPPING).name(), "Bad mapping: __timestamp=" + source
                        + ": a delete has no value, so its timestamp must come from the key or a header; or set "
                        + table.sibling(TableSetting.DELETES_ENABLED).name() + "=false"));
    }

    private void unitsWithoutEffect(int ttl, RowRules rules) {
        if (rules.ttlUnit() != RowRules.DEFAULT.ttlUnit() && ttl == TableSettings.NO_TTL && mapping.ttl().isEmpty()) {
            withoutEffect(TableSetting.TTL_UNIT, "set " + TableSetting.TTL + " or map __ttl");
        }
        if (rules.timestampUnit() != RowRules.DEFAULT.timestampUnit()
                && mapping.timestamp().filter(source -> source.part() != Source.Part.RECORD).isEmpty()) {
            withoutEffect(TableSetting.TIMESTAMP_UNIT, "map __timestamp to a field or header (the timestamp of the "
                    + "record itself is always in milliseconds, its offset has no unit)");
        }
    }

    private void withoutEffect(String option, String advice) {
        String name = table.sibling(option).name();
        problems.add(name, properties.get(name) + " has no effect: " + advice + ", or remove it");
    }
}
