package dev.penstock.cassandra.sink.value;

/**
 * How far a value may be changed to fit its column.
 *
 * @param lenient whether values of other kinds are taken for what they mean
 * @param floorsTimestamps whether parts of a millisecond are cut off, as a CQL timestamp has none
 */
public record Conversion(boolean lenient, boolean floorsTimestamps) {

    /** Exactly, or the record is bad. */
    public static final Conversion EXACT = new Conversion(false, false);
}
