package dev.penstock.cassandra.sink.write;

import java.time.Duration;

/**
 * How long failures are borne.
 *
 * @param backoff the waits between the tries of a request
 * @param refusals how long a user may be refused, or a rule of the cluster forbid what is written: a cluster that
 *     cannot read {@code system_auth} refuses everybody
 */
public record Patience(Backoff backoff, Duration refusals) {

    /** The usual waits. */
    public static Patience of(Duration refusals) {
        return new Patience(new Backoff(Duration.ofMillis(100), Duration.ofSeconds(5)), refusals);
    }
}
