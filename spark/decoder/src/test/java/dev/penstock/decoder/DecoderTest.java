package dev.penstock.decoder;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.io.EncoderFactory;
import org.apache.spark.sql.Row;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** Decodes records with a registry that a small HTTP server stands in for. */
final class DecoderTest {

    private static final String TEXT = "'string'";
    private static final String NOTE_TEXT =
            "{'name': 'note', 'since': 2, 'types': [{'like': {'type': 'string'}, 'slot': 1}]}";
    private static final String NOTE_BOTH = "{'name': 'note', 'since': 2, 'types': ["
            + "{'like': {'type': 'string'}, 'slot': 1}, {'like': {'type': 'int', 'connect.name': null}, 'slot': 2}]}";
    private static final String ID = "{'name': 'id', 'since': 1, 'types': [{'like': {'type': 'int'}, 'slot': 0}]}";

    private final Map<String, String> schemas = new ConcurrentHashMap<>();
    private final List<String> asked = new ArrayList<>();
    private volatile boolean isAway;
    private HttpServer server;

    @BeforeEach
    void startRegistry() throws IOException {
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.createContext("/", this::answer);
        server.start();
        schemas.put("1", envelope("{'name': 'id', 'type': 'int'}"));
        schemas.put("2", envelope(fields(TEXT)));
    }

    @AfterEach
    void stopRegistry() {
        server.stop(0);
    }

    @Test
    void readsAnImageByTheNamesOfItsColumns() throws Exception {
        Row row = decoder(false, ID, NOTE_TEXT).call(record(2, "u", image(2, 7, "old"), image(2, 7, "new")));
        Row told = row.getStruct(0);
        assertEquals(2, told.getLong(0));
        assertTrue(told.isNullAt(1), told::toString);
        assertTrue(told.isNullAt(8), told::toString);
        assertEquals("u", told.get(2).toString());
        assertEquals(77, told.getLong(3));
        assertEquals(700, told.getLong(4));
        assertEquals(1_795_433_969_123L, told.getLong(5));
        assertTrue(told.getBoolean(6), told::toString);
        assertTrue(told.getBoolean(7), told::toString);
        assertEquals(7, row.getStruct(1).getInt(0));
        assertEquals("old", row.getStruct(1).get(1).toString());
        assertEquals("new", row.getStruct(2).get(1).toString());
        assertTrue(decoder(false)
                .call(record(2, "d", image(2, 7, "old"), null))
                .getStruct(0)
                .getBoolean(6));
    }

    @Test
    void nullStaysNullBesideADefault() throws Exception {
        schemas.put(
                "20",
                envelope("{'name': 'id', 'type': 'int', 'default': 9},"
                        + "{'name': 'note', 'type': ['string', 'null'], 'default': 'none'}"));
        Row row = decoder(false, ID, NOTE_TEXT).call(record(20, "c", null, image(20, 7, null)));
        assertTrue(row.getStruct(2).isNullAt(1), row::toString);
    }

    @Test
    void aColumnThatCameLaterIsNullAndOneThatIsGoneIsTold() throws Exception {
        schemas.put("30", schemas.get("1"));
        Decoder decoder = decoder(false, ID, NOTE_TEXT);
        Row before = decoder.call(record(1, "c", null, image(1, 7, null)));
        assertTrue(before.getStruct(0).isNullAt(8), before::toString);
        assertTrue(before.getStruct(2).isNullAt(1), before::toString);
        Row after = decoder.call(record(30, "c", null, image(30, 7, null)));
        assertArrayEquals(new Object[] {"note"}, (Object[]) after.getStruct(0).get(8));
        assertEquals(7, after.getStruct(2).getInt(0));
        assertTrue(after.getStruct(2).isNullAt(1), after::toString);
    }

    @Test
    void aColumnThatNobodyReadsCanComeAndChange() throws Exception {
        schemas.put("40", envelope("{'name': 'id', 'type': 'int'}, {'name': 'note', 'type': ['null', 'long']}"));
        Row row = decoder(false, ID).call(record(40, "c", null, image(40, 7, 3L)));
        assertEquals(7, row.getStruct(2).getInt(0));
        assertEquals(1, row.getStruct(2).size());
    }

