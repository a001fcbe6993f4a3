package dev.penstock.decoder;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Finds writer schemas by id, and keeps them: an id never changes its schema.
 *
 * <p>A registry that is away is waited for, without end: it is no fault of the record. The wait holds up the partition
 * of the record alone, and ends with its task.
 */
final class Registry {

    private static final Map<String, Registry> REGISTRIES = new ConcurrentHashMap<>();
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Duration TIMEOUT = Duration.ofSeconds(10);
    private static final Duration PAUSE = Duration.ofMillis(500);
    /** How long an id stays refused: a later record may carry the same id rightly. */
    private static final long REFUSED_NANOS = Duration.ofSeconds(2).toNanos();

    private static final int MOST_REFUSED = 1_000;
    private static final int OK = 200;
    private static final int NOT_FOUND = 404;

    private final String url;
    private final AwayLog awayLog;
    private final Map<Long, WriterSchema> known = new ConcurrentHashMap<>();
    private final Map<Long, Long> refusedAt = new ConcurrentHashMap<>();
    // A proxy of the environment knows no local registry.
    private final HttpClient http = LetIn.trusting(HttpClient.newBuilder()
                    .version(HttpClient.Version.HTTP_1_1)
                    .proxy(HttpClient.Builder.NO_PROXY)
                    .connectTimeout(TIMEOUT))
            .build();

    private Registry(String url) {
        this.url = url.replaceAll("/+$", "");
        this.awayLog = new AwayLog(this.url);
    }

    /** The registry at a URL, one for the whole JVM. */
    static Registry at(String url) {
        return REGISTRIES.computeIfAbsent(url, Registry::new);
    }

    /**
     * Finds a schema; waits for the registry.
     *
     * @param knownId the id of a schema that the registry has
     * @return null when the registry has no schema of that id
     */
    WriterSchema find(long id, long knownId) throws InterruptedException {
        WriterSchema found = known.get(id);
        if (found != null || isRefused(id)) {
            return found;
        }
        while (true) {
            try {
                String text = ask(id);
                // One that starts answers 404 to all until it has read its journal: only beside a schema that it must
                // have is that an answer.
                if (text == null && ask(knownId) == null) {
                    throw new IOException("it lacks schema id " + knownId + ", which it had");
                }
                if (text == null) {
                    text = ask(id);
                }
                awayLog.answered();
                return text == null ? refuse(id) : keep(WriterSchema.parse(id, text));
            } catch (IOException exc) {
                awayLog.away(exc);
                Thread.sleep(PAUSE.toMillis());
            }
        }
    }

    private WriterSchema keep(WriterSchema schema) {
        known.put(schema.id(), schema);
        return schema;
    }

    private boolean isRefused(long id) {
        Long at = refusedAt.get(id);
        return at != null && System.nanoTime() - at < REFUSED_NANOS;
    }

    private WriterSchema refuse(long id) {
        if (refusedAt.size() >= MOST_REFUSED) {
            refusedAt.clear();
        }
        refusedAt.put(id, System.nanoTime());
        return null;
    }

    /** Asks for the text of a schema; null when there is none. */
    private String ask(long id) throws IOException, InterruptedException {
        URI place = URI.create(url + "/schemas/ids/" + id);
        HttpRequest request =
                LetIn.asking(HttpRequest.newBuilder(place).timeout(TIMEOUT)).build();
        HttpResponse<String> answer = http.send(request, HttpResponse.BodyHandlers.ofString());
        if (answer.statusCode() == NOT_FOUND) {
            return null;
        }
        JsonNode schema =
                answer.statusCode() == OK ? JSON.readTree(answer.body()).path("schema") : null;
        if (schema == null || !schema.isTextual()) {
            throw new IOException("HTTP " + answer.statusCode());
        }
        return schema.asText();
    }
}
