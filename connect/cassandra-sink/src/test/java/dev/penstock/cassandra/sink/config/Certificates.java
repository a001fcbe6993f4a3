package dev.penstock.cassandra.sink.config;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Self-made certificates, by the JDK's keytool. */
public final class Certificates {

    /** The password of every file. */
    public static final String PASSWORD = "changeit";

    private Certificates() {}

    /**
     * Make a key with its certificate, and a truststore that trusts it.
     *
     * @param folder where {@code <name>.p12} and {@code <name>-trust.p12} go
     * @param alternativeNames what the certificate says the host is, as keytool writes it: {@code dns:a,ip:127.0.0.1}
     * @return the keystore
     */
    public static Path make(Path folder, String name, String alternativeNames)
            throws IOException, InterruptedException {
        Path keystore = folder.resolve(name + ".p12");
        Path certificate = folder.resolve(name + ".crt");
        keytool(
                "-genkeypair",
                "-alias",
                name,
                "-keyalg",
                "EC",
                "-dname",
                "CN=" + name,
                "-validity",
                "2",
                "-ext",
                "san=" + alternativeNames,
                "-keystore",
                keystore.toString());
        keytool("-exportcert", "-alias", name, "-keystore", keystore.toString(), "-file", certificate.toString());
        keytool(
                "-importcert",
                "-noprompt",
                "-alias",
                name,
                "-keystore",
                trust(folder, name).toString(),
                "-file",
                certificate.toString());
        return keystore;
    }

    /** The truststore made with a key. */
    public static Path trust(Path folder, String name) {
        return folder.resolve(name + "-trust.p12");
    }

    private static void keytool(String... arguments) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(
                Path.of(System.getProperty("java.home"), "bin", "keytool").toString()));
        command.addAll(List.of(arguments));
        command.addAll(List.of("-storetype", "PKCS12", "-storepass", PASSWORD));
        Path log = Files.createTempFile("keytool", ".log");
        Process process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(log.toFile())
                .start();
        if (process.waitFor() != 0) {
            throw new IOException(Files.readString(log));
        }
        Files.delete(log);
    }
}
