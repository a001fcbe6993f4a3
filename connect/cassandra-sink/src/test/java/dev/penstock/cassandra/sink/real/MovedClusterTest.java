package dev.penstock.cassandra.sink.real;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.datastax.oss.driver.api.core.CqlSession;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/** A cluster as in Kubernetes: its name comes later than the task, and it comes back at another address. */
@Tag("cassandra")
@Tag("slow")
@EnabledIfSystemProperty(named = "cassandra.port", matches = "\\d+")
@Timeout(value = 10, unit = TimeUnit.MINUTES)
class MovedClusterTest {

    private static final String NAME = "cassandra.test";

    @TempDir
    private static Path folder;

    private static Process task(int port, Path hosts) throws IOException {
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-Djdk.net.hosts.file=" + hosts,
                        "-Dsun.net.inetaddr.ttl=0",
                        "-Dsun.net.inetaddr.negative.ttl=0",
                        "-cp",
                        System.getProperty("java.class.path"),
                        NamedCluster.class.getName(),
                        NAME + ":" + port)
                .redirectError(folder.resolve("log").toFile())
                .start();
    }

    private static String say(Process task, String id) throws IOException {
        task.outputWriter().write(id + "\n");
        task.outputWriter().flush();
        return task.inputReader().readLine();
    }

    @Test
    void isFoundByItsNameWheneverAndWhereverItComes() throws Exception {
        CassandraServer server = CassandraServer.start(Integer.getInteger("cassandra.port"));
        Path hosts = Files.writeString(folder.resolve("hosts"), "127.0.0.1 localhost\n");
        Process task = task(server.port(), hosts);
        try {
            try (CqlSession cql = server.session()) {
                cql.execute("CREATE KEYSPACE k WITH replication = {'class': 'SimpleStrategy', "
                        + "'replication_factor': 1}");
                cql.execute("CREATE TABLE k.t (id text PRIMARY KEY, n text)");
            }
            BufferedReader said = task.inputReader();
            assertEquals("waits", say(task, "early"), MovedClusterTest::log);
            Files.writeString(hosts, "127.0.0.1 " + NAME + "\n");
            assertEquals("written", said.readLine(), MovedClusterTest::log);
            server.move("127.0.0.2");
            Files.writeString(hosts, "127.0.0.2 " + NAME + "\n");
            say(task, "moved");
            assertEquals("written", said.readLine(), MovedClusterTest::log);
            try (CqlSession cql = server.session()) {
                assertEquals(
                        Set.of("early", "moved"),
                        cql.execute("SELECT id FROM k.t").all().stream()
                                .map(row -> row.getString(0))
                                .collect(Collectors.toSet()));
            }
        } finally {
            task.destroyForcibly().waitFor();
            server.kill();
        }
    }

    private static String log() {
        try {
            return Files.readString(folder.resolve("log"));
        } catch (IOException e) {
            return e.toString();
        }
    }
}
