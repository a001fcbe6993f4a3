package dev.penstock.postgres;

import java.sql.SQLException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.source.SourceRecord;

/** `make test-java` runs this with `-ea`. */
final class AlterationMarksTest {
  private final Map<String, Integer> counted = new HashMap<>();
  private int asked;
  private boolean isAway;
  private final AlterationMarks marks = new AlterationMarks((schema, table) -> {
    asked++;
    if (isAway) {
      throw new SQLException("away");
    }
    return counted.getOrDefault(schema + "." + table, 0);
  });

  public static void main(String[] none) throws SQLException {
    new AlterationMarksTest().aTableThatWasNeverAlteredKeepsItsSchema();
    new AlterationMarksTest().anAlteredTableHasTheNumberInItsSchemaAndTheSameValues();
    new AlterationMarksTest().eachSchemaIsAskedForOnce();
    new AlterationMarksTest().whatIsNoChangeEventIsLeftAlone();
    new AlterationMarksTest().whileNobodyAnswersTheSameCanBeGivenAgain();
  }

  private void aTableThatWasNeverAlteredKeepsItsSchema() throws SQLException {
    SourceRecord change = change(envelope());
    assert marks.mark(List.of(change)).get(0) == change;
  }

  private void anAlteredTableHasTheNumberInItsSchemaAndTheSameValues() throws SQLException {
    counted.put("public.users", 3);
    SourceRecord change = change(envelope());
    SourceRecord marked = marks.mark(List.of(change)).get(0);
    assert marked.valueSchema().parameters().get(AlterationMarks.PARAMETER).equals("3");
    assert marked.valueSchema().name().equals(change.valueSchema().name());
    assert marked.valueSchema().fields().equals(change.valueSchema().fields());
    assert ((Struct) marked.value()).getString("op").equals("c");
    assert ((Struct) marked.value()).getStruct("source").equals(((Struct) change.value()).getStruct("source"));
    assert ((Struct) marked.value()).schema() == marked.valueSchema();
    assert marked.key().equals(change.key()) && marked.topic().equals(change.topic());
    assert marked.sourceOffset().equals(change.sourceOffset());
  }

  private void eachSchemaIsAskedForOnce() throws SQLException {
    counted.put("public.users", 1);
    Schema schema = envelope();
    List<SourceRecord> marked = marks.mark(List.of(change(schema), change(schema)));
    assert asked == 1;
    assert marked.get(0).valueSchema() == marked.get(1).valueSchema();
    counted.put("public.users", 2);
    assert marks.mark(List.of(change(schema))).get(0).valueSchema() == marked.get(0).valueSchema();
    // Debezium builds another schema when it meets an altered table, even if it looks the same.
    Schema later = marks.mark(List.of(change(envelope()))).get(0).valueSchema();
    assert !later.equals(marked.get(0).valueSchema());
  }

  private void whatIsNoChangeEventIsLeftAlone() throws SQLException {
    Schema schema = SchemaBuilder.struct().name("Heartbeat").field("ts_ms", Schema.INT64_SCHEMA).build();
    SourceRecord heartbeat = record(schema, new Struct(schema).put("ts_ms", 1L));
    SourceRecord tombstone = record(null, null);
    assert marks.mark(List.of(heartbeat, tombstone)).equals(List.of(heartbeat, tombstone));
    assert asked == 0;
  }

  private void whileNobodyAnswersTheSameCanBeGivenAgain() throws SQLException {
    counted.put("public.users", 1);
    List<SourceRecord> changes = List.of(change(envelope()));
    isAway = true;
    try {
      marks.mark(changes);
      assert false;
    } catch (SQLException expected) {
      isAway = false;
    }
    assert marks.mark(changes).get(0).valueSchema().parameters() != null;
  }

  private static Schema envelope() {
    SchemaBuilder source = SchemaBuilder.struct();
    source.field("schema", Schema.STRING_SCHEMA).field("table", Schema.STRING_SCHEMA);
    SchemaBuilder envelope = SchemaBuilder.struct().name("app.public.users.Envelope").version(2);
    return envelope.field("op", Schema.STRING_SCHEMA).field("source", source.build()).build();
  }

  private static SourceRecord change(Schema schema) {
    Struct source = new Struct(schema.field("source").schema()).put("schema", "public").put("table", "users");
    return record(schema, new Struct(schema).put("op", "c").put("source", source));
  }

  private static SourceRecord record(Schema schema, Object value) {
    Map<String, ?> server = Map.of("server", "app");
    return new SourceRecord(server, Map.of("lsn", 7L), "app.public.users", Schema.STRING_SCHEMA, "k", schema, value);
  }
}
