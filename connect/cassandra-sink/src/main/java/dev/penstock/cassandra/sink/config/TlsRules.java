package dev.penstock.cassandra.sink.config;

import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.common.config.types.Password;

/** Rules of the settings of encryption: none without effect, and the files can be opened. */
final class TlsRules {

    private static final List<String> ONLY_WITH_TLS = List.of(Settings.TRUSTSTORE_PATH, Settings.TRUSTSTORE_PASSWORD,
            Settings.KEYSTORE_PATH, Settings.KEYSTORE_PASSWORD, Settings.CIPHER_SUITES);

    private final Map<String, String> properties;
    private final Problems problems;

    private TlsRules(Map<String, String> properties, Problems problems) {
        this.properties = properties;
        this.problems = problems;
    }

    /** Add to {@code problems} what breaks a rule. */
    static void check(Map<String, String> properties, Problems problems) {
        TlsRules rules = new TlsRules(properties, problems);
        if (Choice.is(rules.value(Settings.SSL_PROVIDER), Settings.JDK)) {
            rules.store(Settings.TRUSTSTORE_PATH, Settings.TRUSTSTORE_PASSWORD);
            rules.store(Settings.KEYSTORE_PATH, Settings.KEYSTORE_PASSWORD);
            rules.cipherSuites();
        } else {
            rules.withoutEffect();
        }
    }

    private String value(String name) {
        String value = properties.get(name);
        return value == null ? "" : value.strip();
    }

    private void withoutEffect() {
        ONLY_WITH_TLS.stream().filter(name -> !value(name).isEmpty()).forEach(this::withoutEffect);
        if (value(Settings.HOSTNAME_VALIDATION).equalsIgnoreCase("false")) {
            withoutEffect(Settings.HOSTNAME_VALIDATION);
        }
    }

    private void withoutEffect(String name) {
        problems.add(name, "Without effect while nothing is encrypted; set " + Settings.SSL_PROVIDER + "="
                + Settings.JDK + " or remove it");
    }

    private void store(String pathName, String passwordName) {
        if (value(pathName).isEmpty()) {
            if (!value(passwordName).isEmpty()) {
                problems.add(passwordName, "A password without a file; set " + pathName);
            }
            return;
        }
        try {
            KeyStores.open(new TlsConfig.StoreFile(value(pathName), new Password(value(passwordName))));
        } catch (KeyStores.UnreadableStoreException e) {
            problems.add(e.isPassword() ? passwordName : pathName, e.getMessage());
        }
    }

    private void cipherSuites() {
        Set<String> supported = KeyStores.cipherSuites();
        Arrays.stream(value(Settings.CIPHER_SUITES).split(",")).map(String::strip)
                .filter(suite -> !suite.isEmpty() && !supported.contains(suite))
                .forEach(suite -> problems.add(Settings.CIPHER_SUITES, "This JDK has no cipher suite " + suite
                        + "; it has, for example, TLS_AES_256_GCM_SHA384"));
    }
}
