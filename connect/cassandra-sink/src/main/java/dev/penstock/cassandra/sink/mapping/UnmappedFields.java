package dev.penstock.cassandra.sink.mapping;

import dev.penstock.cassandra.sink.config.Mapping;
import dev.penstock.cassandra.sink.config.Source;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.sink.SinkRecord;

/**
 * Finds records with a field that {@code *} cannot put anywhere: to leave it out would lose data in silence. Remembers
 * the last schemas that were good, since they rarely change. Used by one thread.
 */
final class UnmappedFields {

    private final Mapping mapping;
    private final Set<String> columns;
    private Schema goodKey;
    private Schema goodValue;

    UnmappedFields(TableShape shape) {
        mapping = shape.config().mapping();
        columns = shape.columns().stream()
                .map(column -> column.name().asInternal())
                .collect(Collectors.toSet());
    }

    /** Say which field of a record has no column; finds none for a mapping without {@code *}. */
    Optional<String> find(SinkRecord record) {
        if (!mapping.everyField()) {
            return Optional.empty();
        }
        Optional<String> found = Optional.empty();
        if (record.key() != null && (record.keySchema() == null || record.keySchema() != goodKey)) {
            found = find(Source.Part.KEY, record.key());
            goodKey = found.isEmpty() && namesFields(record.keySchema()) ? record.keySchema() : goodKey;
        }
        if (found.isEmpty()
                && record.value() != null
                && (record.valueSchema() == null || record.valueSchema() != goodValue)) {
            found = find(Source.Part.VALUE, record.value());
            goodValue = found.isEmpty() && namesFields(record.valueSchema()) ? record.valueSchema() : goodValue;
        }
        return found;
    }

    /** Of a map each record has entries of its own, and of an optional struct one may be null. */
    private static boolean namesFields(Schema schema) {
        return schema != null && schema.type() == Schema.Type.STRUCT;
    }

    private Optional<String> find(Source.Part part, Object content) {
        if (content == null || mapping.reads(new Source(part, null))) {
            return Optional.empty();
        }
        Optional<List<String>> names = Fields.names(content);
        if (names.isEmpty()) {
            return Optional.of("the " + part.word() + " has no fields for '*'; map it as column=" + part.word());
        }
        return names.get().stream()
                .filter(field -> !columns.contains(field) && !mapping.reads(new Source(part, field)))
                .findFirst()
                .map(field -> "field " + field + " of the " + part.word() + " has no column");
    }
}
