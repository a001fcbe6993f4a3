package dev.penstock.registry;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;

/** A registry by Confluent's API: registers schemas and reads them by their ids. It decides nothing about waiting. */
final class ConfluentApi {

    private static final Duration LIMIT = Duration.ofSeconds(15);
    private static final int TOO_MANY_REQUESTS = 429;
    private static final int SERVER_ERROR = 500;
    private static final int UNAVAILABLE = 503;
    private static final ObjectMapper JSON = new ObjectMapper();

    private final String url;
    private final LetIn letIn;
    private final HttpClient client;

    /**
     * Connects to nothing yet.
     *
     * @param url of the API, for example {@code http://127.0.0.1:8081/apis/ccompat/v7}
     */
    ConfluentApi(String url, LetIn letIn) {
        this.url = url.replaceAll("/+$", "");
        this.letIn = letIn;
        this.client = letIn.trusting(HttpClient.newBuilder())
                .version(HttpClient.Version.HTTP_1_1)
                .connectTimeout(LIMIT)
                .build();
    }

    RegistryAway away(String why) {
        return new RegistryAway(url, why);
    }

    /**
     * Registers a schema under a subject, and returns its id; the known one when it is registered already.
     *
     * @throws RegistryAway when it does not answer, or cannot serve
     * @throws RegistryRefusal for any other answer
     */
    int register(String subject, String schema) {
        String name = URLEncoder.encode(subject, StandardCharsets.UTF_8).replace("+", "%20");
        String body = JSON.createObjectNode().put("schema", schema).toString();
        HttpRequest.Builder request = to(URI.create(url + "/subjects/" + name + "/versions"))
                .header("Content-Type", "application/vnd.schemaregistry.v1+json")
                .POST(BodyPublishers.ofString(body));
        return field(request, "id").intValue();
    }

    /**
     * Returns the text of a schema.
     *
     * @throws RegistryAway when it does not answer, or cannot serve
     * @throws RegistryRefusal for any other answer
     */
    String schema(long id) {
        return field(to(URI.create(url + "/schemas/ids/" + id)), "schema").textValue();
    }

    /**
     * Whether its answers count. Apicurio's registry answers as if it had no schemas until it has read its journal, and
     * says so itself; a registry without that page is taken at its word.
     */
    boolean isReady() {
        return send(to(URI.create(url).resolve("/health/ready")).build()).statusCode() != UNAVAILABLE;
    }

    private HttpRequest.Builder to(URI address) {
        try {
            return letIn.asking(HttpRequest.newBuilder(address).timeout(LIMIT));
        } catch (IOException error) {
            throw away(error.toString());
        }
    }

    private JsonNode field(HttpRequest.Builder question, String name) {
        HttpRequest request = question.build();
        HttpResponse<byte[]> reply = send(request);
        int status = reply.statusCode();
        JsonNode answer = json(reply.body());
        if (status == TOO_MANY_REQUESTS || status >= SERVER_ERROR) {
            throw away("HTTP %d: %s".formatted(status, why(answer)));
        }
        if (!answer.hasNonNull(name)) {
            String asked = request.method() + " " + request.uri();
            throw new RegistryRefusal(asked, status, answer.path("error_code").intValue(), why(answer));
        }
        return answer.get(name);
    }

    private HttpResponse<byte[]> send(HttpRequest request) {
        try {
            return client.send(request, HttpResponse.BodyHandlers.ofByteArray());
        } catch (IOException error) {
            throw away(error.toString());
        } catch (InterruptedException error) {
            Thread.currentThread().interrupt();
            throw away(error.toString());
        }
    }

    /** What is no JSON, such as the page of a gateway, says nothing. */
    private static JsonNode json(byte[] body) {
        try {
            return JSON.readTree(body);
        } catch (IOException error) {
            return JSON.nullNode();
        }
    }

    private static String why(JsonNode answer) {
        return answer.path("message").asText("it gives no reason");
    }
}
