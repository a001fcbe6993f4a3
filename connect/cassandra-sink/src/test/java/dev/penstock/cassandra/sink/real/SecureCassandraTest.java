package dev.penstock.cassandra.sink.real;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.ssl.ProgrammaticSslEngineFactory;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import dev.penstock.cassandra.sink.CassandraSinkConnector;
import dev.penstock.cassandra.sink.Problems;
import dev.penstock.cassandra.sink.config.Certificates;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.errors.ConnectException;
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
@Tag("slow")
@EnabledIfSystemProperty(named = "cassandra.port", matches = "\\d+")
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class SecureCassandraTest {

    private static final String SUPERUSER = "cassandra";
    private static final TopicPartition CLOSED = new TopicPartition("closed", 0);

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
        server = CassandraServer.start(
                Integer.getInteger("cassandra.port") + 10,
                yaml -> yaml.replace("AllowAllAuthenticator", "PasswordAuthenticator")
                                .replace("AllowAllAuthorizer", "CassandraAuthorizer")
                                // It listens on addresses that have no name, too.
                                .replace(
                                        "\nrpc_address: 127.0.0.1",
                                        "\nrpc_address: 0.0.0.0\nbroadcast_rpc_address: 127.0.0.1")
                        + encryption(node)
                        // Of users who are no superusers.
                        + "\nwrite_consistency_levels_disallowed: [EACH_QUORUM]"
                        + "\ncolumn_value_size_fail_threshold: 1KiB\n",
                builder -> builder.withSslEngineFactory(engines).withAuthCredentials(SUPERUSER, SUPERUSER));
        cql = server.session();
        cql.execute("CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
        cql.execute("CREATE TABLE k.t (id text PRIMARY KEY, n text)");
    }

    private static String encryption(Path node) {
        return String.join(
                "\n",
                "",
                "client_encryption_options:",
                "  enabled: true",
                "  optional: false",
                "  keystore: " + node,
                "  keystore_password: " + Certificates.PASSWORD,
                "  require_client_auth: true",
                "  truststore: " + Certificates.trust(folder, "client"),
                "  truststore_password: " + Certificates.PASSWORD,
                "");
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
        Map<String, String> settings = new HashMap<>(Map.of(
                "name",
                "sink",
                "topics",
                "t",
                "contactPoints",
                "localhost",
                "port",
                Integer.toString(server.port()),
                "auth.provider",
                "PLAIN",
                "auth.username",
                SUPERUSER,
                "auth.password",
                SUPERUSER,
                "topic.t.k.t.mapping",
                "id=key, n=value"));
        settings.putAll(Map.of(
                "ssl.provider",
                "JDK",
                "ssl.truststore.path",
                Certificates.trust(folder, "node").toString(),
                "ssl.truststore.password",
                Certificates.PASSWORD,
                "ssl.keystore.path",
                folder.resolve("client.p12").toString(),
                "ssl.keystore.password",
                Certificates.PASSWORD));
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
            run.put(List.of(new SinkRecord(
                            "t",
                            0,
                            Schema.STRING_SCHEMA,
                            "x",
                            Schema.STRING_SCHEMA,
                            "y".repeat(9_000),
                            0,
                            1L,
                            TimestampType.CREATE_TIME)))
                    .awaitCommittable();
        }
        assertEquals(
                "y".repeat(9_000),
                cql.execute("SELECT n FROM k.t WHERE id = 'x'").one().getString(0));
    }

    /** Of the form of Astra's: where a service of metadata is, and the certificates for it and for the cluster. */
    private static Path bundle(int port) throws IOException {
        Path bundle = folder.resolve("bundle.zip");
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(bundle))) {
            Map<String, byte[]> entries = Map.of(
                    "identity.jks",
                    Files.readAllBytes(folder.resolve("client.p12")),
                    "trustStore.jks",
                    Files.readAllBytes(Certificates.trust(folder, "node")),
                    "config.json",
                    ("{\"host\": \"localhost\", \"port\": " + port + ", \"keyStorePassword\": \""
                                    + Certificates.PASSWORD + "\", \"trustStorePassword\": \"" + Certificates.PASSWORD
                                    + "\"}")
                            .getBytes(StandardCharsets.UTF_8));
            for (Map.Entry<String, byte[]> entry : entries.entrySet()) {
                zip.putNextEntry(new ZipEntry(entry.getKey()));
                zip.write(entry.getValue());
            }
        }
        return bundle;
    }

    /** The node itself stands for the proxy, to which the driver names the node that it means. */
    private static HttpsServer metadata() throws Exception {
        UUID node = cql.execute("SELECT host_id FROM system.local").one().getUuid(0);
        byte[] answer = ("{\"version\": 1, \"region\": \"local\", \"contact_info\": {\"type\": \"sni_proxy\", "
                        + "\"local_dc\": \"datacenter1\", \"sni_proxy_address\": \"localhost:" + server.port()
                        + "\", \"contact_points\": [\"" + node + "\"]}}")
                .getBytes(StandardCharsets.UTF_8);
        HttpsServer service = HttpsServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
        service.setHttpsConfigurator(
                new HttpsConfigurator(context(folder.resolve("node.p12"), Certificates.trust(folder, "client"))));
        service.createContext("/metadata", exchange -> {
            exchange.sendResponseHeaders(200, answer.length);
            exchange.getResponseBody().write(answer);
            exchange.close();
        });
        service.start();
        return service;
    }

    @Test
    void aSecureBundleLeadsToTheCluster() throws Exception {
        HttpsServer service = metadata();
        try {
            Map<String, String> settings = settings(
                    "cloud.secureConnectBundle",
                    bundle(service.getAddress().getPort()).toString());
            settings.keySet()
                    .removeIf(name -> name.startsWith("ssl.") || name.equals("contactPoints") || name.equals("port"));
            assertEquals(Map.of(), problems(settings));
            try (TaskRun run = new TaskRun(settings, "t", false)) {
                run.put(List.of(new SinkRecord(
                                "t",
                                0,
                                Schema.STRING_SCHEMA,
                                "b",
                                Schema.STRING_SCHEMA,
                                "bundled",
                                0,
                                1L,
                                TimestampType.CREATE_TIME)))
                        .awaitCommittable();
            }
        } finally {
            service.stop(0);
        }
        assertEquals(
                "bundled", cql.execute("SELECT n FROM k.t WHERE id = 'b'").one().getString(0));
    }

    @Test
    void refusesAWrongNameUnlessToldOtherwise() {
        Map<String, String> settings = settings("contactPoints", "127.0.0.2");
        String problem = problems(settings).get("ssl.hostnameValidation");
        assertTrue(
                problem != null && problem.contains("127.0.0.2"),
                problems(settings).toString());
        settings.put("ssl.hostnameValidation", "false");
        assertEquals(Map.of(), problems(settings));
    }

    @Test
    void refusesACertificateThatIsNotTrusted() {
        Map<String, String> settings = settings(
                "ssl.truststore.path", Certificates.trust(folder, "stranger").toString());
        assertTrue(
                problems(settings).get("ssl.truststore.path").contains("unable to find valid certification path"),
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
        assertTrue(
                problems(nobody).get("auth.username").contains("refuses user or password"),
                problems(nobody).toString());
    }

    private static SinkRecord record(long offset) {
        return record(offset, "n");
    }

    private static SinkRecord record(long offset, String value) {
        return new SinkRecord(
                "t", 0, Schema.STRING_SCHEMA, "x", Schema.STRING_SCHEMA, value, offset, 1L, TimestampType.CREATE_TIME);
    }

    /**
     * Its connections end with the node that held them, and of the next ones the driver says only that none is there.
     */
    @Test
    void aUserWhoIsTakenNoLongerFailsARunningTask() throws Exception {
        cql.execute("CREATE ROLE former WITH PASSWORD = 'right' AND LOGIN = true AND SUPERUSER = true");
        Map<String, String> settings = settings("auth.username", "former");
        settings.put("auth.password", "right");
        settings.put("auth.refusalTimeout", "1");
        try (TaskRun run = new TaskRun(settings, "t", false)) {
            run.put(List.of(record(0))).awaitCommittable();
            cql.execute("DROP ROLE former");
            server.kill();
            server.revive(cql);
            run.deliver(List.of(record(1)));
            String failure =
                    assertThrows(ConnectException.class, run::awaitCommittable).getMessage();
            assertTrue(failure.contains("refuses user or password"), failure);
        }
    }

    /** Both answers have one code: the first would make a dead letter of each row. */
    @Test
    void aRuleOfTheClusterFailsTheTaskAndATooLargeValueIsABadRecord() {
        cql.execute("CREATE ROLE ordinary WITH PASSWORD = 'right' AND LOGIN = true");
        cql.execute("GRANT MODIFY ON k.t TO ordinary");
        Map<String, String> settings = settings("auth.username", "ordinary");
        settings.put("auth.password", "right");
        settings.put("auth.refusalTimeout", "1");
        try (TaskRun run = new TaskRun(settings, "t", true)) {
            run.put(List.of(record(0), record(1, "y".repeat(2_000)))).awaitCommittable();
            assertEquals(1, run.letters().size());
            assertTrue(
                    run.letters().get(0).contains("Guardrail column_value_size violated"),
                    run.letters().toString());
        }
        settings.put("consistencyLevel", "EACH_QUORUM");
        try (TaskRun run = new TaskRun(settings, "t", true)) {
            run.deliver(List.of(record(0)));
            String failure =
                    assertThrows(ConnectException.class, run::awaitCommittable).getMessage();
            assertTrue(failure.contains("Guardrail write_consistency_levels violated"), failure);
            assertEquals(List.of(), run.letters());
        }
    }

    /** As while the replicas of system_auth are away: the cluster refuses everybody for a while. */
    @Test
    void aRefusedUserIsWaitedForAndThenFailsTheTask() {
        Map<String, String> settings = settings("auth.username", "late");
        settings.put("auth.password", "right");
        try (TaskRun run = new TaskRun(settings, "t", false)) {
            run.deliver(List.of(record(0)));
            assertTrue(run.isPaused());
            cql.execute("CREATE ROLE late WITH PASSWORD = 'right' AND LOGIN = true AND SUPERUSER = true");
            run.put(List.of()).awaitCommittable();
        }
        settings.put("auth.password", "forgotten");
        settings.put("auth.refusalTimeout", "0");
        assertTrue(TaskRun.failure(settings, "t").contains("refuses user or password"));
    }

    private static Map<String, String> withClosed(String user) {
        Map<String, String> settings = settings("auth.username", user);
        settings.put("auth.password", "right");
        settings.put("topics", "t,closed");
        settings.put("topic.closed.k.closed.mapping", "id=key, n=value");
        cql.execute("CREATE TABLE IF NOT EXISTS k.closed (id text PRIMARY KEY, n text)");
        cql.execute("CREATE ROLE " + user + " WITH PASSWORD = 'right' AND LOGIN = true");
        return settings;
    }

    private static SinkRecord ofClosed(long offset) {
        return new SinkRecord(
                "closed",
                0,
                Schema.STRING_SCHEMA,
                "c" + offset,
                Schema.STRING_SCHEMA,
                "n",
                offset,
                1L,
                TimestampType.CREATE_TIME);
    }

    /** Others go on, and it goes on once the user may write its table, without anybody's restart. */
    @Test
    void aTopicWhoseTableTheUserMayNotWriteWaitsAlone() {
        Map<String, String> settings = withClosed("halfway");
        cql.execute("GRANT MODIFY ON k.t TO halfway");
        settings.put("auth.refusalTimeout", "1");
        try (TaskRun run = new TaskRun(settings, "t", true)) {
            run.context.assignment.add(CLOSED);
            run.put(List.of(ofClosed(0), record(0), ofClosed(1)));
            run.until(() -> run.context.paused.equals(Set.of(CLOSED)));
            run.put(List.of(record(1))).awaitCommittable();
            assertEquals(0, run.committable(CLOSED, 2));
            // It has waited for longer than the task would, had it nothing that it may write.
            long deadline = System.nanoTime() + Duration.ofSeconds(5).toNanos();
            run.until(() -> System.nanoTime() > deadline);
            assertEquals(Set.of(CLOSED), run.context.paused);

            cql.execute("GRANT MODIFY ON k.closed TO halfway");
            run.until(() -> run.context.paused.isEmpty());
            assertEquals(Map.of(CLOSED, 0L), run.context.goneBack);
            run.put(List.of(ofClosed(0), ofClosed(1)));
            run.until(() -> run.committable(CLOSED, 2) == 2);
            assertEquals(2, cql.execute("SELECT id FROM k.closed").all().size());
            assertEquals(List.of(), run.letters());
        }
    }

    @Test
    void aTaskWhoseUserMayWriteNoneOfItsTablesFails() {
        Map<String, String> settings = withClosed("outside");
        settings.put("auth.refusalTimeout", "1");
        try (TaskRun run = new TaskRun(settings, "t", true)) {
            run.context.assignment.add(CLOSED);
            run.deliver(List.of(ofClosed(0), record(0)));
            String failure =
                    assertThrows(ConnectException.class, run::awaitCommittable).getMessage();
            assertTrue(failure.contains("Cassandra takes no row of k.t: "), failure);
            assertTrue(failure.contains("Cassandra takes no row of k.closed: "), failure);
            assertTrue(failure.contains("MODIFY"), failure);
            assertEquals(List.of(), run.letters());
        }
    }
}
