package dev.penstock.cassandra.sink.config;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The parsed {@code mapping} of one table.
 *
 * @param everyField true when the mapping holds {@code *}: each column takes the field of its own name
 * @param columns columns with a source of their own, in written order; they win over {@code *}
 * @param timestamp source of the write timestamp; empty means the timestamp of the record
 * @param ttl source of the life of the row; empty means the table's setting
 */
public record Mapping(
        boolean everyField, Map<String, Source> columns, Optional<Source> timestamp, Optional<Source> ttl) {

    /** Keep the written order and let nobody change it. */
    public Mapping {
        columns = Collections.unmodifiableMap(new LinkedHashMap<>(columns));
    }

    /** Tell whether some column, the timestamp or the ttl reads exactly this source. */
    public boolean reads(Source source) {
        return columns.containsValue(source)
                || timestamp.filter(source::equals).isPresent()
                || ttl.filter(source::equals).isPresent();
    }
}
