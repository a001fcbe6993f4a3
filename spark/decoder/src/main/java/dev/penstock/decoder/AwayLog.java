package dev.penstock.decoder;

import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Says that the registry is away, every 30 seconds and not at every try, and that it is back. */
final class AwayLog {

    private static final Logger LOG = LoggerFactory.getLogger(Decoder.class);
    private static final long PAUSE_NANOS = Duration.ofSeconds(30).toNanos();

    private final String url;
    private boolean isAway;
    private long saidAtNanos;

    AwayLog(String url) {
        this.url = url;
    }

    synchronized void away(Exception cause) {
        long now = System.nanoTime();
        if (!isAway || now - saidAtNanos >= PAUSE_NANOS) {
            LOG.warn("The Schema Registry at {} is away ({}); waiting for it, nothing is lost", url, cause.toString());
            saidAtNanos = now;
        }
        isAway = true;
    }

    synchronized void answered() {
        if (isAway) {
            LOG.warn("The Schema Registry answers again");
            isAway = false;
        }
    }
}
