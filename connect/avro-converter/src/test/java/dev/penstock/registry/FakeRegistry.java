package dev.penstock.registry;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * An HTTP server that gives every schema the next id, or answers what a test tells it to; it can be shut and opened.
 */
final class FakeRegistry implements AutoCloseable {

    final List<String> requests = Collections.synchronizedList(new ArrayList<>());
    private final int port;
    private HttpServer server;
    private volatile int status = 200;
    private volatile int readiness = 200;

    FakeRegistry() {
        server = open(0);
        port = server.getAddress().getPort();
    }

    String url() {
        return "http://127.0.0.1:" + port + "/apis/registry/v2";
    }

    void answerWith(int newStatus) {
        status = newStatus;
    }

    /** What it says of itself when it is asked whether it is ready. */
    void sayOfReadiness(int newStatus) {
        readiness = newStatus;
    }

    void shut() {
        server.stop(0);
    }

    void reopen() {
        server = open(port);
    }

    @Override
    public void close() {
        shut();
    }

    private HttpServer open(int wantedPort) {
        try {
            HttpServer opened =
                    HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), wantedPort), 0);
            opened.createContext("/", this::answer);
            opened.createContext("/health/ready", exchange -> {
                exchange.sendResponseHeaders(readiness, -1);
                exchange.close();
            });
            opened.start();
            return opened;
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    private void answer(HttpExchange exchange) throws IOException {
        exchange.getRequestBody().readAllBytes();
        requests.add(
                exchange.getRequestMethod() + " " + exchange.getRequestURI().getPath());
        byte[] body = body().getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().add("Content-Type", "application/json");
        exchange.sendResponseHeaders(status, body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }

    private String body() {
        int id = requests.size();
        return status == 200
                ? "{\"id\": \"a\", \"type\": \"AVRO\", \"version\": \"1\", \"globalId\": %d, \"contentId\": %d}"
                        .formatted(id, id)
                : "{\"message\": \"as told\", \"error_code\": %d, \"name\": \"SomeException\"}".formatted(status);
    }
}