    @Test
    void aTypeWithASlotIsReadAndOneWithoutTakesANewPlan() throws Exception {
        schemas.put("50", envelope(fields("'int'")));
        Decoder both = decoder(false, ID, NOTE_BOTH);
        Row number = both.call(record(50, "c", null, image(50, 7, 3)));
        assertTrue(number.getStruct(2).isNullAt(1), number::toString);
        assertEquals(3, number.getStruct(2).getInt(2));
        Row text = both.call(record(2, "c", null, image(2, 7, "3")));
        assertEquals("3", text.getStruct(2).get(1).toString());
        assertTrue(text.getStruct(2).isNullAt(2), text::toString);
        assertEquals("PENSTOCK-NEW-PLAN topic=app.t id=50 column=note", messageOf(() -> decoder(false, ID, NOTE_TEXT)
                .call(record(50, "c", null, image(50, 7, 3)))));
        schemas.put("51", envelope(fields("{'type': 'int', 'connect.name': 'io.debezium.time.Date'}")));
        assertTrue(messageOf(() -> both.call(record(51, "c", null, image(51, 7, 3))))
                .contains("id=51 column=note"));
    }

    @Test
    void ofAWholeRowEachColumnMatters() throws Exception {
        assertTrue(messageOf(() -> decoder(true, ID).call(record(2, "c", null, image(2, 7, "x"))))
                .contains("column=note"));
        String unused = "{'name': 'note', 'since': 2, 'types': [{'like': {'type': 'string'}, 'slot': null}]}";
        Row row = decoder(true, ID, unused).call(record(2, "c", null, image(2, 7, "x")));
        assertEquals(7, row.getStruct(2).getInt(0));
    }

    @Test
    void everyTypeOfAnElementIsRead() throws Exception {
        String decimal = "{'type': 'bytes', 'logicalType': 'decimal', 'precision': 5, 'scale': 2}";
        Object[][] kinds = {
            {"'long'", Long.MIN_VALUE, Long.MIN_VALUE}, {"'boolean'", true, true}, {"'float'", -0.5f, -0.5f},
            {"'double'", 1e300, 1e300}, {"'string'", "größe", "größe"}, {decimal, number("-123"), "-1.23"},
            {"'bytes'", number("-1"), null},
        };
        for (int kind = 0; kind < kinds.length; kind++) {
            int id = 60 + kind;
            schemas.put("" + id, envelope(fields("{'type': 'array', 'items': ['null', " + kinds[kind][0] + "]}")));
            String note = "{'name': 'note', 'since': 2, 'types': [{'like': {'type': 'array'}, 'slot': 1}]}";
            byte[] record = record(id, "c", null, image(id, 7, Arrays.asList(kinds[kind][1], null)));
            Object[] read = (Object[])
                    decoder(false, ID, note).call(record).getStruct(2).get(1);
            assertEquals(2, read.length, Arrays.toString(read));
            assertNull(read[1], Arrays.toString(read));
            boolean isBytes = read[0] instanceof byte[] bytes && Arrays.equals(bytes, new byte[] {-1});
            assertTrue(isBytes || read[0].toString().equals(kinds[kind][2].toString()), Arrays.toString(read));
        }
    }

