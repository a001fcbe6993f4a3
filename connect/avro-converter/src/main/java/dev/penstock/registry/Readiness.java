package dev.penstock.registry;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;

/** Asks the registry whether it is ready: until it has read its journal it answers as if it had no schemas. */
final class Readiness {

    private static final Duration LIMIT = Duration.ofSeconds(5);
    private static final int UNAVAILABLE = 503;

    private final HttpClient client = HttpClient.newBuilder()
            .version(HttpClient.Version.HTTP_1_1)
            .connectTimeout(LIMIT)
            .build();

    /** False when the registry says that it is not, or says nothing; one without that page is taken at its word. */
    boolean isReady(String registryUrl) {
        HttpRequest question = HttpRequest.newBuilder(URI.create(registryUrl).resolve("/health/ready"))
                .timeout(LIMIT)
                .build();
        try {
            return client.send(question, HttpResponse.BodyHandlers.discarding()).statusCode() != UNAVAILABLE;
        } catch (IOException e) {
            return false;
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return false;
        }
    }
}
