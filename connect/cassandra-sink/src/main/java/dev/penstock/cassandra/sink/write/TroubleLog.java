package dev.penstock.cassandra.sink.write;

import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Knows whether writes wait, and says so in the log: at once with the reason, each minute, and when it is over. */
public final class TroubleLog {

    private static final Logger LOG = LoggerFactory.getLogger(TroubleLog.class);
    private static final long EVERY_NANOS = Duration.ofMinutes(1).toNanos();

    private long since;
    private long lastSaid;
    private boolean trouble;
    private long outages;

    /** Something failed that is tried again. */
    public void failed(String what, Throwable error) {
        waits(
                what,
                error.getClass().getSimpleName() + ": "
                        + String.valueOf(error.getMessage()).replaceAll("\\s+", " "));
    }

    /** Something takes longer than it should. */
    public synchronized void waits(String what, String reason) {
        long now = System.nanoTime();
        if (!trouble) {
            trouble = true;
            outages++;
            since = now;
            lastSaid = now - EVERY_NANOS;
        }
        if (now - lastSaid >= EVERY_NANOS) {
            lastSaid = now;
            LOG.warn("{}; trying again for as long as it takes, {} s so far: {}", what, seconds(now), reason);
        }
    }

    /** Nothing waits for another try any more. */
    public synchronized void over() {
        if (trouble) {
            trouble = false;
            LOG.info("Cassandra takes writes again, after {} s", seconds(System.nanoTime()));
        }
    }

    /** Tell whether something waits. */
    public synchronized boolean isOn() {
        return trouble;
    }

    /** How often something began to wait. */
    public synchronized long outages() {
        return outages;
    }

    private long seconds(long now) {
        return Duration.ofNanos(now - since).toSeconds();
    }
}
