package dev.penstock.registry;

import io.apicurio.registry.resolver.SchemaLookupResult;
import io.apicurio.registry.resolver.data.Record;
import io.apicurio.registry.serde.data.KafkaSerdeMetadata;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.Supplier;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericContainer;

/**
 * The schemas that were found, by topic and by the schema object itself.
 *
 * <p>By the object, as comparing two schemas means to walk through them; Avro's converter keeps one object for each
 * schema of Connect. By the topic too, as each topic has a subject of its own. Bounded: the least recently used go.
 */
final class KnownSchemas<S> {

    private static final int MAX_ENTRIES = 1_000;

    private final Map<Key, SchemaLookupResult<S>> results = new LinkedHashMap<>(16, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Key, SchemaLookupResult<S>> eldest) {
            return size() > MAX_ENTRIES;
        }
    };

    private record Key(String topic, Schema schema) {
        @Override
        public boolean equals(Object other) {
            return other instanceof Key key && key.schema == schema && key.topic.equals(topic);
        }

        @Override
        public int hashCode() {
            return 31 * System.identityHashCode(schema) + topic.hashCode();
        }
    }

    /** The known result for a record, or else the one that {@code lookUp} gives, known from then on. */
    SchemaLookupResult<S> find(Record<?> data, Supplier<SchemaLookupResult<S>> lookUp) {
        if (!(data.payload() instanceof GenericContainer container)
                || !(data.metadata() instanceof KafkaSerdeMetadata metadata)) {
            return lookUp.get();
        }
        Key key = new Key(metadata.getTopic(), container.getSchema());
        synchronized (results) {
            SchemaLookupResult<S> result = results.get(key);
            if (result == null) {
                result = lookUp.get();
                results.put(key, result);
            }
            return result;
        }
    }

    void clear() {
        synchronized (results) {
            results.clear();
        }
    }
}
