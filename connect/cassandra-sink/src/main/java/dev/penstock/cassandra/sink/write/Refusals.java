package dev.penstock.cassandra.sink.write;

import com.datastax.oss.driver.api.core.cql.Statement;
import java.time.Duration;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Topics of which Cassandra takes no row: the user may not write the table, or a rule of the cluster forbids what is
 * written. One of the rows is sent again every few seconds, and once it is not refused the topic goes on. That writes
 * the row early, which changes nothing: every write carries its version. Used by the task's thread.
 */
public final class Refusals {

    private static final Duration PAUSE = Duration.ofSeconds(2);

    private static final Set<Failure> REFUSALS = EnumSet.of(Failure.REFUSED, Failure.RULED_OUT);

    private final Function<Statement<?>, CompletionStage<?>> session;
    private final Map<String, Refusal> topics = new LinkedHashMap<>();

    private static final class Refusal {
        private final Request request;
        private final String reason;
        private final long since = System.nanoTime();
        private long lastTry = since;
        /** Tells whether the row was taken, or fails for another reason now, which is judged as that of any row. */
        private CompletableFuture<Boolean> attempt;

        Refusal(Write write, Throwable why) {
            this.request = new Request(List.of(write), 0);
            this.reason = "Cassandra takes no row of " + write.table().qualifiedName() + ": " + why.getMessage();
        }
    }

    /**
     * Make it.
     *
     * @param session sends a statement
     */
    public Refusals(Function<Statement<?>, CompletionStage<?>> session) {
        this.session = session;
    }

    /** Note that a row is refused, and so its topic. */
    public void add(AsyncWriter.Rejected refused) {
        topics.computeIfAbsent(
                refused.write().table().topic(), topic -> new Refusal(refused.write(), refused.reason()));
    }

    /** What Cassandra says of a topic that is refused. */
    public String reason(String topic) {
        return topics.get(topic).reason;
    }

    /** What Cassandra says of all topics that are refused. */
    public String reasons() {
        return topics.values().stream().map(refusal -> refusal.reason).collect(Collectors.joining(" | "));
    }

    /** The topics. */
    public Set<String> topics() {
        return topics.keySet();
    }

    /** Tell whether a topic has been refused for so long. */
    public boolean haveLasted(Duration limit) {
        return topics.values().stream().anyMatch(refusal -> System.nanoTime() - refusal.since >= limit.toNanos());
    }

    /** Try a row of each topic again, without waiting for the answer, and forget topics that are refused no more. */
    public void tryAgain() {
        topics.values().removeIf(this::isOver);
    }

    private boolean isOver(Refusal refusal) {
        if (refusal.attempt == null && System.nanoTime() - refusal.lastTry >= PAUSE.toNanos()) {
            refusal.attempt = AsyncWriter.send(session, refusal.request)
                    .handle((rows, error) -> error == null || !REFUSALS.contains(Failure.of(error)))
                    .toCompletableFuture();
        }
        if (refusal.attempt == null || !refusal.attempt.isDone()) {
            return false;
        }
        boolean over = refusal.attempt.join();
        refusal.attempt = null;
        refusal.lastTry = System.nanoTime();
        return over;
    }
}
