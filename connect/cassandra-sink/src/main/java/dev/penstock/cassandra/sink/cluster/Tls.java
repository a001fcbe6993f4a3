package dev.penstock.cassandra.sink.cluster;

import dev.penstock.cassandra.sink.config.Settings;
import java.security.cert.CertPathBuilderException;
import java.security.cert.CertPathValidatorException;
import java.security.cert.CertificateException;
import java.util.Optional;

/** Whose fault it is when an encrypted connection fails. */
final class Tls {

    private Tls() {}

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
