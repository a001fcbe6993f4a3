package dev.penstock.cassandra.sink.config;

import dev.penstock.cassandra.sink.value.Conversion;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;

/**
 * How rows of one table are written, beside their columns.
 *
 * @param ttlSeconds life of a row; empty means the table's own default
 * @param ttlUnit unit of the source of {@code __ttl}
 * @param timestampUnit unit of the source of {@code __timestamp}
 * @param nullToUnset whether a null leaves the column as it is
 * @param deletesEnabled whether a record without value deletes its row
 * @param conversion how far a value may be changed to fit its column
 */
public record RowRules(
        OptionalInt ttlSeconds,
        TimeUnit ttlUnit,
        TimeUnit timestampUnit,
        boolean nullToUnset,
        boolean deletesEnabled,
        Conversion conversion) {

    /** Cassandra's longest life of a row: 20 years. */
    static final long MAX_TTL_SECONDS = 20L * 365 * 24 * 60 * 60;

    /** What a table has that sets nothing. */
    public static final RowRules DEFAULT =
            new RowRules(OptionalInt.empty(), TimeUnit.SECONDS, TimeUnit.MICROSECONDS, false, true, Conversion.EXACT);

    /**
     * Turn a life into what Cassandra takes. Parts of a second are rounded up: a row must not go too early, and 0 would
     * mean for ever.
     *
     * @return seconds; empty when it is negative or beyond Cassandra's 20 years
     */
    public static OptionalInt seconds(long life, TimeUnit unit) {
        long whole = unit.toSeconds(life);
        long seconds = unit.convert(whole, TimeUnit.SECONDS) < life ? whole + 1 : whole;
        return life < 0 || seconds > MAX_TTL_SECONDS ? OptionalInt.empty() : OptionalInt.of((int) seconds);
    }
}
