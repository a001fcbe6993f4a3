package dev.penstock.cassandra.sink.mapping;

import dev.penstock.cassandra.sink.BadRecordException;
import dev.penstock.cassandra.sink.config.Mapping;
import dev.penstock.cassandra.sink.config.Source;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.sink.SinkRecord;

/**
 * Refuses records with a field that {@code *} cannot put anywhere: to leave it out would lose data in silence.
 * Remembers the last schemas that were good, since they rarely change. Used by one thread.
 */
final class UnmappedFields {

    private final Mapping mapping;
    private final Set<String> columns;
    private Schema goodKey;
    private Schema goodValue;

    UnmappedFields(TableShape shape) {
        mapping = shape.config().mapping();
        columns = shape.columns().stream().map(column -> column.name().asInternal()).collect(Collectors.toSet());
    }

    /** Check a record; does nothing for a mapping without {@code *}. */
    void check(SinkRecord record) {
        if (!mapping.everyField()) {
            return;
        }
        if (record.keySchema() == null || record.keySchema() != goodKey) {
            check(Source.Part.KEY, record.key());
            goodKey = record.keySchema();
        }
        if (record.value() != null && (record.valueSchema() == null || record.valueSchema() != goodValue)) {
            check(Source.Part.VALUE, record.value());
            goodValue = record.valueSchema();
        }
    }

    private void check(Source.Part part, Object content) {
        if (content == null || mapping.reads(new Source(part, null))) {
            return;
        }
        Fields.names(content).orElseThrow(() -> new BadRecordException("the " + part.word() + " has no fields for '*'; "
                        + "map it as column=" + part.word()))
                .stream()
                .filter(field -> !columns.contains(field) && !mapping.reads(new Source(part, field)))
                .findFirst()
                .ifPresent(field -> {
                    throw new BadRecordException("field " + field + " of the " + part.word() + " has no column");
                });
    }
}
