package dev.penstock.cassandra.sink;

import com.datastax.oss.driver.api.core.CqlSession;
import dev.penstock.cassandra.sink.cluster.Cluster;
import dev.penstock.cassandra.sink.cluster.ClusterAwayException;
import dev.penstock.cassandra.sink.config.SinkConfig;
import java.util.concurrent.CompletableFuture;
import org.apache.kafka.connect.errors.ConnectException;

/**
 * A session, and the tables as they are in its cluster.
 *
 * @param session the session
 * @param tables the tables
 */
record Connection(CqlSession session, Tables tables) {

    /**
     * Open one in a thread of its own: to connect and to prepare statements may take longer than a task may.
     *
     * <p>Fails with a {@link ClusterAwayException} when the cluster does not answer now, and with a
     * {@link ConnectException} when the configuration is wrong.
     */
    static CompletableFuture<Connection> open(SinkConfig config) {
        CompletableFuture<Connection> opening = new CompletableFuture<>();
        Thread thread = new Thread(
                () -> {
                    try {
                        opening.complete(connect(config));
                    } catch (ClusterAwayException | RuntimeException | Error e) {
                        opening.completeExceptionally(e);
                    }
                },
                "cassandra-sink-connect");
        thread.setDaemon(true);
        thread.start();
        return opening;
    }

    private static Connection connect(SinkConfig config) throws ClusterAwayException {
        long start = System.nanoTime();
        CqlSession session = Cluster.connect(config.cluster(), config.keyspaces());
        try {
            return new Connection(session, new Tables(session, config, start));
        } catch (ClusterAwayException | RuntimeException | Error e) {
            session.closeAsync();
            throw e;
        }
    }

    /** Tell whether any node answers at the addresses that the session knows. */
    boolean isConnected() {
        return session.getMetadata().getNodes().values().stream().anyMatch(node -> node.getOpenConnections() > 0);
    }
}