    @Test
    void garbageIsRefused() throws Exception {
        Decoder decoder = decoder(false, ID, NOTE_TEXT);
        byte[] whole = record(2, "u", image(2, 7, "old"), image(2, 7, "new"));
        String misfit = "the Avro body does not fit writer schema id 2";
        for (int length = 5; length < whole.length; length++) {
            assertEquals(misfit, problem(decoder, Arrays.copyOf(whole, length)), "of " + length + " bytes");
        }
        assertEquals(misfit, problem(decoder, Arrays.copyOf(whole, whole.length + 1)));
        // A text of 2 GB: the second branch of `before`, an id, the second branch of `note` and the length.
        byte[] huge = {0, 0, 0, 0, 2, 2, 2, 2, -2, -1, -1, -1, 15};
        assertEquals(misfit, problem(decoder, huge));
        Random random = new Random(7);
        for (int number = 0; number < 20_000; number++) {
            byte[] bytes = whole.clone();
            for (int change = random.nextInt(4); change >= 0; change--) {
                bytes[5 + random.nextInt(bytes.length - 5)] = (byte) random.nextInt();
            }
            decoder.call(bytes); // it may fit by chance; it must not fail
        }
        String noFormat = "not in Confluent's wire format (byte 0, 4-byte schema id, Avro)";
        for (byte[] foreign : List.of(new byte[0], new byte[] {0, 0, 0, 0}, new byte[] {1, 0, 0, 0, 2, 2})) {
            assertEquals(noFormat, problem(decoder, foreign));
        }
        assertTrue(decoder.call(null).getStruct(0).isNullAt(1));
    }

    @Test
    void anIdThatTheRegistryLacksIsRefusedForAWhile() throws Exception {
        schemas.put("70", "{'type': 'record', 'name': 'Key', 'fields': []}");
        schemas.put("71", "syntax = proto3");
        Decoder decoder = decoder(false, ID);
        schemas.put("72", "7");
        schemas.put("73", "null");
        schemas.put("74", "{}");
        schemas.put("75", "{'type': 'record', 'name': 'E', 'fields': [{'name': 'before', 'type': 3}]}");
        for (int id : new int[] {70, 71, 72, 73, 74, 75, 99}) {
            String problem = problem(decoder, new byte[] {0, 0, 0, 0, (byte) id, 1});
            assertEquals("schema id " + id + ": no envelope of this topic in the registry", problem);
        }
        assertTrue(problem(decoder, new byte[] {0, -1, -1, -1, -1, 1}).startsWith("schema id 4294967295: no envelope"));
        asked.clear();
        problem(decoder, new byte[] {0, 0, 0, 0, 99, 1});
        assertEquals(List.of(), asked);
        schemas.put("99", schemas.get("1"));
        long end = System.nanoTime() + 30_000_000_000L;
        while (problem(decoder, record(99, "c", null, image(99, 7, null))) != null) {
            assertTrue(System.nanoTime() < end);
            Thread.sleep(50);
        }
    }

    @Test
    void aRegistryThatIsAwayIsWaitedFor() throws Exception {
        schemas.put("80", schemas.get("1"));
        byte[] record = record(80, "c", null, image(80, 7, null));
        isAway = true;
        AtomicReference<Row> read = new AtomicReference<>();
        Thread waiting = decodeInThread(record, read);
        waitUntilAsked("/schemas/ids/80", 2);
        assertNull(read.get());
        // It is back, but has not read its journal yet: nothing of it is an answer.
        Map<String, String> journal = Map.copyOf(schemas);
        schemas.clear();
        isAway = false;
        waitUntilAsked("/schemas/ids/1", 2);
        assertNull(read.get());
        schemas.putAll(journal);
        waiting.join();
        assertEquals(7, read.get().getStruct(2).getInt(0));
    }

    @Test
    void aWaitEndsWithItsThread() throws Exception {
        isAway = true;
        AtomicReference<Row> read = new AtomicReference<>();
        Thread waiting = decodeInThread(new byte[] {0, 0, 0, 0, 90, 1}, read);
        waitUntilAsked("/schemas/ids/90", 2);
        waiting.interrupt();
        waiting.join();
        assertNull(read.get());
        isAway = false;
    }

    private Thread decodeInThread(byte[] record, AtomicReference<Row> read) {
        asked.clear();
        Thread thread = new Thread(() -> {
            try {
                read.set(decoder(false, ID).call(record));
            } catch (InterruptedException exc) {
                Thread.currentThread().interrupt();
            }
        });
        thread.start();
        return thread;
    }

