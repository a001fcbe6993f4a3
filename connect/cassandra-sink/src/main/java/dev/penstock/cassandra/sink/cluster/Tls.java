package dev.penstock.cassandra.sink.cluster;

import com.datastax.oss.driver.api.core.ssl.ProgrammaticSslEngineFactory;
import com.datastax.oss.driver.api.core.ssl.SslEngineFactory;
import dev.penstock.cassandra.sink.config.KeyStores;
import dev.penstock.cassandra.sink.config.Settings;
import dev.penstock.cassandra.sink.config.TlsConfig;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.cert.CertPathBuilderException;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertificateException;
import java.util.Optional;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManager;
import javax.net.ssl.TrustManagerFactory;
import org.apache.kafka.connect.errors.ConnectException;

/** Encryption of a session, and whose fault it is when it fails. */
final class Tls {

    private Tls() {
    }

    /** What the driver makes encrypted connections with. */
    static SslEngineFactory engines(TlsConfig config) {
        String[] suites = config.cipherSuites().isEmpty() ? null : config.cipherSuites().toArray(String[]::new);
        try {
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(keys(config), trust(config), null);
            return new ProgrammaticSslEngineFactory(context, suites, config.hostnameValidation());
        } catch (GeneralSecurityException | KeyStores.UnreadableStoreException e) {
            // They could be opened when the configuration was checked.
            throw new ConnectException("Cannot encrypt: " + e.getMessage(), e);
        }
    }

    private static TrustManager[] trust(TlsConfig config)
            throws GeneralSecurityException, KeyStores.UnreadableStoreException {
        KeyStore store = config.truststore().isPresent() ? KeyStores.open(config.truststore().get()) : null;
        TrustManagerFactory factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        factory.init(store);
        return factory.getTrustManagers();
    }

    private static KeyManager[] keys(TlsConfig config)
            throws GeneralSecurityException, KeyStores.UnreadableStoreException {
        if (config.keystore().isEmpty()) {
            return new KeyManager[0];
        }
        KeyManagerFactory factory = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        factory.init(KeyStores.open(config.keystore().get()),
                config.keystore().get().password().value().toCharArray());
        return factory.getKeyManagers();
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
