package dev.penstock.registry;

import io.apicurio.registry.resolver.DefaultSchemaResolver;
import io.apicurio.registry.resolver.SchemaLookupResult;
import io.apicurio.registry.resolver.SchemaParser;
import io.apicurio.registry.resolver.data.Record;
import io.apicurio.registry.resolver.strategy.ArtifactReference;
import io.apicurio.rest.client.error.ApicurioRestClientException;
import java.time.Duration;
import java.util.Map;
import java.util.function.Supplier;
import org.apache.kafka.connect.errors.RetriableException;

/**
 * Finds the schema of a record as Apicurio's own resolver does, with four differences.
 *
 * <p>A registry that is away is no fault of the record: it becomes a {@link RetriableException}, which Kafka Connect
 * repeats as long as {@code errors.retry.timeout} says. Apicurio's own exception fails the task for good, or, with
 * {@code errors.tolerance=all}, sends a good record to the dead letters.
 *
 * <p>A registry that still reads its journal does not know the schemas that it has: what it does not find is believed
 * once it is ready, by its own word.
 *
 * <p>What was found once stays known: a content id never changes its content. Apicurio's resolver asks again every 30
 * seconds, and writes the schema of every single record out as text to look it up.
 *
 * <p>Each topic has its own subject. Apicurio's resolver knows a schema by its text alone: of two tables whose schemas
 * read the same ({@code order-items} and {@code order_items} have one name in Avro), only the first got a subject.
 */
public final class PatientSchemaResolver<S, T> extends DefaultSchemaResolver<S, T> {

    private static final Duration FOR_EVER = Duration.ofDays(36_500);

    private final KnownSchemas<S> known = new KnownSchemas<>();
    private final AwayLog awayLog = new AwayLog();
    private final Readiness readiness = new Readiness();

    @Override
    public void configure(Map<String, ?> configs, SchemaParser<S, T> schemaParser) {
        super.configure(configs, schemaParser);
        schemaCache.configureLifetime(FOR_EVER);
    }

    /**
     * The schema of a record to be written, registered if it is new.
     *
     * @throws RetriableException while the registry is away
     */
    @Override
    public SchemaLookupResult<S> resolveSchema(Record<T> data) {
        return known.find(
                data,
                () -> patiently(() -> {
                    schemaCache.clear();
                    return super.resolveSchema(data);
                }));
    }

    /**
     * The schema that a record to be read names.
     *
     * @throws RetriableException while the registry is away, or not ready
     */
    @Override
    public SchemaLookupResult<S> resolveSchemaByArtifactReference(ArtifactReference reference) {
        return patiently(() -> {
            try {
                return super.resolveSchemaByArtifactReference(reference);
            } catch (ApicurioRestClientException answer) {
                awaitReadiness(answer);
                return super.resolveSchemaByArtifactReference(reference);
            }
        });
    }

    private void awaitReadiness(ApicurioRestClientException answer) {
        if (!RegistryAway.isUnknown(answer)) {
            throw answer;
        }
        if (!readiness.isReady(config.getRegistryUrl())) {
            awayLog.away(config.getRegistryUrl(), answer);
            throw new RetriableException("the schema registry still reads its journal: " + answer.getMessage(), answer);
        }
    }

    @Override
    public void reset() {
        known.clear();
        super.reset();
    }

    private SchemaLookupResult<S> patiently(Supplier<SchemaLookupResult<S>> question) {
        try {
            SchemaLookupResult<S> found = question.get();
            awayLog.answered();
            return found;
        } catch (ApicurioRestClientException answer) {
            if (!RegistryAway.isMeantBy(answer)) {
                throw answer;
            }
            awayLog.away(config.getRegistryUrl(), answer);
            throw new RetriableException("the schema registry is away: " + answer.getMessage(), answer);
        }
    }
}
