package dev.penstock.cassandra.sink.mapping;

import dev.penstock.cassandra.sink.config.Source;
import java.util.Date;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.data.Timestamp;
import org.apache.kafka.connect.header.Header;
import org.apache.kafka.connect.sink.SinkRecord;

/** Reads what a {@link Source} names out of a record, with or without schemas. */
final class Fields {

    private Fields() {}

    /** The value and its schema; empty when the record has no such field or header (which a null value is not). */
    static Optional<SchemaAndValue> read(SinkRecord record, Source source) {
        return read(record, source.part(), source.field());
    }

    /** The same for a source in its two parts: this runs for every column of every record. */
    static Optional<SchemaAndValue> read(SinkRecord record, Source.Part part, String name) {
        return switch (part) {
            case KEY -> read(record.keySchema(), record.key(), name);
            case VALUE -> read(record.valueSchema(), record.value(), name);
            case HEADER -> header(record.headers().lastWithName(name));
            case RECORD -> ofRecord(record, name);
        };
    }

    private static Optional<SchemaAndValue> read(Schema schema, Object part, String name) {
        if (name == null) {
            return part == null ? Optional.empty() : Optional.of(new SchemaAndValue(schema, part));
        }
        if (part instanceof Struct struct) {
            Field field = struct.schema().field(name);
            // `get` would put the default of the schema in the place of a null.
            return field == null
                    ? Optional.empty()
                    : Optional.of(new SchemaAndValue(field.schema(), struct.getWithoutDefault(name)));
        }
        if (part instanceof Map<?, ?> map && map.containsKey(name)) {
            return Optional.of(new SchemaAndValue(schema == null ? null : schema.valueSchema(), map.get(name)));
        }
        return Optional.empty();
    }

    private static Optional<SchemaAndValue> ofRecord(SinkRecord record, String name) {
        if (name.equals(Source.OFFSET)) {
            return Optional.of(new SchemaAndValue(Schema.INT64_SCHEMA, record.originalKafkaOffset()));
        }
        return Optional.ofNullable(record.timestamp())
                .map(millis -> new SchemaAndValue(Timestamp.SCHEMA, new Date(millis)));
    }

    private static Optional<SchemaAndValue> header(Header header) {
        return header == null ? Optional.empty() : Optional.of(new SchemaAndValue(header.schema(), header.value()));
    }

    /** The names of all fields of a key or value; empty when it has none because it is no struct. */
    static Optional<List<String>> names(Object part) {
        if (part instanceof Struct struct) {
            return Optional.of(
                    struct.schema().fields().stream().map(Field::name).toList());
        }
        if (part instanceof Map<?, ?> map) {
            return Optional.of(map.keySet().stream().map(String::valueOf).toList());
        }
        return Optional.empty();
    }
}
