package dev.penstock.registry;

import io.apicurio.registry.resolver.ParsedSchema;
import io.apicurio.registry.resolver.ParsedSchemaImpl;
import io.apicurio.registry.resolver.SchemaLookupResult;
import io.apicurio.registry.resolver.SchemaParser;
import io.apicurio.registry.resolver.SchemaResolver;
import io.apicurio.registry.resolver.SchemaResolverConfig;
import io.apicurio.registry.resolver.data.Record;
import io.apicurio.registry.resolver.strategy.ArtifactReference;
import io.apicurio.registry.resolver.strategy.ArtifactReferenceResolverStrategy;
import io.apicurio.registry.rest.client.RegistryClient;
import io.apicurio.registry.serde.data.KafkaSerdeMetadata;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.connect.errors.RetriableException;

/**
 * Finds the schema of a record by Confluent's API, in place of Apicurio's resolver, which speaks Apicurio's own.
 *
 * <p>A registry that is away is no fault of the record: it becomes a {@link RetriableException}, which Kafka Connect
 * repeats as long as {@code errors.retry.timeout} says. Any other exception fails the task for good, or, with
 * {@code errors.tolerance=all}, sends a good record to the dead letters.
 *
 * <p>A registry that still reads its journal does not know the schemas that it has: a refusal is believed once it is
 * ready, by its own word.
 *
 * <p>What was found once stays known: an id never changes its schema.
 *
 * <p>Each topic has its own subject, {@code <topic>-key} or {@code <topic>-value}. References are not used.
 */
public final class PatientSchemaResolver<S, T> implements SchemaResolver<S, T> {

    private final KnownSchemas<S> known = new KnownSchemas<>();
    private final Map<Long, SchemaLookupResult<S>> knownById = new ConcurrentHashMap<>();
    private final AwayLog awayLog = new AwayLog();
    private SchemaParser<S, T> parser;
    private ConfluentApi registry;

    /** Called for writing and for reading: a converter has one resolver for both. */
    @Override
    public void configure(Map<String, ?> settings, SchemaParser<S, T> schemaParser) {
        parser = schemaParser;
        if (registry == null) {
            if (!(settings.get(SchemaResolverConfig.REGISTRY_URL) instanceof String url)) {
                throw new ConfigException("Missing " + SchemaResolverConfig.REGISTRY_URL + ", of the Confluent API");
            }
            registry = new ConfluentApi(url, new LetIn(settings));
        }
    }

    /**
     * The schema of a record to be written, registered if it is new.
     *
     * @throws RetriableException while the registry is away
     */
    @Override
    public SchemaLookupResult<S> resolveSchema(Record<T> data) {
        return known.find(data, () -> register(data));
    }

    private SchemaLookupResult<S> register(Record<T> data) {
        KafkaSerdeMetadata metadata = (KafkaSerdeMetadata) data.metadata();
        String subject = metadata.getTopic() + (metadata.isKey() ? "-key" : "-value");
        ParsedSchema<S> schema = parser.getSchemaFromData(data, true);
        String text = new String(schema.getRawSchema(), StandardCharsets.UTF_8);
        return result(patiently(() -> registry.register(subject, text)), schema);
    }

    /**
     * The schema that a record to be read names.
     *
     * @throws RetriableException while the registry is away, not ready, or does not let us in
     */
    @Override
    public SchemaLookupResult<S> resolveSchemaByArtifactReference(ArtifactReference reference) {
        long id = reference.getContentId() != null ? reference.getContentId() : reference.getGlobalId();
        return knownById.computeIfAbsent(id, unknown -> read(id));
    }

    private SchemaLookupResult<S> read(long id) {
        byte[] text = patiently(() -> schema(id)).getBytes(StandardCharsets.UTF_8);
        S schema = parser.parseSchema(text, Map.of());
        return result(id, new ParsedSchemaImpl<S>().setParsedSchema(schema).setRawSchema(text));
    }

    /** Only the registry's own word that there is no such schema says anything about the record. */
    private String schema(long id) {
        try {
            return registry.schema(id);
        } catch (RegistryRefusal refusal) {
            if (refusal.isUnknown()) {
                throw refusal;
            }
            throw registry.away(refusal.getMessage());
        }
    }

    private <R> R patiently(Supplier<R> question) {
        try {
            R answer = askedAgainWhenReady(question);
            awayLog.answered();
            return answer;
        } catch (RegistryAway away) {
            awayLog.away(away);
            throw away;
        }
    }

    private <R> R askedAgainWhenReady(Supplier<R> question) {
        try {
            return question.get();
        } catch (RegistryRefusal refusal) {
            if (!registry.isReady()) {
                throw registry.away(refusal.getMessage());
            }
            return question.get();
        }
    }

    /** The id is that of the content and of the version to Apicurio's converter: either names the schema. */
    private static <S> SchemaLookupResult<S> result(long id, ParsedSchema<S> schema) {
        return SchemaLookupResult.<S>builder()
                .contentId(id)
                .globalId(id)
                .parsedSchema(schema)
                .build();
    }

    @Override
    public SchemaParser<S, T> getSchemaParser() {
        return parser;
    }

    /** Not used: its client speaks Apicurio's own API. */
    @Override
    public void setClient(RegistryClient client) {}

    /** Not used: a subject is named by its topic. */
    @Override
    public void setArtifactResolverStrategy(ArtifactReferenceResolverStrategy<S, T> strategy) {}

    @Override
    public void reset() {
        known.clear();
        knownById.clear();
    }

    @Override
    public void close() {}
}
