package dev.penstock.decoder;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * What a query wants of the records of one topic; penstock_views/change/source.py writes it.
 *
 * @param topic for messages
 * @param isWhole whether a column that is not among these takes a new plan; else nobody reads it
 * @param columns what is known of each column, by its name in Avro
 * @param slots how many values an image has
 * @param unreadable ids of schemas that Python could not read
 * @param knownId the id of a schema that the registry has
 */
record Reader(
        String topic, boolean isWhole, Map<String, Wanted> columns, int slots, Set<Long> unreadable, long knownId) {

    /** The slot of a type whose values no view can use. */
    static final int NO_SLOT = -1;
    /** What is told of a type that nobody knew when the plan was made. */
    static final int UNKNOWN = -2;

    private static final ObjectMapper JSON = new ObjectMapper();

    /**
     * A column.
     *
     * @param since the id of the first schema that had it
     * @param types each Avro type that it had so far: what it looks like, and the slot that takes its values
     */
    record Wanted(long since, JsonNode types) {

        /** The slot for the values of a type, NO_SLOT or UNKNOWN. */
        int slotOf(JsonNode avroType) {
            for (JsonNode known : types) {
                if (isLike(known.get("like"), avroType)) {
                    return known.get("slot").asInt(NO_SLOT);
                }
            }
            return UNKNOWN;
        }
    }

    static Reader parse(String text) {
        try {
            JsonNode told = JSON.readTree(text);
            Map<String, Wanted> columns = new LinkedHashMap<>();
            for (JsonNode column : told.get("columns")) {
                columns.put(
                        column.get("name").asText(),
                        new Wanted(column.get("since").asLong(), column.get("types")));
            }
            Set<Long> unreadable = new HashSet<>();
            told.get("unreadable").forEach(id -> unreadable.add(id.asLong()));
            return new Reader(
                    told.get("topic").asText(),
                    told.get("whole").asBoolean(),
                    columns,
                    told.get("slots").asInt(),
                    unreadable,
                    told.get("known_id").asLong());
        } catch (JsonProcessingException exc) {
            throw new IllegalArgumentException("no reader: " + text, exc);
        }
    }

    /** Tells whether an Avro type has all that is asked for; what is asked for as null must not be there. */
    static boolean isLike(JsonNode asked, JsonNode avroType) {
        JsonNode type = described(avroType);
        for (Map.Entry<String, JsonNode> part : asked.properties()) {
            JsonNode wanted = part.getValue();
            JsonNode found = type.path(part.getKey());
            boolean isThere = !found.isMissingNode() && !found.isNull();
            boolean isRight =
                    wanted.isNull() ? !isThere : wanted.isObject() ? isLike(wanted, found) : wanted.equals(found);
            if (!isRight) {
                return false;
            }
        }
        return true;
    }

    /** An Avro type as an object, without the null of its union. */
    static JsonNode described(JsonNode avroType) {
        JsonNode type = avroType;
        if (avroType.isArray()) {
            var rest = JsonNodeFactory.instance.arrayNode();
            avroType.forEach(branch -> {
                if (!branch.asText().equals("null")) {
                    rest.add(branch);
                }
            });
            type = rest.size() == 1 ? rest.get(0) : rest;
        }
        return type.isObject() || type.isMissingNode()
                ? type
                : JsonNodeFactory.instance.objectNode().set("type", type);
    }
}
