package dev.penstock.postgres;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.debezium.DebeziumException;
import io.debezium.config.Configuration;
import io.debezium.data.Envelope;
import java.net.URLDecoder;
import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Set;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.source.SourceRecord;

/**
 * Puts keyed hashes in the place of the values of some columns, before a record leaves the task: HMAC-SHA-256 of the
 * text in UTF-8, in hexadecimal. Equal values stay equal, and NULL stays NULL.
 *
 * <p>penstock/hashed.py has the same hash in SQL. Debezium has a mask of its own, which is of no use here: its salt is
 * part of the name of a setting, where no reference to a secret is resolved, and it is not an HMAC.
 */
final class HashedColumns {
    /** The columns: {@code schema.table/column}, separated by commas, each name in percent-encoding. */
    static final String COLUMNS = "penstock.hash.columns";

    /** Debezium writes no setting of such a name into its log. */
    static final String SECRET = "penstock.hash.secret";

    /** The beginning of the hash of {@link #KNOWN}: by it both sides know that they have the same secret. */
    static final String FINGERPRINT = "penstock.hash.fingerprint";

    static final String KNOWN = "penstock";
    private static final String ALGORITHM = "HmacSHA256";

    private final Map<String, Set<String>> columns;
    private final Mac mac;

    private HashedColumns(Map<String, Set<String>> columns, Mac mac) {
        this.columns = columns;
        this.mac = mac;
    }

    /**
     * Those that the settings name.
     *
     * @throws DebeziumException when the secret is another one than that of the settings' author
     */
    static HashedColumns of(Configuration config) {
        Map<String, Set<String>> columns = parse(config.getString(COLUMNS, ""));
        if (columns.isEmpty()) {
            return new HashedColumns(columns, null);
        }
        HashedColumns hashed = new HashedColumns(columns, mac(config.getString(SECRET, "")));
        if (!hashed.hash(KNOWN).startsWith(config.getString(FINGERPRINT, "-"))) {
            throw new DebeziumException("the secret of hashed columns that this worker resolves is not the one of"
                    + " penstock.toml (hash_secret_file); nothing was read. Give the worker the same secret and"
                    + " restart it");
        }
        return hashed;
    }

    /** The same records, in which the values of these columns are hashes. */
    List<SourceRecord> hide(List<SourceRecord> records) {
        if (columns.isEmpty()) {
            return records;
        }
        List<SourceRecord> hidden = new ArrayList<>(records.size());
        for (SourceRecord record : records) {
            hidden.add(hide(record));
        }
        return hidden;
    }

    private SourceRecord hide(SourceRecord record) {
        if (!(record.value() instanceof Struct change) || !Envelope.isEnvelopeSchema(change.schema())) {
            return record;
        }
        Struct source = change.getStruct(Envelope.FieldName.SOURCE);
        Set<String> names = columns.get(source.getString("schema") + "." + source.getString("table"));
        return names == null ? record : hide(record, names);
    }

    /** Copies what it changes: an image that two records share would be hashed twice. */
    private SourceRecord hide(SourceRecord record, Set<String> names) {
        Struct change = LeftOut.copy((Struct) record.value());
        SourceRecord hidden = LeftOut.with(record, change);
        for (String image : LeftOut.IMAGES) {
            Struct row = change.getStruct(image);
            if (row != null) {
                change.put(image, hide(hidden, image, row, names));
            }
        }
        return hidden;
    }

    private Struct hide(SourceRecord record, String image, Struct from, Set<String> names) {
        Struct row = LeftOut.copy(from);
        for (Field field : row.schema().fields()) {
            Object value = names.contains(field.name()) ? row.getWithoutDefault(field.name()) : null;
            if (value instanceof String text) {
                row.put(field, hash(text));
            } else if (value != null) {
                // Another type since it was named: its values must not leave, and the other tables must not stop.
                row.put(field, nothing(field.schema(), value));
                String why = "=%s, which is no text: such a column cannot be hashed";
                LeftOut.say(record.headers(), image, Names.column(field.name()) + why.formatted(type(field.schema())));
            }
        }
        return row;
    }

    private String hash(String text) {
        return HexFormat.of().formatHex(mac.doFinal(text.getBytes(UTF_8)));
    }

    private static String type(Schema schema) {
        return schema.type().getName();
    }

    private static Object nothing(Schema schema, Object value) {
        if (schema.isOptional()) {
            return null;
        }
        return switch (schema.type()) {
            case INT8 -> (byte) 0;
            case INT16 -> (short) 0;
            case INT32 -> 0;
            case INT64 -> 0L;
            case FLOAT32 -> 0F;
            case FLOAT64 -> 0D;
            case BOOLEAN -> false;
            case STRUCT -> nothing((Struct) value);
            case STRING -> "0";
            case BYTES -> ByteBuffer.allocate(0);
            case ARRAY -> List.of();
            case MAP -> Map.of();
        };
    }

    private static Struct nothing(Struct value) {
        Struct nothing = new Struct(value.schema());
        for (Field field : value.schema().fields()) {
            Object part = value.getWithoutDefault(field.name());
            nothing.put(field, part == null ? null : nothing(field.schema(), part));
        }
        return nothing;
    }

    private static Mac mac(String secret) {
        if (secret.isEmpty()) {
            throw new DebeziumException(SECRET + " is empty, and there are columns to hash");
        }
        try {
            Mac mac = Mac.getInstance(ALGORITHM);
            mac.init(new SecretKeySpec(secret.getBytes(UTF_8), ALGORITHM));
            return mac;
        } catch (GeneralSecurityException impossible) {
            throw new IllegalStateException("every Java has " + ALGORITHM, impossible);
        }
    }

    private static Map<String, Set<String>> parse(String text) {
        Map<String, Set<String>> columns = new HashMap<>();
        for (String each : text.isBlank() ? new String[0] : text.split(",")) {
            String[] named = each.strip().split("/", 2);
            columns.computeIfAbsent(decoded(named[0]), table -> new HashSet<>()).add(decoded(named[1]));
        }
        return columns;
    }

    private static String decoded(String name) {
        return URLDecoder.decode(name, UTF_8);
    }
}
