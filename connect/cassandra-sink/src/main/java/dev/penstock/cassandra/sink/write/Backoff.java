package dev.penstock.cassandra.sink.write;

import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;

/**
 * Waiting times that double up to a limit. Half of each is random, so that tasks and requests that failed together do
 * not come back together.
 *
 * @param first the first waiting time
 * @param limit the longest one
 */
public record Backoff(Duration first, Duration limit) {

    private static final int MAX_DOUBLINGS = 20;

    /** The time to wait after the given number of earlier failures. */
    public Duration after(int failures) {
        long full = Math.min(limit.toMillis(), first.toMillis() << Math.min(failures, MAX_DOUBLINGS));
        return Duration.ofMillis(full / 2 + ThreadLocalRandom.current().nextLong(full / 2 + 1));
    }
}
