package dev.penstock.registry;

import io.apicurio.registry.serde.avro.DefaultAvroDatumProvider;
import java.util.IdentityHashMap;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.io.DatumReader;

/**
 * Keeps the reader of each schema. Apicurio's provider makes one for each record, and a reader resolves its schema
 * before it reads the first record. Used by one thread, as a converter is.
 */
public final class KeptReaders<T> extends DefaultAvroDatumProvider<T> {

    private static final int MAX_ENTRIES = 1_000;

    /** By the object, as {@link KnownSchemas}: the resolver keeps one for each content id. */
    private final Map<Schema, DatumReader<T>> readers = new IdentityHashMap<>();

    @Override
    public DatumReader<T> createDatumReader(Schema schema) {
        if (readers.size() >= MAX_ENTRIES) {
            readers.clear();
        }
        return readers.computeIfAbsent(schema, super::createDatumReader);
    }
}
