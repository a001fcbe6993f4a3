package dev.penstock.cassandra.sink.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.datastax.oss.driver.api.core.config.DefaultDriverOption;
import com.datastax.oss.driver.api.core.config.DriverConfigLoader;
import com.datastax.oss.driver.api.core.config.DriverExecutionProfile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TlsSettingsTest {

    @TempDir
    private static Path folder;

    @BeforeAll
    static void makeStores() throws IOException, InterruptedException {
        Certificates.make(folder, "node", "ip:127.0.0.1");
    }

    private static Map<String, List<String>> problems(String... settings) {
        Map<String, String> properties = new HashMap<>();
        for (int i = 0; i < settings.length; i += 2) {
            properties.put(settings[i], settings[i + 1]);
        }
        Problems problems = new Problems();
        TlsSettings.check(properties, problems);
        return problems.bySetting();
    }

    @Test
    void takesFilesThatOpen() {
        assertEquals(Map.of(), problems());
        assertEquals(Map.of(), problems("ssl.provider", "jdk", "ssl.hostnameValidation", "false"));
        assertEquals(
                Map.of(),
                problems(
                        "ssl.provider",
                        "JDK",
                        "ssl.truststore.path",
                        Certificates.trust(folder, "node").toString(),
                        "ssl.truststore.password",
                        Certificates.PASSWORD,
                        "ssl.keystore.path",
                        folder.resolve("node.p12").toString(),
                        "ssl.keystore.password",
                        Certificates.PASSWORD,
                        "ssl.cipherSuites",
                        "TLS_AES_256_GCM_SHA384, TLS_AES_128_GCM_SHA256"));
    }

    /** The driver reads them as it reads its own file. */
    @Test
    void standForOptionsOfTheDriver() {
        Map<String, Object> settings = Settings.definition()
                .parse(Map.of(
                        "ssl.provider",
                        "jdk",
                        "ssl.truststore.path",
                        "/trust.p12",
                        "ssl.truststore.password",
                        "s3cret",
                        "ssl.cipherSuites",
                        "TLS_AES_256_GCM_SHA384, TLS_AES_128_GCM_SHA256"));
        var builder = DriverConfigLoader.programmaticBuilder();
        TlsSettings.options(settings::get).forEach((path, value) -> builder.withString(() -> path, value));
        DriverExecutionProfile profile = builder.build().getInitialConfig().getDefaultProfile();
        assertEquals(
                List.of("TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256"),
                profile.getStringList(DefaultDriverOption.SSL_CIPHER_SUITES));
        assertTrue(profile.getBoolean(DefaultDriverOption.SSL_HOSTNAME_VALIDATION));
        assertFalse(profile.getBoolean(DefaultDriverOption.SSL_ALLOW_DNS_REVERSE_LOOKUP_SAN));
        assertEquals("s3cret", profile.getString(DefaultDriverOption.SSL_TRUSTSTORE_PASSWORD));
        assertFalse(profile.isDefined(DefaultDriverOption.SSL_KEYSTORE_PATH));
        assertEquals(Map.of(), TlsSettings.options(Settings.definition().parse(Map.of())::get));
    }

    @Test
    void findsEachWrongFileAndPasswordAtOnce() throws IOException {
        Path text = Files.writeString(folder.resolve("text"), "no keys in here");
        assertEquals(
                Map.of(
                        "ssl.truststore.path", List.of("No readable file /nowhere on this worker"),
                        "ssl.keystore.password", List.of("Wrong password for " + folder.resolve("node.p12")),
                        "ssl.cipherSuites",
                                List.of("This JDK has no cipher suite ROT13; it has, for example, "
                                        + "TLS_AES_256_GCM_SHA384")),
                problems(
                        "ssl.provider",
                        "JDK",
                        "ssl.truststore.path",
                        "/nowhere",
                        "ssl.keystore.path",
                        folder.resolve("node.p12").toString(),
                        "ssl.keystore.password",
                        "wrong",
                        "ssl.cipherSuites",
                        "ROT13"));
        assertEquals(
                List.of(text + " is neither PKCS12 nor JKS: Unrecognized keystore format. Please load it with a "
                        + "specified type"),
                problems("ssl.provider", "JDK", "ssl.truststore.path", text.toString())
                        .get("ssl.truststore.path"));
        assertEquals(
                List.of("Nothing can be read from " + Certificates.trust(folder, "node") + " without its password"),
                problems(
                                "ssl.provider",
                                "JDK",
                                "ssl.truststore.path",
                                Certificates.trust(folder, "node").toString())
                        .get("ssl.truststore.password"));
        assertEquals(
                List.of("A password without a file; set ssl.keystore.path"),
                problems("ssl.provider", "JDK", "ssl.keystore.password", "x").get("ssl.keystore.password"));
    }

    @Test
    void refusesWhatWouldHaveNoEffect() {
        String message = "Without effect while nothing is encrypted; set ssl.provider=JDK or remove it";
        assertEquals(
                Map.of("ssl.truststore.path", List.of(message), "ssl.hostnameValidation", List.of(message)),
                problems("ssl.truststore.path", "/x", "ssl.hostnameValidation", "false", "ssl.provider", "None"));
    }
}
