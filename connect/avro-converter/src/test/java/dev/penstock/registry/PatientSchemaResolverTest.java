package dev.penstock.registry;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.apicurio.registry.utils.converter.AvroConverter;
import java.util.HashMap;
import java.util.Map;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.errors.RetriableException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The resolver inside the real converter, over real HTTP. */
class PatientSchemaResolverTest {

    private static final Schema SCHEMA =
            SchemaBuilder.struct().name("Row").field("id", Schema.INT32_SCHEMA).build();

    private final FakeRegistry registry = new FakeRegistry();
    private final AvroConverter<GenericRecord> converter = new AvroConverter<>();

    @BeforeEach
    void configure() {
        String prefix = "apicurio.registry.";
        Map<String, Object> settings = new HashMap<>();
        settings.put(prefix + "url", registry.url());
        settings.put(prefix + "auto-register", "true");
        settings.put(prefix + "use-id", "contentId");
        settings.put(prefix + "id-handler", "io.apicurio.registry.serde.Legacy4ByteIdHandler");
        settings.put(prefix + "headers.enabled", "false");
        settings.put(prefix + "schema-resolver", PatientSchemaResolver.class.getName());
        converter.configure(settings, false);
    }

    @AfterEach
    void close() {
        converter.close();
        registry.close();
    }

    private byte[] write(String topic, int id) {
        return converter.fromConnectData(topic, SCHEMA, new Struct(SCHEMA).put("id", id));
    }

    @Test
    void asksOnceForTheSchemaOfManyRecords() {
        byte[] first = write("rows", 1);
        for (int id = 2; id < 50; id++) {
            write("rows", id);
        }
        assertEquals(1, registry.requests.size());
        assertArrayEquals(new byte[] {0, 0, 0, 0, 1, 2}, first);
    }

    @Test
    void aSchemaThatChangedIsANewOne() {
        write("rows", 1);
        Schema changed = SchemaBuilder.struct()
                .name("Row")
                .field("id", Schema.INT32_SCHEMA)
                .field("name", Schema.OPTIONAL_STRING_SCHEMA)
                .build();
        byte[] bytes = converter.fromConnectData("rows", changed, new Struct(changed).put("id", 1));
        assertEquals(2, bytes[4]);
    }

    @Test
    void twoTopicsWithOneSchemaHaveASubjectEach() {
        write("rows", 1);
        write("other-rows", 1);
        write("rows", 2);
        assertEquals(2, registry.requests.size());
    }

    @Test
    void knownSchemasOutliveTheRegistry() {
        byte[] before = write("rows", 1);
        registry.shut();
        assertArrayEquals(before, write("rows", 1));
    }

    @Test
    void anUnknownSchemaWaitsForTheRegistry() {
        registry.shut();
        assertThrows(RetriableException.class, () -> write("rows", 1));
        registry.reopen();
        assertEquals(1, write("rows", 1)[4]);
    }

    @ParameterizedTest
    @ValueSource(ints = {429, 500, 503})
    void aRegistryInTroubleIsWaitedFor(int status) {
        registry.answerWith(status);
        assertThrows(RetriableException.class, () -> write("rows", 1));
    }

    @ParameterizedTest
    @ValueSource(ints = {400, 401, 403, 404, 409, 422})
    void aRefusalIsNotRepeated(int status) {
        registry.answerWith(status);
        RuntimeException error = assertThrows(RuntimeException.class, () -> write("rows", 1));
        assertFalse(error instanceof RetriableException, error::toString);
    }

    private AvroConverter<GenericRecord> reader() {
        AvroConverter<GenericRecord> reader = new AvroConverter<>();
        Map<String, Object> settings = new HashMap<>();
        settings.put("apicurio.registry.url", registry.url());
        settings.put("apicurio.registry.use-id", "contentId");
        settings.put("apicurio.registry.id-handler", "io.apicurio.registry.serde.Legacy4ByteIdHandler");
        settings.put("apicurio.registry.schema-resolver", PatientSchemaResolver.class.getName());
        reader.configure(settings, false);
        return reader;
    }

    private RuntimeException failureOfReading(byte[] bytes) {
        try (AvroConverter<GenericRecord> reader = reader()) {
            return assertThrows(RuntimeException.class, () -> reader.toConnectData("rows", bytes));
        }
    }

    @Test
    void readingWaitsForTheRegistryToo() {
        byte[] bytes = write("rows", 1);
        registry.shut();
        assertInstanceOf(RetriableException.class, failureOfReading(bytes));
    }

    /** It answers as if it had no schemas: the record is good and must not go to the dead letters. */
    @Test
    void aRegistryThatStillReadsItsJournalIsNotBelieved() {
        byte[] bytes = write("rows", 1);
        registry.answerWith(404);
        registry.sayOfReadiness(503);
        assertInstanceOf(RetriableException.class, failureOfReading(bytes));
    }

    @ParameterizedTest
    @ValueSource(ints = {200, 404})
    void aSchemaThatAReadyRegistryDoesNotKnowIsNotWaitedFor(int readiness) {
        byte[] bytes = write("rows", 1);
        registry.answerWith(404);
        registry.sayOfReadiness(readiness);
        RuntimeException error = failureOfReading(bytes);
        assertFalse(error instanceof RetriableException, error::toString);
    }
}
