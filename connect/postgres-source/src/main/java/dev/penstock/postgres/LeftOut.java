package dev.penstock.postgres;

import io.debezium.data.Envelope;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.header.Header;
import org.apache.kafka.connect.header.Headers;
import org.apache.kafka.connect.source.SourceRecord;

/** Leaves values out of the images of a record, and says in a header which. */
final class LeftOut {
    /** Its name ends with that of the image. Columns and what to say of each: {@code body=9000000 bytes …;note=…}. */
    static final String HEADER = "penstock.left.out.";

    static final List<String> IMAGES = List.of(Envelope.FieldName.BEFORE, Envelope.FieldName.AFTER);

    private LeftOut() {}

    /**
     * A record like this one, whose image has NULL in the place of some values.
     *
     * @param columns what to say of each that is left out; none leaves the record as it is
     */
    static SourceRecord of(SourceRecord record, String image, Map<String, String> columns) {
        if (columns.isEmpty()) {
            return record;
        }
        Struct change = copy((Struct) record.value());
        Struct row = copy(change.getStruct(image));
        columns.keySet().forEach(name -> row.put(name, null));
        change.put(image, row);
        SourceRecord rest = with(record, change);
        say(
                rest.headers(),
                image,
                columns.entrySet().stream()
                        .map(column -> column.getKey() + "=" + column.getValue())
                        .collect(Collectors.joining(";")));
        return rest;
    }

    /** A record like this one, of another change; its headers can be added to. */
    static SourceRecord with(SourceRecord record, Struct change) {
        return record.newRecord(
                record.topic(),
                record.kafkaPartition(),
                record.keySchema(),
                record.key(),
                record.valueSchema(),
                change,
                record.timestamp(),
                record.headers().duplicate());
    }

    /** Say it beside what is said of the image already. */
    static void say(Headers headers, String image, String what) {
        Header earlier = headers.lastWithName(HEADER + image);
        headers.remove(HEADER + image);
        headers.addString(HEADER + image, earlier == null ? what : earlier.value() + ";" + what);
    }

    /** A copy to leave something out of. */
    static Struct copy(Struct from) {
        Struct copy = new Struct(from.schema());
        from.schema().fields().forEach(field -> copy.put(field, from.getWithoutDefault(field.name())));
        return copy;
    }
}
