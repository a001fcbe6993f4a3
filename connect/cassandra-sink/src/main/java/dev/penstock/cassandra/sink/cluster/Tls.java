package dev.penstock.cassandra.sink.cluster;

import com.datastax.oss.driver.api.core.config.DefaultDriverOption;
import com.datastax.oss.driver.api.core.config.DriverOption;
import com.datastax.oss.driver.api.core.config.ProgrammaticDriverConfigLoaderBuilder;
import com.datastax.oss.driver.internal.core.ssl.DefaultSslEngineFactory;
import dev.penstock.cassandra.sink.config.Settings;
import dev.penstock.cassandra.sink.config.TlsConfig;
import java.security.cert.CertPathBuilderException;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertificateException;
import java.util.Optional;

/** Encryption of a session, and whose fault it is when it fails. */
final class Tls {

    private Tls() {
    }

    /** Let the driver encrypt. No name server says which name a certificate must carry: its owner could be anybody. */
    static void set(TlsConfig config, ProgrammaticDriverConfigLoaderBuilder options) {
        options.withClass(DefaultDriverOption.SSL_ENGINE_FACTORY_CLASS, DefaultSslEngineFactory.class)
                .withBoolean(DefaultDriverOption.SSL_HOSTNAME_VALIDATION, config.hostnameValidation())
                .withBoolean(DefaultDriverOption.SSL_ALLOW_DNS_REVERSE_LOOKUP_SAN, false);
        if (!config.cipherSuites().isEmpty()) {
            options.withStringList(DefaultDriverOption.SSL_CIPHER_SUITES, config.cipherSuites());
        }
        config.truststore().ifPresent(store -> set(store, options, DefaultDriverOption.SSL_TRUSTSTORE_PATH,
                DefaultDriverOption.SSL_TRUSTSTORE_PASSWORD));
        config.keystore().ifPresent(store -> set(store, options, DefaultDriverOption.SSL_KEYSTORE_PATH,
                DefaultDriverOption.SSL_KEYSTORE_PASSWORD));
    }

    private static void set(TlsConfig.StoreFile store, ProgrammaticDriverConfigLoaderBuilder options,
            DriverOption path, DriverOption password) {
        options.withString(path, store.path());
        if (!store.password().value().isEmpty()) {
            options.withString(password, store.password().value());
        }
    }

    /**
     * Name the setting behind a failed connection: the certificate of the node is not trusted (or too old), or carries
     * another name. Told apart by class: the JDK checks the path to a trusted certificate first.
     *
     * @return empty when the certificate is not the reason
     */
    static Optional<String> wrongSetting(Throwable error) {
        boolean certificate = false;
        for (Throwable cause = error; cause != null; cause = cause.getCause()) {
            if (cause instanceof CertPathBuilderException || cause instanceof CertPathValidatorException) {
                return Optional.of(Settings.TRUSTSTORE_PATH);
            }
            certificate |= cause instanceof CertificateException;
        }
        return certificate ? Optional.of(Settings.HOSTNAME_VALIDATION) : Optional.empty();
    }
}
