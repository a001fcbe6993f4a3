package dev.penstock.cassandra.sink.real;

import java.nio.charset.StandardCharsets;
import java.util.UUID;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.storage.SimpleHeaderConverter;

/** Records of a view of users, as the view job writes them. */
final class Users {

    static final String TOPIC = "views.users";
    static final long GENERATION = 1L << 52;
    static final Schema KEY = SchemaBuilder.struct()
            .field("country", Schema.STRING_SCHEMA)
            .field("id", Schema.STRING_SCHEMA)
            .build();
    private static final Schema VALUE = SchemaBuilder.struct()
            .field("country", Schema.STRING_SCHEMA)
            .field("id", Schema.STRING_SCHEMA)
            .field("name", Schema.OPTIONAL_STRING_SCHEMA)
            .field("age", Schema.OPTIONAL_INT32_SCHEMA)
            .build();
    private static final SimpleHeaderConverter HEADERS = new SimpleHeaderConverter();

    private Users() {}

    static UUID id(long number) {
        return new UUID(0, number);
    }

    static SinkRecord delete(String country, UUID id, long offset) {
        return withVersion(new SinkRecord(TOPIC, 0, KEY, key(country, id), null, null, offset), GENERATION + offset);
    }

    static SinkRecord upsert(String country, UUID id, String name, Integer age, long offset) {
        Struct value = new Struct(VALUE)
                .put("country", country)
                .put("id", id.toString())
                .put("name", name)
                .put("age", age);
        return withVersion(new SinkRecord(TOPIC, 0, KEY, key(country, id), VALUE, value, offset), GENERATION + offset);
    }

    private static Struct key(String country, UUID id) {
        return new Struct(KEY).put("country", country).put("id", id.toString());
    }

    /** As Connect's own header converter reads the digits that the view job writes. */
    static SinkRecord withVersion(SinkRecord record, long version) {
        record.headers()
                .add(
                        "version",
                        HEADERS.toConnectHeader(
                                record.topic(),
                                "version",
                                Long.toString(version).getBytes(StandardCharsets.UTF_8)));
        return record;
    }

    /** The same record at another place of the topic. */
    static SinkRecord at(SinkRecord record, int partition, long offset) {
        return new SinkRecord(
                record.topic(),
                partition,
                record.keySchema(),
                record.key(),
                record.valueSchema(),
                record.value(),
                offset,
                null,
                null,
                record.headers());
    }
}
