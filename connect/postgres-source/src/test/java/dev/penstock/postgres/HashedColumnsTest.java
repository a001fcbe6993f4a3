package dev.penstock.postgres;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.debezium.DebeziumException;
import io.debezium.config.Configuration;
import java.util.List;
import java.util.Map;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.source.SourceRecord;
import org.junit.jupiter.api.Test;

final class HashedColumnsTest {
    private static final String SECRET = "0123456789abcdef0123456789abcdef";
    private static final Map<String, String> SETTINGS = Map.of(
            HashedColumns.COLUMNS, "public.users/email,public.users/a%2Cb%20%2B,public.users/code,public.users/age",
            HashedColumns.SECRET, SECRET,
            HashedColumns.FINGERPRINT, "36769afbd6efac9a");
    // Written by Python's hmac module.
    private static final Map<String, String> KNOWN = Map.of(
            "ada@example.org", "bcfa6aa5642f6ffa0a359346b83770c4403581e5e1b7b5578df29ea26c669043",
            "", "796cd3078af14636753d26b3b5555422ff55a3e261cf847b48e95371b9bd0aa2",
            "größe 😀", "928e3e4be7c1bfa12a463befae50558606416049ee6ebf2d9ef7fd1a3f15f643");

    private static final Schema ROW = SchemaBuilder.struct()
            .optional()
            .field("id", Schema.STRING_SCHEMA)
            .field("email", Schema.OPTIONAL_STRING_SCHEMA)
            .field("a,b +", Schema.OPTIONAL_STRING_SCHEMA)
            .field("code", Schema.INT32_SCHEMA)
            .field("age", Schema.OPTIONAL_INT64_SCHEMA)
            .build();
    private static final Schema SOURCE = SchemaBuilder.struct()
            .field("schema", Schema.STRING_SCHEMA)
            .field("table", Schema.STRING_SCHEMA)
            .build();
    private static final Schema ENVELOPE = SchemaBuilder.struct()
            .name("app.public.users.Envelope")
            .field("before", ROW)
            .field("after", ROW)
            .field("source", SOURCE)
            .field("op", Schema.STRING_SCHEMA)
            .build();

    private final HashedColumns hashed = HashedColumns.of(Configuration.from(SETTINGS));

    @Test
    void everyTextIsTheHashThatOthersComputeToo() {
        KNOWN.forEach((text, hash) -> {
            Struct after = image(hide(change("users", null, row(text))), "after");
            assertEquals(hash, after.get("email"));
            assertEquals(hash, after.get("a,b +"));
            assertEquals("1", after.get("id"));
        });
    }

    @Test
    void nullStaysNullAndBothImagesAreHashed() {
        SourceRecord hidden = hide(change("users", row(null), row("")));
        assertNull(image(hidden, "before").get("email"));
        assertEquals(KNOWN.get(""), image(hidden, "after").get("email"));
    }

    @Test
    void anImageThatTwoRecordsShareIsHashedOnce() {
        Struct shared = row("");
        hide(change("users", shared, null));
        assertEquals(
                KNOWN.get(""),
                image(hide(change("users", null, shared)), "after").get("email"));
    }

    @Test
    void whatIsNoTextIsLeftOutAndNamed() {
        SourceRecord hidden =
                hide(change("users", null, row("").put("code", 4711).put("age", 42L)));
        assertEquals(0, image(hidden, "after").get("code"));
        assertNull(image(hidden, "after").get("age"));
        Object said = hidden.headers().lastWithName(LeftOut.HEADER + "after").value();
        assertTrue(said.toString().startsWith("code=int32, which is no text"), said.toString());
        assertTrue(said.toString().contains(";age=int64, which is no text"), said.toString());
    }

    @Test
    void otherTablesAndOtherRecordsAreLeftAlone() {
        SourceRecord other = change("Users", null, row("seen"));
        assertSame(other, hide(other));
        SourceRecord heartbeat = new SourceRecord(Map.of(), Map.of(), "t", Schema.STRING_SCHEMA, "beat");
        assertSame(heartbeat, hide(heartbeat));
    }

    @Test
    void anotherSecretIsRefused() {
        for (String secret : List.of("another one", "", "${env:PENSTOCK_HASH_SECRET}")) {
            Configuration config = Configuration.from(SETTINGS)
                    .edit()
                    .with(HashedColumns.SECRET, secret)
                    .build();
            assertThrows(DebeziumException.class, () -> HashedColumns.of(config));
        }
        HashedColumns.of(Configuration.empty());
    }

    private SourceRecord hide(SourceRecord record) {
        return hashed.hide(List.of(record)).get(0);
    }

    private static Struct row(String email) {
        return new Struct(ROW)
                .put("id", "1")
                .put("email", email)
                .put("a,b +", email)
                .put("code", 0);
    }

    private static SourceRecord change(String table, Struct before, Struct after) {
        Struct source = new Struct(SOURCE).put("schema", "public").put("table", table);
        Struct change = new Struct(ENVELOPE)
                .put("before", before)
                .put("after", after)
                .put("source", source)
                .put("op", "u");
        return new SourceRecord(Map.of(), Map.of(), "app.public.users", null, null, null, ENVELOPE, change);
    }

    private static Struct image(SourceRecord record, String name) {
        return ((Struct) record.value()).getStruct(name);
    }
}
