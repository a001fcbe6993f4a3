package dev.penstock.cassandra.sink.write;

import java.time.Duration;

/**
 * How long failures are borne.
 *
 * @param backoff the waits between the tries of a request
 * @param refusals how long a row is sent again that the user may not write, before its table counts as one that takes
 *     none: a cluster that cannot read {@code system_auth} refuses everybody
 * @param rules the same of a row that a rule of the cluster forbids: its neighbours tell whether it is the row's fault
 */
public record Patience(Backoff backoff, Duration refusals, Duration rules) {

    private static final Duration REFUSALS = Duration.ofSeconds(10);
    private static final Duration RULES = Duration.ofMinutes(1);

    /** The usual waits, none longer than a limit. Rows that are refused hold up others once there are many. */
    public static Patience of(Duration limit) {
        return new Patience(
                new Backoff(Duration.ofMillis(100), Duration.ofSeconds(5)),
                shorter(REFUSALS, limit),
                shorter(RULES, limit));
    }

    private static Duration shorter(Duration one, Duration other) {
        return one.compareTo(other) < 0 ? one : other;
    }
}
