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
final class RecordRewriterTest {
  private final Map<String, Integer> counted = new HashMap<>();
  private int asked;
  private boolean isAway;
  private final RecordRewriter rewriter = new RecordRewriter((schema, table) -> {
    asked++;
    if (isAway) {
      throw new SQLException("away");
    }
    return counted.getOrDefault(schema + "." + table, 0);
  });

  public static void main(String[] none) throws SQLException {
    new RecordRewriterTest().whatNeedsNoChangeIsTheSameRecord();
    new RecordRewriterTest().anAlteredTableHasTheNumberInItsSchemaAndTheSameValues();
    new RecordRewriterTest().eachSchemaIsAskedForOnce();
    new RecordRewriterTest().noRowHasADefault();
    new RecordRewriterTest().anEventWithoutAKeyHasNone();
    new RecordRewriterTest().whatIsNoChangeEventIsLeftAlone();
    new RecordRewriterTest().whileNobodyAnswersTheSameCanBeGivenAgain();
  }

  private void whatNeedsNoChangeIsTheSameRecord() throws SQLException {
    SourceRecord change = event(envelope());
    assert rewriter.rewrite(List.of(change)).get(0) == change;
  }

  private void anAlteredTableHasTheNumberInItsSchemaAndTheSameValues() throws SQLException {
    counted.put("public.users", 3);
    SourceRecord change = event(envelope());
    SourceRecord written = rewriter.rewrite(List.of(change)).get(0);
    assert written.valueSchema().parameters().get(RecordRewriter.PARAMETER).equals("3");
    assert written.valueSchema().name().equals(change.valueSchema().name());
    assert written.valueSchema().fields().equals(change.valueSchema().fields());
    assert ((Struct) written.value()).getString("op").equals("c");
    assert ((Struct) written.value()).getStruct("source").equals(((Struct) change.value()).getStruct("source"));
    assert ((Struct) written.value()).schema() == written.valueSchema();
    assert written.key().equals(change.key()) && written.topic().equals(change.topic());
    assert written.sourceOffset().equals(change.sourceOffset());
  }

  private void eachSchemaIsAskedForOnce() throws SQLException {
    counted.put("public.users", 1);
    Schema schema = envelope();
    List<SourceRecord> written = rewriter.rewrite(List.of(event(schema), event(schema)));
    assert asked == 1;
    assert written.get(0).valueSchema() == written.get(1).valueSchema();
    counted.put("public.users", 2);
    assert rewriter.rewrite(List.of(event(schema))).get(0).valueSchema() == written.get(0).valueSchema();
    // Debezium builds another schema when it meets an altered table, even if it looks the same.
    Schema later = rewriter.rewrite(List.of(event(envelope()))).get(0).valueSchema();
    assert !later.equals(written.get(0).valueSchema());
  }

  private void noRowHasADefault() throws SQLException {
    Schema id = number().defaultValue(0).build();
    Schema key = SchemaBuilder.struct().name("app.public.users.Key").field("id", id).build();
    Schema row = row();
    Struct before = new Struct(row).put("id", 7).put("n", 1);
    Struct after = new Struct(row).put("id", 7).put("n", null);
    SchemaBuilder builder = envelopeBuilder().field("before", row).field("after", row);
    Struct change = change(builder.build()).put("before", before).put("after", after);
    SourceRecord event = record(key, new Struct(key).put("id", 7), change);
    SourceRecord written = rewriter.rewrite(List.of(event)).get(0);
    assert written.keySchema().field("id").schema().defaultValue() == null;
    assert ((Struct) written.key()).schema() == written.keySchema();
    assert ((Struct) written.key()).getInt32("id") == 7;
    Struct value = (Struct) written.value();
    assert value.schema() == written.valueSchema() && written.valueSchema().parameters().equals(change.schema().parameters());
    assert value.getStruct("before").get("n").equals(1);
    assert value.getStruct("after").get("n") == null;
    assert value.getStruct("after").schema() == written.valueSchema().field("before").schema();
    value.validate();
  }

  private void anEventWithoutAKeyHasNone() throws SQLException {
    counted.put("public.users", 1);
    SourceRecord written = rewriter.rewrite(List.of(record(null, null, change(envelope())))).get(0);
    assert written.key() == null && written.keySchema() == null;
    assert written.valueSchema().parameters().containsKey(RecordRewriter.PARAMETER);
  }

  private void whatIsNoChangeEventIsLeftAlone() throws SQLException {
    Schema schema = SchemaBuilder.struct().name("Heartbeat").field("ts_ms", Schema.INT64_SCHEMA).build();
    SourceRecord heartbeat = record(null, null, new Struct(schema).put("ts_ms", 1L));
    SourceRecord tombstone = record(Schema.STRING_SCHEMA, "k", null);
    assert rewriter.rewrite(List.of(heartbeat, tombstone)).equals(List.of(heartbeat, tombstone));
    assert asked == 0;
  }

  private void whileNobodyAnswersTheSameCanBeGivenAgain() throws SQLException {
    counted.put("public.users", 1);
    List<SourceRecord> changes = List.of(event(envelope()));
    isAway = true;
    try {
      rewriter.rewrite(changes);
      assert false;
    } catch (SQLException expected) {
      isAway = false;
    }
    assert rewriter.rewrite(changes).get(0).valueSchema().parameters().containsKey(RecordRewriter.PARAMETER);
  }

  private static SchemaBuilder number() {
    return SchemaBuilder.int32().parameter("type", "INT4");
  }

  private static Schema row() {
    SchemaBuilder row = SchemaBuilder.struct().name("app.public.users.Value").optional();
    row.field("id", number().defaultValue(0).build()).field("n", number().optional().defaultValue(5).build());
    return row.build();
  }

  private static Schema envelope() {
    return envelopeBuilder().build();
  }

  private static SchemaBuilder envelopeBuilder() {
    SchemaBuilder source = SchemaBuilder.struct();
    source.field("schema", Schema.STRING_SCHEMA).field("table", Schema.STRING_SCHEMA);
    SchemaBuilder envelope = SchemaBuilder.struct().name("app.public.users.Envelope").version(2);
    return envelope.parameter("kept", "yes").field("op", Schema.STRING_SCHEMA).field("source", source.build());
  }

  private static Struct change(Schema schema) {
    Struct source = new Struct(schema.field("source").schema()).put("schema", "public").put("table", "users");
    return new Struct(schema).put("op", "c").put("source", source);
  }

  private static SourceRecord event(Schema schema) {
    return record(Schema.STRING_SCHEMA, "k", change(schema));
  }

  private static SourceRecord record(Schema keySchema, Object key, Struct value) {
    Map<String, ?> server = Map.of("server", "app");
    Schema schema = value == null ? null : value.schema();
    return new SourceRecord(server, Map.of("lsn", 7L), "app.public.users", keySchema, key, schema, value);
  }
}
