package dev.penstock.registry;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.apicurio.registry.utils.converter.AvroConverter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.errors.RetriableException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
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
        converter.configure(settings(), false);
    }

    private Map<String, String> settings() {
        Map<String, String> settings = new HashMap<>();
        settings.put("apicurio.registry.url", registry.url());
        settings.put("apicurio.registry.id-handler", "io.apicurio.registry.serde.Legacy4ByteIdHandler");
        settings.put("apicurio.registry.headers.enabled", "false");
        settings.put("apicurio.registry.schema-resolver", PatientSchemaResolver.class.getName());
        return settings;
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
        assertEquals(List.of("POST /api/subjects/rows-value/versions"), registry.requests);
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
        String subjects = "POST /api/subjects/%s-value/versions";
        assertEquals(List.of(subjects.formatted("rows"), subjects.formatted("other-rows")), registry.requests);
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

    @Test
    void aKeyHasASubjectOfItsOwn() {
        try (AvroConverter<GenericRecord> keys = new AvroConverter<>()) {
            keys.configure(settings(), true);
            keys.fromConnectData("rows", SCHEMA, new Struct(SCHEMA).put("id", 1));
        }
        assertEquals(List.of("POST /api/subjects/rows-key/versions"), registry.requests);
    }

    @Test
    void anIncompatibleSchemaIsSaidWithItsCure() {
        registry.answerWith(409);
        String said = failureOfWriting(converter).getMessage();
        assertTrue(said.contains("rows-value") && said.contains("as told") && said.contains("NONE"), said);
    }

    /** It may hold subjects that it has not read yet, as if they were not there, or as if they were in the way. */
    @Test
    void aRefusalWhileItReadsItsJournalIsNotBelieved() {
        registry.answerWith(409);
        registry.sayOfReadiness(503);
        assertThrows(RetriableException.class, () -> write("rows", 1));
    }

    private RuntimeException failureOfWriting(AvroConverter<GenericRecord> writer) {
        Struct row = new Struct(SCHEMA).put("id", 1);
        return assertThrows(RuntimeException.class, () -> writer.fromConnectData("rows", SCHEMA, row));
    }

    @Test
    void aUserIsLetIn() {
        registry.demand("Basic YW5uOjVlY3JldA==");
        Map<String, String> settings = settings();
        settings.put("apicurio.auth.username", "ann");
        settings.put("apicurio.auth.password", "5ecret");
        try (AvroConverter<GenericRecord> writer = new AvroConverter<>()) {
            writer.configure(settings, false);
            writer.fromConnectData("rows", SCHEMA, new Struct(SCHEMA).put("id", 1));
        }
        assertTrue(failureOfWriting(converter).getMessage().contains("HTTP 401"));
    }

    @Test
    void aTokenMayBeRenewed(@TempDir Path folder) throws IOException {
        Path file = Files.writeString(folder.resolve("token"), "old\n");
        registry.demand("Bearer new");
        Map<String, String> settings = settings();
        settings.put("apicurio.auth.token.file", file.toString());
        try (AvroConverter<GenericRecord> writer = new AvroConverter<>()) {
            writer.configure(settings, false);
            assertTrue(failureOfWriting(writer).getMessage().contains("HTTP 401"));
            Files.writeString(file, "new\n");
            writer.fromConnectData("rows", SCHEMA, new Struct(SCHEMA).put("id", 1));
        }
    }

    private AvroConverter<GenericRecord> reader() {
        AvroConverter<GenericRecord> reader = new AvroConverter<>();
        reader.configure(settings(), false);
        return reader;
    }

    private RuntimeException failureOfReading(byte[] bytes) {
        try (AvroConverter<GenericRecord> reader = reader()) {
            return assertThrows(RuntimeException.class, () -> reader.toConnectData("rows", bytes));
        }
    }

    @Test
    void readsWhatItWroteAndAsksOnceForTheSchema() {
        byte[] bytes = write("rows", 7);
        try (AvroConverter<GenericRecord> reader = reader()) {
            for (int i = 0; i < 50; i++) {
                Struct row = (Struct) reader.toConnectData("rows", bytes).value();
                assertEquals(7, row.get("id"));
            }
        }
        assertEquals(List.of("POST /api/subjects/rows-value/versions", "GET /api/schemas/ids/1"), registry.requests);
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

    /** A token that has run out, the 404 of a gateway: nothing is said about the record. */
    @ParameterizedTest
    @ValueSource(ints = {401, 403, 404})
    void whatSaysNothingAboutTheSchemaIsWaitedFor(int status) {
        byte[] bytes = write("rows", 1);
        registry.answerWith(status, status);
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
