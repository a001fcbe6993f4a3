package dev.penstock.postgres;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.debezium.relational.TableId;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Properties;

/** `make test-java` runs this with `-ea` in the clone; tests/contract/test_names.py reads the same examples. */
final class NamesTest {
  public static void main(String[] none) throws IOException {
    new NamesTest().namesAreThoseOfTheExamples();
    new NamesTest().noTwoTablesShareATopic();
  }

  private void namesAreThoseOfTheExamples() throws IOException {
    JsonNode examples = new ObjectMapper().readTree(Path.of("tests/data/names.json").toFile());
    assert examples.size() > 20;
    for (JsonNode example : examples) {
      String name = example.get("postgres").asText();
      assert Names.column(name).equals(example.get("column").asText()) : Names.column(name);
      assert Names.topicPart(name).equals(example.get("topic").asText()) : Names.topicPart(name);
    }
  }

  private void noTwoTablesShareATopic() {
    Properties settings = new Properties();
    settings.put("topic.prefix", "app");
    TableTopics topics = new TableTopics(settings);
    assert topics.dataChangeTopic(new TableId(null, "public", "order_items")).equals("app.public.order_items");
    assert topics.dataChangeTopic(new TableId(null, "public", "order items")).equals("app.public.order_x0020_items");
    assert topics.dataChangeTopic(new TableId(null, "Sales", "a.b-c")).equals("app.Sales.a_x002E_b-c");
  }
}
