package dev.penstock.decoder;

import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.util.Base64;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/**
 * How the registry lets this JVM in: by properties of the JVM, which name files and hold no secret.
 *
 * <p>{@code penstock.registry.user} with {@code .password.file}, or {@code .token.file}; {@code .ca.file} holds
 * certificates (PEM) to trust in place of the JVM's.
 */
final class LetIn {

    private static final String OWN = "penstock.registry.";

    private LetIn() {}

    /** Tells a client whom to trust. */
    static HttpClient.Builder trusting(HttpClient.Builder client) {
        String file = System.getProperty(OWN + "ca.file");
        if (file == null) {
            return client;
        }
        try {
            return client.sslContext(context(Path.of(file)));
        } catch (GeneralSecurityException | IOException exc) {
            throw new IllegalStateException("certificates of " + file + " cannot be read: " + exc.getMessage(), exc);
        }
    }

    /** Adds to a request who asks. The files are read each time: a secret may be renewed while the job runs. */
    static HttpRequest.Builder asking(HttpRequest.Builder request) throws IOException {
        String user = System.getProperty(OWN + "user");
        String token = System.getProperty(OWN + "token.file");
        if (token != null) {
            return request.header("Authorization", "Bearer " + secret(token));
        }
        if (user == null) {
            return request;
        }
        String both = user + ":" + secret(System.getProperty(OWN + "password.file"));
        String basic = Base64.getEncoder().encodeToString(both.getBytes(StandardCharsets.UTF_8));
        return request.header("Authorization", "Basic " + basic);
    }

    private static String secret(String file) throws IOException {
        return file == null ? "" : Files.readString(Path.of(file)).strip();
    }

    private static SSLContext context(Path file) throws GeneralSecurityException, IOException {
        KeyStore store = KeyStore.getInstance(KeyStore.getDefaultType());
        store.load(null, null);
        try (InputStream in = Files.newInputStream(file)) {
            int number = 0;
            for (Certificate certificate :
                    CertificateFactory.getInstance("X.509").generateCertificates(in)) {
                store.setCertificateEntry("ca-" + number++, certificate);
            }
        }
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(null, trust.getTrustManagers(), null);
        return context;
    }
}
