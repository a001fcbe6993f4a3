package dev.penstock.cassandra.sink.config;

/**
 * Where in a record the value of a column comes from.
 *
 * @param part the part of the record
 * @param field the field or header name; null means the whole key or value
 */
public record Source(Part part, String field) {

    /** The parts of a record that a mapping can name. */
    public enum Part {
        KEY,
        VALUE,
        HEADER,
        RECORD;

        /** The word for this part in a mapping. */
        public String word() {
            return name().toLowerCase(java.util.Locale.ROOT);
        }
    }

    /** The place of the record in its partition: a version that is right for all records of one key. */
    public static final String OFFSET = "offset";
    /** The time of the record. */
    public static final String TIMESTAMP = "timestamp";

    /** Tell whether a part has what is named of it. */
    boolean isComplete() {
        return switch (part) {
            case KEY, VALUE -> true;
            case HEADER -> field != null;
            case RECORD -> OFFSET.equals(field) || TIMESTAMP.equals(field);
        };
    }

    @Override
    public String toString() {
        return field == null ? part.word() : part.word() + "." + field;
    }
}
