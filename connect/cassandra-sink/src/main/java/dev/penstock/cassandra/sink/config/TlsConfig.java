package dev.penstock.cassandra.sink.config;

import java.util.List;
import java.util.Optional;
import java.util.function.Function;
import org.apache.kafka.common.config.types.Password;

/**
 * How to encrypt.
 *
 * @param hostnameValidation whether the certificate of a node must carry its name or address
 * @param truststore the certificates to trust; empty means those of the JDK
 * @param keystore the connector's own certificate and key; empty means none
 * @param cipherSuites cipher suites to allow; empty means those of the JDK
 */
public record TlsConfig(boolean hostnameValidation, Optional<StoreFile> truststore, Optional<StoreFile> keystore,
        List<String> cipherSuites) {

    /**
     * A file of certificates or keys.
     *
     * @param path where it is
     * @param password its password; empty means none
     */
    public record StoreFile(String path, Password password) {
    }

    /** Take it from parsed settings; empty when encryption is off. */
    static Optional<TlsConfig> of(Function<String, Object> setting) {
        return Choice.is(setting.apply(Settings.SSL_PROVIDER), Settings.JDK)
                ? Optional.of(new TlsConfig((Boolean) setting.apply(Settings.HOSTNAME_VALIDATION),
                        store(setting, Settings.TRUSTSTORE_PATH, Settings.TRUSTSTORE_PASSWORD),
                        store(setting, Settings.KEYSTORE_PATH, Settings.KEYSTORE_PASSWORD),
                        ((List<?>) setting.apply(Settings.CIPHER_SUITES)).stream().map(Object::toString).toList()))
                : Optional.empty();
    }

    private static Optional<StoreFile> store(Function<String, Object> setting, String path, String password) {
        return ClusterConfig.text(setting.apply(path))
                .map(file -> new StoreFile(file, (Password) setting.apply(password)));
    }
}
