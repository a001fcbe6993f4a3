package dev.penstock.postgres;

import io.debezium.data.Envelope;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.source.SourceRecord;

/**
 * Puts into the schema of each change event how often the columns of its table have changed.
 *
 * <p>A column that is added and dropped again, or renamed and renamed back, leaves a table with the columns of before,
 * and Debezium's records with the schema of before: the registry gives it the old id, and a reader cannot tell the late
 * records from the early ones. With the number in it, no later schema is equal to an earlier one.
 */
final class AlterationMarks {
  static final String PARAMETER = "penstock.columns.altered";

  private static final int MOST_KNOWN = 1_000;

  private final Counts counts;
  // By identity: Debezium builds the schema of a table once, until it meets an altered one.
  private final Map<Schema, Schema> known = new IdentityHashMap<>();

  AlterationMarks(Counts counts) {
    this.counts = counts;
  }

  /** How often the columns of a table have changed; 0 where nobody counts. */
  @FunctionalInterface
  interface Counts {
    int of(String schema, String table) throws SQLException;
  }

  /**
   * The same records; those of a table that was altered have the number in their schema.
   *
   * @throws SQLException when it cannot be asked for: then no record is marked, and the same can be given again
   */
  List<SourceRecord> mark(List<SourceRecord> records) throws SQLException {
    List<SourceRecord> marked = new ArrayList<>(records.size());
    for (SourceRecord record : records) {
      marked.add(mark(record));
    }
    return marked;
  }

  private SourceRecord mark(SourceRecord record) throws SQLException {
    if (!(record.value() instanceof Struct change) || !Envelope.isEnvelopeSchema(change.schema())) {
      return record;
    }
    Schema schema = schemaFor(change);
    if (schema == change.schema()) {
      return record;
    }
    return record.newRecord(
        record.topic(), record.kafkaPartition(), record.keySchema(), record.key(),
        schema, copy(change, schema), record.timestamp(), record.headers());
  }

  private Schema schemaFor(Struct change) throws SQLException {
    Schema found = known.get(change.schema());
    if (found == null) {
      Struct source = change.getStruct(Envelope.FieldName.SOURCE);
      int count = counts.of(source.getString("schema"), source.getString("table"));
      found = count == 0 ? change.schema() : withCount(change.schema(), count);
      if (known.size() == MOST_KNOWN) {
        known.clear();
      }
      known.put(change.schema(), found);
    }
    return found;
  }

  private static Schema withCount(Schema schema, int count) {
    SchemaBuilder builder = SchemaBuilder.struct().name(schema.name()).version(schema.version()).doc(schema.doc());
    if (schema.parameters() != null) {
      builder.parameters(schema.parameters());
    }
    builder.parameter(PARAMETER, String.valueOf(count));
    schema.fields().forEach(field -> builder.field(field.name(), field.schema()));
    return (schema.isOptional() ? builder.optional() : builder).build();
  }

  private static Struct copy(Struct change, Schema schema) {
    Struct copy = new Struct(schema);
    for (Field field : schema.fields()) {
      copy.put(field, change.getWithoutDefault(field.name()));
    }
    return copy;
  }
}
