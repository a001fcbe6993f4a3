package dev.penstock.cassandra.sink.real;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.ssl.ProgrammaticSslEngineFactory;
import dev.penstock.cassandra.sink.CassandraSinkConnector;
import dev.penstock.cassandra.sink.Problems;
import dev.penstock.cassandra.sink.config.Certificates;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.sink.SinkRecord;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/** A Cassandra that takes only encrypted connections, with the client's own certificate, of users that it knows. */
@Tag("cassandra")
@EnabledIfSystemProperty(named = "cassandra.port", matches = "\\d+")
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class SecureCassandraTest {

    private static final String SUPERUSER = "cassandra";

    @TempDir
    private static Path folder;
    private static CassandraServer server;
    private static CqlSession cql;

    @BeforeAll
    static void start() throws Exception {
        // The server's certificate carries one name only, so that a connection by another must fail.
        Path node = Certificates.make(folder, "node", "dns:localhost");
        Path client = Certificates.make(folder, "client", "dns:client");
        Certificates.make(folder, "stranger", "dns:localhost");
        var engines = new ProgrammaticSslEngineFactory(context(client, Certificates.trust(folder, "node")));
        server = CassandraServer.start(Integer.getInteger("cassandra.port") + 10,
                yaml -> yaml.replace("AllowAllAuthenticator", "PasswordAuthenticator")
                        // It listens on addresses that have no name, too.
                        .replace("\nrpc_address: 127.0.0.1",
                                "\nrpc_address: 0.0.0.0\nbroadcast_rpc_address: 127.0.0.1") + encryption(node),
                builder -> builder.withSslEngineFactory(engines).withAuthCredentials(SUPERUSER, SUPERUSER));
        cql = server.session();
        cql.execute("CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
        cql.execute("CREATE TABLE k.t (id text PRIMARY KEY, n text)");
    }

    private static String encryption(Path node) {
        return String.join("\n", "", "client_encryption_options:", "  enabled: true", "  optional: false",
                "  keystore: " + node, "  keystore_password: " + Certificates.PASSWORD, "  require_client_auth: true",
                "  truststore: " + Certificates.trust(folder, "client"),
                "  truststore_password: " + Certificates.PASSWORD, "");
    }

    private static SSLContext context(Path keys, Path trust) throws Exception {
        char[] password = Certificates.PASSWORD.toCharArray();
        var keyManagers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keyManagers.init(KeyStore.getInstance(keys.toFile(), password), password);
        var trustManagers = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trustManagers.init(KeyStore.getInstance(trust.toFile(), password));
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keyManagers.getKeyManagers(), trustManagers.getTrustManagers(), null);
        return context;
    }

    @AfterAll
    static void stop() throws InterruptedException {
        cql.close();
        server.kill();
    }

    private static Map<String, String> settings() {
        Map<String, String> settings = new HashMap<>(Map.of("name", "sink", "topics", "t", "contactPoints", "localhost",
                "port", Integer.toString(server.port()), "auth.provider", "PLAIN", "auth.username", SUPERUSER,
                "auth.password", SUPERUSER, "topic.t.k.t.mapping", "id=key, n=value"));
        settings.putAll(Map.of("ssl.provider", "JDK",
                "ssl.truststore.path", Certificates.trust(folder, "node").toString(),
                "ssl.truststore.password", Certificates.PASSWORD,
                "ssl.keystore.path", folder.resolve("client.p12").toString(),
                "ssl.keystore.password", Certificates.PASSWORD));
        return settings;
    }

    private static Map<String, String> settings(String name, String value) {
        Map<String, String> settings = settings();
        settings.put(name, value);
        return settings;
    }

    private static Map<String, String> problems(Map<String, String> settings) {
        return Problems.of(new CassandraSinkConnector().validate(settings).configValues());
    }

    @Test
    void writesEncryptedWithBothCertificates() {
        Map<String, String> settings = settings("compression", "LZ4");
        settings.put("ssl.cipherSuites", "TLS_AES_256_GCM_SHA384");
        assertEquals(Map.of(), problems(settings));
        try (TaskRun run = new TaskRun(settings, "t", false)) {
            run.put(List.of(new SinkRecord("t", 0, Schema.STRING_SCHEMA, "x", Schema.STRING_SCHEMA, "y".repeat(9_000),
                    0, 1L, TimestampType.CREATE_TIME))).awaitCommittable();
        }
        assertEquals("y".repeat(9_000), cql.execute("SELECT n FROM k.t WHERE id = 'x'").one().getString(0));
    }

    @Test
    void refusesAWrongNameUnlessToldOtherwise() {
        Map<String, String> settings = settings("contactPoints", "127.0.0.2");
        String problem = problems(settings).get("ssl.hostnameValidation");
        assertTrue(problem != null && problem.contains("127.0.0.2"), problems(settings).toString());
        settings.put("ssl.hostnameValidation", "false");
        assertEquals(Map.of(), problems(settings));
    }

    @Test
    void refusesACertificateThatIsNotTrusted() {
        Map<String, String> settings =
                settings("ssl.truststore.path", Certificates.trust(folder, "stranger").toString());
        assertTrue(problems(settings).get("ssl.truststore.path").contains("unable to find valid certification path"),
                problems(settings).toString());
        String failure = TaskRun.failure(settings, "t");
        assertTrue(failure.startsWith("ssl.truststore.path: the certificate of Cassandra at localhost"), failure);
    }

    @Test
    void saysThatTheClusterDoesNotAnswerWithoutACertificateOfItsOwn() {
        Map<String, String> settings = settings();
        settings.remove("ssl.keystore.path");
        settings.remove("ssl.keystore.password");
        assertEquals(List.of("contactPoints"), List.copyOf(problems(settings).keySet()));
        settings.keySet().removeIf(name -> name.startsWith("ssl."));
        assertEquals(List.of("contactPoints"), List.copyOf(problems(settings).keySet()));
    }

    @Test
    void refusesWrongCredentials() {
        String problem = problems(settings("auth.password", "wrong")).get("auth.username");
        assertTrue(problem.contains("refuses user or password"), problem);
        Map<String, String> nobody = settings();
        nobody.keySet().removeIf(name -> name.startsWith("auth."));
        assertTrue(problems(nobody).get("auth.username").contains("refuses user or password"),
                problems(nobody).toString());
    }

    /** As while the replicas of system_auth are away: the cluster refuses everybody for a while. */
    @Test
    void aRefusedUserIsWaitedForAndThenFailsTheTask() {
        Map<String, String> settings = settings("auth.username", "late");
        settings.put("auth.password", "right");
        SinkRecord record = new SinkRecord("t", 0, Schema.STRING_SCHEMA, "late", Schema.STRING_SCHEMA, "n", 0, 1L,
                TimestampType.CREATE_TIME);
        try (TaskRun run = new TaskRun(settings, "t", false)) {
            run.deliver(List.of(record));
            assertTrue(run.isPaused());
            cql.execute("CREATE ROLE late WITH PASSWORD = 'right' AND LOGIN = true AND SUPERUSER = true");
            run.put(List.of()).awaitCommittable();
        }
        settings.put("auth.password", "forgotten");
        settings.put("auth.refusalTimeout", "0");
        assertTrue(TaskRun.failure(settings, "t").contains("refuses user or password"));
    }
}
