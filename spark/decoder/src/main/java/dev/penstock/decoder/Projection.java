package dev.penstock.decoder;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;

/**
 * How records of one writer schema become what a reader wants. Nothing is resolved: values are as they were written, by
 * the names of their columns, and no default stands for any.
 */
final class Projection {

    private final long schemaId;
    private final List<Schema.Field> parts;
    /** For each field of the row image the slot of its values, or NO_SLOT. */
    private final int[] slots;

    private final int width;
    /** The columns that this writer lacks though an earlier one had them; null for none. */
    private final String[] gone;

    private Projection(WriterSchema writer, int[] slots, int width, String[] gone) {
        this.schemaId = writer.id();
        this.parts = writer.schema().getFields();
        this.slots = slots;
        this.width = width;
        this.gone = gone;
    }

    /**
     * Finds how the images of a writer fill the slots of a reader.
     *
     * @throws NewPlanNeeded when it has what the reader has no place for
     */
    static Projection of(WriterSchema writer, Reader reader) {
        int[] slots = new int[writer.columns().size()];
        int place = 0;
        for (var column : writer.columns().entrySet()) {
            slots[place++] = slotOf(column, writer, reader);
        }
        List<String> gone = new ArrayList<>();
        reader.columns().forEach((name, wanted) -> {
            if (!writer.columns().containsKey(name) && writer.id() >= wanted.since()) {
                gone.add(name);
            }
        });
        return new Projection(writer, slots, reader.slots(), gone.isEmpty() ? null : gone.toArray(String[]::new));
    }

    private static int slotOf(Map.Entry<String, JsonNode> column, WriterSchema writer, Reader reader) {
        Reader.Wanted wanted = reader.columns().get(column.getKey());
        int slot =
                wanted != null ? wanted.slotOf(column.getValue()) : reader.isWhole() ? Reader.UNKNOWN : Reader.NO_SLOT;
        if (slot == Reader.UNKNOWN) {
            throw new NewPlanNeeded(reader.topic(), writer.id(), column.getKey());
        }
        return slot;
    }

    /** Reads a record. */
    Row read(Body body) throws Misfit {
        Decoder.Change change = new Decoder.Change();
        change.schemaId = schemaId;
        change.gone = gone;
        for (Schema.Field part : parts) {
            switch (part.name()) {
                case "before" -> change.before = readImage(body, part.schema());
                case "after" -> change.after = readImage(body, part.schema());
                case "source" -> readSource(body, part.schema(), change);
                case "op" -> change.op = body.read(part.schema());
                default -> body.skip(part.schema());
            }
        }
        if (change.op == null || !body.isRead()) {
            throw new Misfit();
        }
        return change.asRow();
    }

    private Row readImage(Body body, Schema schema) throws Misfit {
        Schema image = schema.getType() == Schema.Type.UNION ? body.branch(schema) : schema;
        if (image.getType() == Schema.Type.NULL) {
            return null;
        }
        Object[] values = new Object[width];
        List<Schema.Field> fields = image.getFields();
        for (int place = 0; place < slots.length; place++) {
            Schema type = fields.get(place).schema();
            if (slots[place] == Reader.NO_SLOT) {
                body.skip(type);
            } else {
                values[slots[place]] = body.read(type);
            }
        }
        return RowFactory.create(values);
    }

    private static void readSource(Body body, Schema schema, Decoder.Change change) throws Misfit {
        Schema source = schema.getType() == Schema.Type.UNION ? body.branch(schema) : schema;
        if (source.getType() == Schema.Type.NULL) {
            return;
        }
        for (Schema.Field field : source.getFields()) {
            switch (field.name()) {
                case "lsn" -> change.lsn = body.read(field.schema());
                case "txId" -> change.txId = body.read(field.schema());
                case "ts_ms" -> change.committedMs = body.read(field.schema());
                default -> body.skip(field.schema());
            }
        }
    }
}
