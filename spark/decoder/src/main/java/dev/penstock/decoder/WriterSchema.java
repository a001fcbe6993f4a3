package dev.penstock.decoder;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.LinkedHashMap;
import java.util.Map;
import org.apache.avro.NameValidator;
import org.apache.avro.Schema;

/**
 * A schema of the registry, and what Debezium's envelope needs of it.
 *
 * @param id its id
 * @param schema the schema; null when it is no envelope
 * @param columns the Avro types of the row's columns as they are written, by their names in Avro
 */
record WriterSchema(long id, Schema schema, Map<String, JsonNode> columns) {

    private static final ObjectMapper JSON = new ObjectMapper();

    static WriterSchema parse(long id, String text) {
        try {
            // As Spark's own from_avro does: whoever reads a schema is not the one to judge its names and defaults.
            Schema schema = new Schema.Parser(NameValidator.NO_VALIDATION)
                    .setValidateDefaults(false)
                    .parse(text);
            Map<String, JsonNode> columns = columns(JSON.readTree(text));
            return new WriterSchema(id, columns != null && isEnvelope(schema) ? schema : null, columns);
        } catch (RuntimeException | JsonProcessingException exc) { // whoever registered it may have written anything
            return new WriterSchema(id, null, Map.of());
        }
    }

    boolean isEnvelope() {
        return schema != null;
    }

    /** A type without the null of its union. */
    static Schema notNull(Schema schema) {
        if (schema.getType() != Schema.Type.UNION) {
            return schema;
        }
        var rest = schema.getTypes().stream()
                .filter(branch -> branch.getType() != Schema.Type.NULL)
                .toList();
        return rest.size() == 1 ? rest.get(0) : schema;
    }

    private static boolean isEnvelope(Schema schema) {
        return schema.getType() == Schema.Type.RECORD
                && has(schema, "before", Schema.Type.RECORD)
                && has(schema, "after", Schema.Type.RECORD)
                && typeOf(schema, "after").equals(typeOf(schema, "before"))
                && has(schema, "op", Schema.Type.STRING)
                && has(schema, "source", Schema.Type.RECORD)
                && has(typeOf(schema, "source"), "lsn", Schema.Type.LONG)
                && has(typeOf(schema, "source"), "txId", Schema.Type.LONG)
                && has(typeOf(schema, "source"), "ts_ms", Schema.Type.LONG);
    }

    private static boolean has(Schema record, String name, Schema.Type type) {
        return record.getField(name) != null && typeOf(record, name).getType() == type;
    }

    private static Schema typeOf(Schema record, String name) {
        return notNull(record.getField(name).schema());
    }

    /** The columns of the row image in {@code before}; null when there is none. */
    private static Map<String, JsonNode> columns(JsonNode envelope) {
        for (JsonNode part : envelope.path("fields")) {
            if (part.path("name").asText().equals("before")) {
                Map<String, JsonNode> columns = new LinkedHashMap<>();
                for (JsonNode field : Reader.described(part.get("type")).path("fields")) {
                    columns.put(field.get("name").asText(), field.get("type"));
                }
                return columns;
            }
        }
        return null;
    }
}
