package dev.penstock.postgres;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.debezium.relational.TableId;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Properties;
import org.junit.jupiter.api.Test;

/** tests/contract/test_names.py reads the same examples. */
final class NamesTest {
    @Test
    void namesAreThoseOfTheExamples() throws IOException {
        JsonNode examples = new ObjectMapper()
                .readTree(Path.of("../../tests/data/names.json").toFile());
        assertTrue(examples.size() > 20);
        for (JsonNode example : examples) {
            String name = example.get("postgres").asText();
            assertEquals(example.get("column").asText(), Names.column(name));
            assertEquals(example.get("topic").asText(), Names.topicPart(name));
        }
    }

    @Test
    void noTwoTablesShareATopic() {
        Properties settings = new Properties();
        settings.put("topic.prefix", "app");
        TableTopics topics = new TableTopics(settings);
        assertEquals("app.public.order_items", topics.dataChangeTopic(new TableId(null, "public", "order_items")));
        assertEquals(
                "app.public.order_x0020_items", topics.dataChangeTopic(new TableId(null, "public", "order items")));
        assertEquals("app.Sales.a_x002E_b-c", topics.dataChangeTopic(new TableId(null, "Sales", "a.b-c")));
    }
}
