package dev.penstock.registry;

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
import java.util.Map;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.apache.kafka.common.config.ConfigException;

/** How the registry lets a converter in, by the converter's settings: three of Apicurio's, and the token's file. */
final class LetIn {

    private static final String USER = "apicurio.auth.username";
    private static final String PASSWORD = "apicurio.auth.password";
    private static final String TOKEN_FILE = "apicurio.auth.token.file";
    private static final String CA_FILE = "apicurio.rest.request.ssl.ca-bundle.location";

    private final Map<String, ?> settings;

    LetIn(Map<String, ?> settings) {
        this.settings = settings;
    }

    /** Tells a client whom to trust: certificates (PEM) in place of the JVM's. */
    HttpClient.Builder trusting(HttpClient.Builder client) {
        String file = setting(CA_FILE);
        if (file == null) {
            return client;
        }
        try {
            return client.sslContext(context(Path.of(file)));
        } catch (GeneralSecurityException | IOException error) {
            throw new ConfigException(CA_FILE, file, "certificates cannot be read: " + error);
        }
    }

    /** Adds to a request who asks. The token is read each time, as it may be renewed. */
    HttpRequest.Builder asking(HttpRequest.Builder request) throws IOException {
        String token = setting(TOKEN_FILE);
        if (token != null) {
            String secret = Files.readString(Path.of(token)).strip();
            return request.header("Authorization", "Bearer " + secret);
        }
        String user = setting(USER);
        return user == null ? request : request.header("Authorization", "Basic " + basic(user));
    }

    private String basic(String user) {
        String password = setting(PASSWORD);
        String both = user + ":" + (password == null ? "" : password);
        return Base64.getEncoder().encodeToString(both.getBytes(StandardCharsets.UTF_8));
    }

    private String setting(String name) {
        Object value = settings.get(name);
        return value == null ? null : value.toString();
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
