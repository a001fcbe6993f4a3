package dev.penstock.postgres;

import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;

/** `make test-java` runs this with `-ea`. */
final class RowSchemasTest {
  private final RowSchemas rows = new RowSchemas();

  public static void main(String[] none) {
    new RowSchemasTest().onlyTheDefaultsGo();
    new RowSchemasTest().aRowWithoutDefaultsKeepsItsSchema();
    new RowSchemasTest().eachSchemaIsRewrittenOnce();
    new RowSchemasTest().columnsHaveNamesThatAvroTakes();
  }

  private void onlyTheDefaultsGo() {
    Schema point = SchemaBuilder.struct().field("x", Schema.FLOAT64_SCHEMA).build();
    Struct at = new Struct(point).put("x", 1.0);
    List<SchemaBuilder> kinds = List.of(
        SchemaBuilder.string().defaultValue("new"),
        SchemaBuilder.int64().name("io.debezium.time.MicroTimestamp").version(1).doc("when").defaultValue(0L),
        SchemaBuilder.array(Schema.OPTIONAL_STRING_SCHEMA).defaultValue(List.of("a")),
        SchemaBuilder.map(Schema.STRING_SCHEMA, Schema.OPTIONAL_STRING_SCHEMA).defaultValue(Map.of("a", "b")));
    for (SchemaBuilder kind : kinds) {
      Schema column = kind.optional().parameter("__debezium.source.column.type", "TEXT").build();
      Schema row = row().field("it", column).field("at", point).build();
      Schema written = rows.of(row);
      Schema bare = written.field("it").schema();
      assert bare.defaultValue() == null && bare.isOptional() && bare.type() == column.type();
      assert bare.parameters().equals(column.parameters());
      assert Objects.equals(bare.name(), column.name()) && Objects.equals(bare.doc(), column.doc());
      assert Objects.equals(bare.version(), column.version());
      assert written.field("at").schema().equals(point);
      assert written.name().equals(row.name()) && written.isOptional() && written.version() == 3;
      assert written.parameters().equals(row.parameters());
      Struct empty = rows.rewrite(new Struct(row).put("it", null).put("at", at));
      empty.validate();
      assert empty.get("it") == null;
      Struct full = rows.rewrite(new Struct(row).put("it", column.defaultValue()).put("at", at));
      full.validate();
      assert full.get("it").equals(column.defaultValue());
    }
  }

  private void aRowWithoutDefaultsKeepsItsSchema() {
    Schema schema = row().field("it", Schema.OPTIONAL_STRING_SCHEMA).build();
    Struct row = new Struct(schema).put("it", "x");
    assert rows.of(schema) == schema && rows.rewrite(row) == row;
  }

  private void eachSchemaIsRewrittenOnce() {
    Schema schema = row().field("it", SchemaBuilder.string().defaultValue("new").build()).build();
    assert rows.of(schema) == rows.of(schema);
    assert rows.rewrite(new Struct(schema).put("it", "x")).schema() == rows.of(schema);
  }

  private void columnsHaveNamesThatAvroTakes() {
    Schema schema = row().field("postal code", Schema.STRING_SCHEMA).field("2fa", Schema.BOOLEAN_SCHEMA).build();
    Struct written = rows.rewrite(new Struct(schema).put("postal code", "1010").put("2fa", true));
    assert written.schema().name().equals(schema.name()) && written.schema().fields().size() == 2;
    assert written.getString("postal_x0020_code").equals("1010") && written.getBoolean("_x0032_fa");
  }

  private static SchemaBuilder row() {
    return SchemaBuilder.struct().name("app.public.users.Value").version(3).optional().parameter("kept", "yes");
  }
}