    private void waitUntilAsked(String path, int times) throws InterruptedException {
        while (true) {
            synchronized (asked) {
                if (asked.stream().filter(path::equals).count() >= times) {
                    return;
                }
            }
            Thread.sleep(20);
        }
    }

    private void answer(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath();
        synchronized (asked) {
            asked.add(path);
        }
        String schema = schemas.get(path.replace("/schemas/ids/", ""));
        String quoted = schema == null ? "" : schema.replace('\'', '"').replace("\"", "\\\"");
        byte[] body = (schema == null ? "{}" : "{\"schema\": \"" + quoted + "\"}").getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(isAway ? 503 : schema == null ? 404 : 200, body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }

    private Decoder decoder(boolean isWhole, String... columns) {
        String wanted = "{'topic': 'app.t', 'whole': " + isWhole + ", 'slots': 3, 'unreadable': [], 'known_id': 1, "
                + "'columns': [" + String.join(",", columns) + "]}";
        int slots = columns.length == 0 ? 0 : columns.length == 1 ? 1 : 3;
        String url = "http://127.0.0.1:" + server.getAddress().getPort() + "/";
        return new Decoder(wanted.replace("'slots': 3", "'slots': " + slots).replace('\'', '"'), url);
    }

    private static String envelope(String columns) {
        return ("{'type': 'record', 'name': 'Envelope', 'fields': ["
                + "{'name': 'before', 'type': ['null', {'type': 'record', 'name': 'Value', 'fields': [" + columns
                + "]}]},"
                + "{'name': 'after', 'type': ['null', 'Value']},"
                + "{'name': 'source', 'type': {'type': 'record', 'name': 'Source', 'fields': ["
                + "{'name': 'name', 'type': 'string'}, {'name': 'lsn', 'type': ['null', 'long']},"
                + "{'name': 'txId', 'type': ['null', 'long']}, {'name': 'ts_ms', 'type': 'long'}]}},"
                + "{'name': 'op', 'type': 'string'},"
                + "{'name': 'tags', 'type': {'type': 'map', 'values': {'type': 'array', 'items': 'int'}}}]}");
    }

    private static String fields(String note) {
        return "{'name': 'id', 'type': 'int'}, {'name': 'note', 'type': ['null', " + note + "]}";
    }

    private Schema schema(int id) {
        return new Schema.Parser()
                .setValidateDefaults(false)
                .parse(schemas.get("" + id).replace('\'', '"'));
    }

    private GenericData.Record image(int id, int key, Object note) {
        Schema row = WriterSchema.notNull(schema(id).getField("before").schema());
        GenericData.Record image = new GenericData.Record(row);
        image.put("id", key);
        if (row.getField("note") != null) {
            image.put("note", note);
        }
        return image;
    }

    private byte[] record(int id, String op, Object before, Object after) throws IOException {
        Schema schema = schema(id);
        GenericData.Record source =
                new GenericData.Record(schema.getField("source").schema());
        source.put("name", "app");
        source.put("lsn", 77L);
        source.put("txId", 700L);
        source.put("ts_ms", 1_795_433_969_123L);
        GenericData.Record envelope = new GenericData.Record(schema);
        envelope.put("before", before);
        envelope.put("after", after);
        envelope.put("source", source);
        envelope.put("op", op);
        envelope.put("tags", Map.of("a", List.of(1, 2), "b", List.of()));
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        bytes.write(new byte[] {0, 0, 0, 0, (byte) id});
        var encoder = EncoderFactory.get().binaryEncoder(bytes, null);
        new GenericDatumWriter<Object>(schema).write(envelope, encoder);
        encoder.flush();
        return bytes.toByteArray();
    }

    private static ByteBuffer number(String unscaled) {
        return ByteBuffer.wrap(new java.math.BigInteger(unscaled).toByteArray());
    }

    private static String problem(Decoder decoder, byte[] value) throws InterruptedException {
        return decoder.call(value).getStruct(0).getString(1);
    }

    private static String messageOf(Executable failing) {
        return assertThrows(NewPlanNeeded.class, failing).getMessage();
    }
}
