package dev.penstock.cassandra.sink;

import dev.penstock.cassandra.sink.cluster.ClusterAwayException;
import dev.penstock.cassandra.sink.cluster.WrongSettingException;
import dev.penstock.cassandra.sink.config.Settings;
import dev.penstock.cassandra.sink.config.SinkConfig;
import dev.penstock.cassandra.sink.write.Backoff;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Function;
import org.apache.kafka.connect.errors.ConnectException;

/**
 * Keeps a connection to the cluster: opens the first, and another one when the old one is of no use any more. Used by
 * the task's thread.
 */
final class Connections implements AutoCloseable {

    /** A session whose nodes have all been away for so long may know addresses that will never answer again. */
    private static final Duration OLD_ADDRESSES = Duration.ofSeconds(30);

    private static final Duration CLOSE_LIMIT = Duration.ofSeconds(1);
    private static final Backoff BACKOFF = new Backoff(Duration.ofMillis(500), Duration.ofSeconds(5));

    private final SinkConfig config;
    private final Function<SinkConfig, CompletableFuture<Connection>> opener;
    private volatile Connection current;
    private CompletableFuture<Connection> opening;
    private int failures;
    private ClusterAwayException reason;
    private long nextTry = System.nanoTime();
    private long connectedAt = nextTry;
    private long refusedSince;

    Connections(SinkConfig config, Function<SinkConfig, CompletableFuture<Connection>> opener) {
        this.config = config;
        this.opener = opener;
    }

    /** The connection; null before the first one. By any thread. */
    Connection current() {
        return current;
    }

    /**
     * Make sure that there is a connection which can be used.
     *
     * @param limit how long to wait for a new one
     * @throws ClusterAwayException when there is none yet; ask again
     * @throws ConnectException when the configuration is wrong
     */
    void ensure(Duration limit) throws ClusterAwayException {
        if (current == null || current.tables().areWorn()) {
            open();
            adopt(limit);
        } else {
            renewOldAddresses();
        }
    }

    private void open() throws ClusterAwayException {
        if (opening == null && System.nanoTime() - nextTry < 0) {
            throw reason;
        }
        opening = opening == null ? opener.apply(config) : opening;
    }

    private void adopt(Duration limit) throws ClusterAwayException {
        try {
            replace(opening.get(limit.toMillis(), TimeUnit.MILLISECONDS));
        } catch (ExecutionException e) {
            opening = null;
            nextTry = System.nanoTime() + BACKOFF.after(failures++).toNanos();
            reason = away(e.getCause());
            throw reason;
        } catch (TimeoutException e) {
            throw new ClusterAwayException("Cassandra at " + config.cluster().address() + " has not answered yet", e);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new ClusterAwayException("Interrupted while connecting", e);
        }
    }

    private void replace(Connection opened) {
        if (current != null) {
            current.session().closeAsync();
        }
        current = opened;
        opening = null;
        connected();
    }

    private void connected() {
        connectedAt = System.nanoTime();
        nextTry = connectedAt;
        failures = 0;
        refusedSince = 0;
        reason = null;
    }

    private ClusterAwayException away(Throwable error) {
        if (error instanceof ClusterAwayException away) {
            return away;
        }
        if (error instanceof WrongSettingException wrong
                && wrong.setting().equals(Settings.USERNAME)
                && refusedFor().compareTo(config.refusalPatience()) < 0) {
            return new ClusterAwayException(
                    "The task fails when that lasts for "
                            + config.refusalPatience().toSeconds() + " s: " + wrong.getMessage(),
                    wrong);
        }
        throw error instanceof ConnectException wrong ? wrong : new ConnectException(error.toString(), error);
    }

    private Duration refusedFor() {
        long now = System.nanoTime();
        refusedSince = refusedSince == 0 ? now : refusedSince;
        return Duration.ofNanos(now - refusedSince);
    }

    /**
     * The old connection stays until the new one is there: its nodes may come back where they were. While they do not,
     * only the attempt at a new one tells why.
     */
    private void renewOldAddresses() throws ClusterAwayException {
        boolean connected = current.isConnected();
        if (connected) {
            connected();
        }
        if (opening != null && opening.isDone()) {
            if (connected && opening.isCompletedExceptionally()) {
                opening = null;
            } else {
                adopt(Duration.ZERO);
            }
        } else if (opening == null && System.nanoTime() - connectedAt > OLD_ADDRESSES.toNanos()) {
            connectedAt = System.nanoTime();
            opening = opener.apply(config);
        }
        if (reason != null) {
            throw reason;
        }
    }

    /** Close within a second or so. */
    @Override
    public void close() {
        if (opening != null) {
            opening.thenAccept(opened -> opened.session().closeAsync());
        }
        if (current != null) {
            close(current);
        }
    }

    private static void close(Connection connection) {
        try {
            connection.session().closeAsync().toCompletableFuture().get(CLOSE_LIMIT.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException | ExecutionException e) {
            connection.session().forceCloseAsync();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            connection.session().forceCloseAsync();
        }
    }
}
