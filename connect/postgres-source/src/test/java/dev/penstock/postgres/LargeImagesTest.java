package dev.penstock.postgres;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.ByteBuffer;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.header.Header;
import org.apache.kafka.connect.source.SourceRecord;
import org.junit.jupiter.api.Test;

final class LargeImagesTest {
    private static final int MOST = LargeImages.MOST_BYTES;
    private static final Schema NUMBERS =
            SchemaBuilder.array(Schema.INT32_SCHEMA).optional().build();
    private static final Schema ROW = SchemaBuilder.struct()
            .optional()
            .field("id", Schema.STRING_SCHEMA)
            .field("body", Schema.OPTIONAL_BYTES_SCHEMA)
            .field("note", Schema.OPTIONAL_STRING_SCHEMA)
            .field("other", Schema.OPTIONAL_STRING_SCHEMA)
            .field("numbers", NUMBERS)
            .build();
    private static final Schema ENVELOPE = SchemaBuilder.struct()
            .name("app.public.docs.Envelope")
            .field("before", ROW)
            .field("after", ROW)
            .field("op", Schema.STRING_SCHEMA)
            .build();
    private static final Schema KEY =
            SchemaBuilder.struct().field("id", Schema.STRING_SCHEMA).build();

    @Test
    void whatFitsIsLeftAlone() {
        SourceRecord record = change(row(1_000_000, "n"), row(2_000_000, "n"));
        assertSame(record, fit(record));
    }

    @Test
    void aRowOfTheLimitFitsAndOneByteMoreDoesNot() {
        SourceRecord record = change(null, row(MOST, "n"));
        assertSame(record, fit(record));
        SourceRecord fitting = fit(change(null, row(MOST + 1, "n")));
        assertNull(image(fitting, "after").get("body"));
        assertEquals("n", image(fitting, "after").get("note"));
        assertEquals("body=7864321 bytes (a row holds at most 7864320)", header(fitting, "after"));
        assertNotNull(fitting.key());
        assertSame(ENVELOPE, fitting.valueSchema());
    }

    @Test
    void onlyTheLargestValuesAreLeftOut() {
        Struct row = row(3_000_000, "n".repeat(5_000_000)).put("other", "o".repeat(6_000_000));
        Struct fitting = image(fit(change(null, row)), "after");
        assertNull(fitting.get("other"));
        assertNull(fitting.get("note"));
        assertNotNull(fitting.get("body"));
        assertNotNull(row.getString("other"));
    }

    @Test
    void ofEqualValuesTheFirstNameGoes() {
        SourceRecord fitting = fit(change(null, row(5_000_000, "n".repeat(5_000_000))));
        assertTrue(header(fitting, "after").startsWith("body="));
        assertEquals(5_000_000, image(fitting, "after").getString("note").length());
    }

    @Test
    void eachImageIsJudgedAlone() {
        SourceRecord fitting = fit(change(row(20_000_000, "n"), row(MOST, "n")));
        assertTrue(header(fitting, "before").startsWith("body=20000000 bytes"));
        assertNull(header(fitting, "after"));
        assertNotNull(image(fitting, "after").get("body"));
        assertNotNull(header(fit(change(row(MOST + 1, "n"), row(MOST + 1, "n"))), "after"));
    }

    @Test
    void aValueOfTheKeyIsNeverLeftOut() {
        Struct row = row(6_000_000, "n").put("id", "i".repeat(7_000_000));
        Struct fitting = image(fit(change(null, row)), "after");
        assertEquals(7_000_000, fitting.getString("id").length());
        assertNull(fitting.get("body"));
    }

    @Test
    void textsCountWithTheirBytes() {
        assertNull(header(fit(change(null, row(1, "é".repeat(MOST / 2)))), "after"));
        assertTrue(header(fit(change(null, row(1, "é".repeat(MOST / 2 + 1)))), "after")
                .startsWith("note=7864322 bytes"));
        assertNotNull(header(fit(change(null, row(1, "€".repeat(MOST / 3 + 1)))), "after"));
        assertNull(header(fit(change(null, row(1, "😀".repeat(MOST / 4)))), "after"));
        assertTrue(header(fit(change(null, row(1, "😀".repeat(MOST / 4 + 1)))), "after")
                .startsWith("note=7864324 bytes"));
    }

    @Test
    void arraysCountToo() {
        Struct row = row(1, "n").put("numbers", Collections.nCopies(MOST / 10 + 1, 1));
        assertNull(image(fit(change(null, row)), "after").get("numbers"));
        assertNull(header(fit(change(null, row(1, "n").put("numbers", Collections.nCopies(MOST / 10, 1)))), "after"));
    }

    @Test
    void whatIsNoChangeEventIsLeftAlone() {
        SourceRecord tombstone = new SourceRecord(Map.of(), Map.of(), "app.public.docs", KEY, key(), null, null);
        assertSame(tombstone, fit(tombstone));
    }

    private static SourceRecord fit(SourceRecord record) {
        return new LargeImages().fit(List.of(record)).get(0);
    }

    private static Struct image(SourceRecord record, String image) {
        return ((Struct) record.value()).getStruct(image);
    }

    private static String header(SourceRecord record, String image) {
        Header found = record.headers().lastWithName(LeftOut.HEADER + image);
        return found == null ? null : (String) found.value();
    }

    private static Struct row(int bytes, String note) {
        return new Struct(ROW)
                .put("id", "1")
                .put("body", ByteBuffer.allocate(bytes))
                .put("note", note);
    }

    private static SourceRecord change(Struct before, Struct after) {
        Struct change =
                new Struct(ENVELOPE).put("before", before).put("after", after).put("op", "u");
        return new SourceRecord(Map.of(), Map.of("lsn", 7L), "app.public.docs", KEY, key(), ENVELOPE, change);
    }

    private static Struct key() {
        return new Struct(KEY).put("id", "1");
    }
}
