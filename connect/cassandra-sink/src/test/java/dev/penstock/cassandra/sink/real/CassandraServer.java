package dev.penstock.cassandra.sink.real;

import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.CqlSessionBuilder;
import com.datastax.oss.driver.api.core.DriverException;
import com.datastax.oss.driver.api.core.config.DefaultDriverOption;
import com.datastax.oss.driver.api.core.config.DriverConfigLoader;
import com.datastax.oss.driver.api.core.cql.Row;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/** A real Cassandra, started as the stack starts it: same jars, same configuration files, own folder and ports. */
public final class CassandraServer {

    private static final Path REPOSITORY = Path.of("../..").toAbsolutePath().normalize();
    private static final Path TEMPLATES = REPOSITORY.resolve("servers/cassandra");
    /** Another version, for the matrix: its jars, its configuration and the Java that it runs with. */
    private static final String JARS = System.getProperty(
            "cassandra.jars", REPOSITORY.resolve(".servers/cassandra").toString());

    private static final Path YAML = Path.of(System.getProperty(
            "cassandra.yaml", TEMPLATES.resolve("cassandra.yaml").toString()));
    private static final String JAVA = System.getProperty("cassandra.java", "java");
    private static final String PROBE = "SELECT release_version FROM system.local";
    private static final Duration START_LIMIT = Duration.ofMinutes(4);

    private final int port;
    private final Path folder;
    private final UnaryOperator<String> yaml;
    private final UnaryOperator<CqlSessionBuilder> client;
    private String host = "127.0.0.1";
    private Process process;

    private CassandraServer(
            int port, Path folder, UnaryOperator<String> yaml, UnaryOperator<CqlSessionBuilder> client) {
        this.port = port;
        this.folder = folder;
        this.yaml = yaml;
        this.client = client;
    }

    /** Start on a port (its storage port is the next one), with empty data. */
    static CassandraServer start(int port) throws IOException, InterruptedException {
        return start(port, UnaryOperator.identity(), UnaryOperator.identity());
    }

    /** Start with a changed configuration file, and with what a session needs for it. */
    static CassandraServer start(int port, UnaryOperator<String> yaml, UnaryOperator<CqlSessionBuilder> client)
            throws IOException, InterruptedException {
        Path folder = Path.of("target", "cassandra-" + port).toAbsolutePath();
        if (Files.exists(folder)) {
            try (Stream<Path> files = Files.walk(folder)) {
                files.sorted(Comparator.reverseOrder())
                        .forEach(file -> file.toFile().delete());
            }
        }
        Files.createDirectories(folder);
        CassandraServer server = new CassandraServer(port, folder, yaml, client);
        server.launch();
        try {
            server.awaitFirstAnswer();
        } catch (IllegalStateException e) {
            server.kill(); // The next one on this port deletes its files, and would meet it there.
            throw e;
        }
        return server;
    }

    /** The port of the native protocol. */
    public int port() {
        return port;
    }

    /** Start the process again over the same data; does not wait for it. */
    void launch() throws IOException {
        String text = Files.readString(YAML)
                .replace("${host}", host)
                .replace("${port}", Integer.toString(port))
                .replace("${storage_port}", Integer.toString(port + 1))
                .replace("${seeds}", host + ":" + (port + 1))
                .replace("${token}", "")
                .replace("${data}", folder.resolve("data").toString())
                .replace("${commitlog_disk_access_mode}", "auto")
                .replace("${compaction_mib_s}", "64");
        Path config = Files.writeString(folder.resolve("cassandra.yaml"), yaml.apply(text));
        List<String> command = new ArrayList<>(List.of(
                "nice",
                JAVA,
                "@" + TEMPLATES.resolve("jvm17.options"),
                "-Djava.io.tmpdir=" + folder,
                "-Xms512m",
                "-Xmx1g",
                "-Dcassandra.config=" + config.toUri(),
                "-Dcassandra.storagedir=" + folder.resolve("data"),
                "-Dcassandra.ring_delay_ms=0",
                "-Dcassandra.skip_wait_for_gossip_to_settle=0",
                "-Dcassandra-foreground=yes",
                "-Dlogback.configurationFile=" + TEMPLATES.resolve("logback.xml"),
                "-cp",
                JARS + "/*",
                "org.apache.cassandra.service.CassandraDaemon"));
        process = new ProcessBuilder(command)
                .redirectErrorStream(true)
                .redirectOutput(
                        ProcessBuilder.Redirect.appendTo(folder.resolve("log").toFile()))
                .start();
        Runtime.getRuntime().addShutdownHook(new Thread(process::destroyForcibly));
    }

    private void awaitFirstAnswer() throws InterruptedException {
        await(() -> {
            try (CqlSession session = session()) {
                session.execute(PROBE);
            }
        });
    }

    /** Wait until it answers a query of a session that may have lost its connections. */
    public void awaitAnswer(CqlSession session) throws InterruptedException {
        read(session, PROBE);
    }

    /** Ask until it answers: under load it may fail at a large read for a while. */
    List<Row> read(CqlSession session, String query) throws InterruptedException {
        List<Row> rows = new ArrayList<>();
        await(() -> rows.addAll(session.execute(query).all()));
        return rows;
    }

    private void await(Runnable probe) throws InterruptedException {
        long deadline = System.nanoTime() + START_LIMIT.toNanos();
        while (true) {
            try {
                probe.run();
                return;
            } catch (DriverException e) {
                if (System.nanoTime() > deadline || !process.isAlive()) {
                    throw new IllegalStateException("Cassandra does not answer; see " + folder.resolve("log"), e);
                }
                TimeUnit.MILLISECONDS.sleep(300);
            }
        }
    }

    /** Undo what a failed test may have left. */
    void revive(CqlSession session) throws IOException, InterruptedException {
        if (process.isAlive()) {
            thaw();
        } else {
            launch();
        }
        awaitAnswer(session);
    }

    CqlSession session() {
        return client.apply(CqlSession.builder())
                .addContactPoint(new InetSocketAddress(host, port))
                .withLocalDatacenter("datacenter1")
                .withConfigLoader(DriverConfigLoader.programmaticBuilder()
                        .withDuration(DefaultDriverOption.REQUEST_TIMEOUT, Duration.ofMinutes(1))
                        .withDuration(DefaultDriverOption.RECONNECTION_MAX_DELAY, Duration.ofSeconds(1))
                        .build())
                .build();
    }

    /** Stop it as a power cut stops a process: nothing is flushed or closed. */
    void kill() throws InterruptedException {
        process.destroyForcibly().waitFor();
    }

    /** Start it again over the same data at another address, as a scheduler of containers does. */
    void move(String otherHost) throws IOException, InterruptedException {
        kill();
        host = otherHost;
        launch();
        awaitFirstAnswer();
    }

    /** Stop its clock: it holds its connections and answers nothing. */
    public void freeze() throws IOException, InterruptedException {
        signal("-STOP");
    }

    /** Let its clock run again. */
    public void thaw() throws IOException, InterruptedException {
        signal("-CONT");
    }

    private void signal(String name) throws IOException, InterruptedException {
        new ProcessBuilder("kill", name, Long.toString(process.pid()))
                .inheritIO()
                .start()
                .waitFor();
    }
}
