package dev.penstock.decoder;

import java.util.HashMap;
import java.util.Map;
import org.apache.spark.sql.Column;
import org.apache.spark.sql.Row;
import org.apache.spark.sql.RowFactory;
import org.apache.spark.sql.api.java.UDF1;
import org.apache.spark.sql.functions;
import org.apache.spark.sql.types.DataType;

/**
 * Decodes a CDC record by the schema that it names, found in the registry when it is met.
 *
 * <p>The result is {@code struct<told, before, after>}: {@code told} says what the envelope says, or why the record
 * cannot be read; the two images hold the columns that the reader wants, as their writer wrote them.
 */
public final class Decoder implements UDF1<byte[], Row> {

    private static final long serialVersionUID = 1L;
    private static final int HEADER_BYTES = 5;
    private static final String NO_FORMAT = "not in Confluent's wire format (byte 0, 4-byte schema id, Avro)";

    private final String wanted;
    private final String registryUrl;
    // Each task has a copy of its own, so neither is shared between threads.
    private transient Reader reader;
    private transient Map<Long, Projection> projections;

    Decoder(String wanted, String registryUrl) {
        this.wanted = wanted;
        this.registryUrl = registryUrl;
    }

    /**
     * Makes the column that decodes another one.
     *
     * @param value the record's value
     * @param wanted what is wanted of it, as {@link Reader} reads it
     * @param type the type of the result, as JSON
     * @param registryUrl the registry's Confluent API
     */
    public static Column decode(Column value, String wanted, String type, String registryUrl) {
        // Not deterministic to Spark, so that it is computed once and outside of what swallows failures (TryRow).
        return functions
                .udf(new Decoder(wanted, registryUrl), DataType.fromJson(type))
                .withName("decode")
                .asNondeterministic()
                .apply(value);
    }

    @Override
    public Row call(byte[] value) throws InterruptedException {
        if (value == null) {
            return new Change().asRow();
        }
        if (value.length < HEADER_BYTES || value[0] != 0) {
            return Change.refused(null, NO_FORMAT);
        }
        long id = (value[1] & 0xFFL) << 24 | (value[2] & 0xFF) << 16 | (value[3] & 0xFF) << 8 | value[4] & 0xFF;
        Projection projection = projection(id);
        if (projection == null) {
            return Change.refused(id, "schema id " + id + ": no envelope of this topic in the registry");
        }
        try {
            return projection.read(new Body(value, HEADER_BYTES));
        } catch (Misfit misfit) {
            return Change.refused(id, "the Avro body does not fit writer schema id " + id);
        }
    }

    /** How records of a schema are read; null when they cannot be. */
    private Projection projection(long id) throws InterruptedException {
        if (reader == null) {
            reader = Reader.parse(wanted);
            projections = new HashMap<>();
        }
        Projection known = projections.get(id);
        if (known != null || reader.unreadable().contains(id)) {
            return known;
        }
        WriterSchema writer = Registry.at(registryUrl).find(id, reader.knownId());
        if (writer == null || !writer.isEnvelope()) {
            return null;
        }
        Projection made = Projection.of(writer, reader);
        projections.put(id, made);
        return made;
    }

    /** What is told of one record. */
    static final class Change {
        Long schemaId;
        String problem;
        Object op;
        Object lsn;
        Object txId;
        Object committedMs;
        String[] gone;
        Row before;
        Row after;

        static Row refused(Long schemaId, String problem) {
            Change change = new Change();
            change.schemaId = schemaId;
            change.problem = problem;
            return change.asRow();
        }

        Row asRow() {
            Row told = RowFactory.create(
                    schemaId, problem, op, lsn, txId, committedMs, before != null, after != null, gone);
            return RowFactory.create(told, before, after);
        }
    }
}
