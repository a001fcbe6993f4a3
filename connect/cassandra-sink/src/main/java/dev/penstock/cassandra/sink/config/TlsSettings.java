package dev.penstock.cassandra.sink.config;

import com.datastax.oss.driver.api.core.config.DefaultDriverOption;
import com.datastax.oss.driver.internal.core.ssl.DefaultSslEngineFactory;
import java.io.File;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.UnrecoverableKeyException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLSocketFactory;
import org.apache.kafka.common.config.types.Password;

/** The settings of encryption: what is wrong with them, and the driver's options that they stand for. */
final class TlsSettings {

    private static final Map<String, DefaultDriverOption> OPTIONS = Map.of(
            Settings.HOSTNAME_VALIDATION, DefaultDriverOption.SSL_HOSTNAME_VALIDATION,
            Settings.TRUSTSTORE_PATH, DefaultDriverOption.SSL_TRUSTSTORE_PATH,
            Settings.TRUSTSTORE_PASSWORD, DefaultDriverOption.SSL_TRUSTSTORE_PASSWORD,
            Settings.KEYSTORE_PATH, DefaultDriverOption.SSL_KEYSTORE_PATH,
            Settings.KEYSTORE_PASSWORD, DefaultDriverOption.SSL_KEYSTORE_PASSWORD);

    private final Map<String, String> properties;
    private final Problems problems;

    private TlsSettings(Map<String, String> properties, Problems problems) {
        this.properties = properties;
        this.problems = problems;
    }

    /** The driver's options by their paths, of settings that are right; none when encryption is off. */
    static Map<String, String> options(Function<String, Object> setting) {
        Map<String, String> options = new TreeMap<>();
        if (!Settings.JDK.equalsIgnoreCase((String) setting.apply(Settings.SSL_PROVIDER))) {
            return options;
        }
        options.put(DefaultDriverOption.SSL_ENGINE_FACTORY_CLASS.getPath(), DefaultSslEngineFactory.class.getName());
        // No name server says which name a certificate must carry: its owner could be anybody.
        options.put(DefaultDriverOption.SSL_ALLOW_DNS_REVERSE_LOOKUP_SAN.getPath(), "false");
        OPTIONS.forEach((name, option) -> {
            Object value = setting.apply(name);
            String text = value instanceof Password password ? password.value() : String.valueOf(value);
            if (!text.isEmpty()) {
                options.put(option.getPath(), text);
            }
        });
        List<?> suites = (List<?>) setting.apply(Settings.CIPHER_SUITES);
        for (int i = 0; i < suites.size(); i++) {
            options.put(
                    DefaultDriverOption.SSL_CIPHER_SUITES.getPath() + "." + i,
                    suites.get(i).toString());
        }
        return options;
    }

    /** Add to {@code problems} settings without effect, and files that cannot be opened. */
    static void check(Map<String, String> properties, Problems problems) {
        TlsSettings settings = new TlsSettings(properties, problems);
        if (Settings.JDK.equalsIgnoreCase(settings.value(Settings.SSL_PROVIDER))) {
            settings.store(Settings.TRUSTSTORE_PATH, Settings.TRUSTSTORE_PASSWORD);
            settings.store(Settings.KEYSTORE_PATH, Settings.KEYSTORE_PASSWORD);
            settings.cipherSuites();
        } else {
            settings.withoutEffect();
        }
    }

    private String value(String name) {
        String value = properties.get(name);
        return value == null ? "" : value.strip();
    }

    private void withoutEffect() {
        for (String name : properties.keySet()) {
            String neutral = name.equals(Settings.HOSTNAME_VALIDATION) ? "true" : "";
            boolean one = OPTIONS.containsKey(name) || name.equals(Settings.CIPHER_SUITES);
            if (one && !value(name).isEmpty() && !value(name).equalsIgnoreCase(neutral)) {
                problems.add(
                        name,
                        "Without effect while nothing is encrypted; set " + Settings.SSL_PROVIDER + "=" + Settings.JDK
                                + " or remove it");
            }
        }
    }

    private void store(String pathName, String passwordName) {
        File file = new File(value(pathName));
        if (!value(pathName).isEmpty() && (!file.isFile() || !file.canRead())) {
            problems.add(pathName, "No readable file " + file + " on this worker");
        } else if (!value(pathName).isEmpty()) {
            open(file, pathName, passwordName);
        } else if (!value(passwordName).isEmpty()) {
            problems.add(passwordName, "A password without a file; set " + pathName);
        }
    }

    private void open(File file, String pathName, String passwordName) {
        char[] password =
                value(passwordName).isEmpty() ? null : value(passwordName).toCharArray();
        try {
            KeyStore opened = KeyStore.getInstance(file, password);
            if (opened.size() == 0) {
                problems.add(
                        password == null ? passwordName : pathName,
                        "Nothing can be read from " + file + (password == null ? " without its password" : ""));
            }
            // Fails when a key in it has another password, which would show only when a connection is made.
            KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm())
                    .init(opened, password);
        } catch (IOException | UnrecoverableKeyException e) {
            boolean wrongPassword =
                    e instanceof UnrecoverableKeyException || e.getCause() instanceof UnrecoverableKeyException;
            problems.add(
                    wrongPassword ? passwordName : pathName,
                    wrongPassword ? "Wrong password for " + file : file + " cannot be read: " + e.getMessage());
        } catch (GeneralSecurityException e) {
            problems.add(pathName, file + " is neither PKCS12 nor JKS: " + e.getMessage());
        }
    }

    private void cipherSuites() {
        Set<String> supported = Set.of(((SSLSocketFactory) SSLSocketFactory.getDefault()).getSupportedCipherSuites());
        Arrays.stream(value(Settings.CIPHER_SUITES).split(","))
                .map(String::strip)
                .filter(suite -> !suite.isEmpty() && !supported.contains(suite))
                .forEach(suite -> problems.add(
                        Settings.CIPHER_SUITES,
                        "This JDK has no cipher suite " + suite + "; it has, for example, TLS_AES_256_GCM_SHA384"));
    }
}
