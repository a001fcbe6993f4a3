package dev.penstock.registry;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
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
 * A server of Confluent's API that gives every schema the next id, or answers what a test tells it to; it can be shut
 * and opened.
 */
final class FakeRegistry implements AutoCloseable {

    private static final ObjectMapper JSON = new ObjectMapper();
    final List<String> requests = Collections.synchronizedList(new ArrayList<>());
    private final List<String> schemas = Collections.synchronizedList(new ArrayList<>());
    private final int port;
    private HttpServer server;
    private volatile int status = 200;
    private volatile int errorCode;
    private volatile int readiness = 200;
    private volatile String demanded;

    FakeRegistry() {
        server = open(0);
        port = server.getAddress().getPort();
    }

    String url() {
        return "http://127.0.0.1:" + port + "/api";
    }

    void answerWith(int newStatus) {
        answerWith(newStatus, newStatus * 100 + 3);
    }

    void answerWith(int newStatus, int newErrorCode) {
        status = newStatus;
        errorCode = newErrorCode;
    }

    /** Let in only who says this in the header Authorization. */
    void demand(String authorization) {
        demanded = authorization;
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
        JsonNode asked = JSON.readTree(exchange.getRequestBody());
        String path = exchange.getRequestURI().getPath();
        requests.add(exchange.getRequestMethod() + " " + path);
        String given = exchange.getRequestHeaders().getFirst("Authorization");
        boolean isLetIn = demanded == null || demanded.equals(given);
        byte[] body = (isLetIn && status == 200 ? found(asked, path) : refusal()).getBytes(StandardCharsets.UTF_8);
        exchange.sendResponseHeaders(isLetIn ? status : 401, body.length);
        exchange.getResponseBody().write(body);
        exchange.close();
    }

    private String found(JsonNode asked, String path) {
        if (asked.has("schema")) {
            schemas.add(asked.get("schema").textValue());
            return "{\"id\": %d}".formatted(schemas.size());
        }
        int id = Integer.parseInt(path.replace("/api/schemas/ids/", ""));
        return JSON.createObjectNode().put("schema", schemas.get(id - 1)).toString();
    }

    private String refusal() {
        return "{\"message\": \"as told\", \"error_code\": %d}".formatted(errorCode);
    }
}
