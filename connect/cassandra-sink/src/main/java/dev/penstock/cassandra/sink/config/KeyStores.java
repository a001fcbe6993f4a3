package dev.penstock.cassandra.sink.config;

import java.io.File;
import java.io.IOException;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.security.NoSuchAlgorithmException;
import java.security.UnrecoverableKeyException;
import java.util.Set;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;

/** Opens the files that hold certificates and keys. */
public final class KeyStores {

    private KeyStores() {
    }

    /** A file that cannot be opened, or its password. */
    public static final class UnreadableStoreException extends Exception {

        private static final long serialVersionUID = 1L;

        private final boolean password;

        private UnreadableStoreException(String message, boolean password, Throwable cause) {
            super(message, cause);
            this.password = password;
        }

        /** Tell whether the password is what is wrong. */
        boolean isPassword() {
            return password;
        }
    }

    /**
     * Open a file, PKCS12 or JKS.
     *
     * @throws UnreadableStoreException when it is not there, is no such file, or the password is wrong
     */
    public static KeyStore open(TlsConfig.StoreFile store) throws UnreadableStoreException {
        File file = new File(store.path());
        if (!file.isFile() || !file.canRead()) {
            throw new UnreadableStoreException("No readable file " + store.path() + " on this worker", false, null);
        }
        char[] password = store.password().value().isEmpty() ? null : store.password().value().toCharArray();
        try {
            KeyStore opened = KeyStore.getInstance(file, password);
            if (opened.size() == 0) {
                throw new UnreadableStoreException("Nothing can be read from " + store.path()
                        + (password == null ? " without its password" : ""), password == null, null);
            }
            // Fails when a key in it has another password, which would show only when a connection is made.
            KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm()).init(opened, password);
            return opened;
        } catch (IOException | UnrecoverableKeyException e) {
            boolean wrongPassword = e instanceof UnrecoverableKeyException
                    || e.getCause() instanceof UnrecoverableKeyException;
            throw new UnreadableStoreException(wrongPassword ? "Wrong password for " + store.path()
                    : store.path() + " cannot be read: " + e.getMessage(), wrongPassword, e);
        } catch (GeneralSecurityException e) {
            throw new UnreadableStoreException(store.path() + " is neither PKCS12 nor JKS: " + e.getMessage(), false,
                    e);
        }
    }

    /** The cipher suites of this JDK. */
    static Set<String> cipherSuites() {
        try {
            return Set.of(SSLContext.getDefault().getSupportedSSLParameters().getCipherSuites());
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("this JDK has no TLS", e);
        }
    }
}
