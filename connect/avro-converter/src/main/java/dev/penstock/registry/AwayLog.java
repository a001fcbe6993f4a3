package dev.penstock.registry;

import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Says that the registry is away, every ten seconds and not at every try, and that it is back. */
final class AwayLog {

    private static final Logger LOG = LoggerFactory.getLogger(PatientSchemaResolver.class);
    private static final long PAUSE_NANOS = Duration.ofSeconds(10).toNanos();

    private boolean isAway;
    private long saidAtNanos;

    synchronized void away(RegistryAway away) {
        long now = System.nanoTime();
        if (!isAway || now - saidAtNanos >= PAUSE_NANOS) {
            LOG.warn("Waiting, nothing is lost: {}", away.getMessage());
            saidAtNanos = now;
        }
        isAway = true;
    }

    synchronized void answered() {
        if (isAway) {
            LOG.info("The schema registry answers again");
            isAway = false;
        }
    }
}
