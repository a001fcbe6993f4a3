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
        KEY, VALUE, HEADER;

        /** The word for this part in a mapping. */
        public String word() {
            return name().toLowerCase(java.util.Locale.ROOT);
        }
    }

    @Override
    public String toString() {
        return field == null ? part.word() : part.word() + "." + field;
    }
}
