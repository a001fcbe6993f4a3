package dev.penstock.cassandra.sink.write;

import com.datastax.oss.driver.api.core.AllNodesFailedException;
import com.datastax.oss.driver.api.core.DriverTimeoutException;
import com.datastax.oss.driver.api.core.NodeUnavailableException;
import com.datastax.oss.driver.api.core.RequestThrottlingException;
import com.datastax.oss.driver.api.core.connection.BusyConnectionException;
import com.datastax.oss.driver.api.core.connection.ClosedConnectionException;
import com.datastax.oss.driver.api.core.connection.ConnectionInitException;
import com.datastax.oss.driver.api.core.connection.HeartbeatException;
import com.datastax.oss.driver.api.core.servererrors.CoordinatorException;
import com.datastax.oss.driver.api.core.servererrors.InvalidQueryException;
import com.datastax.oss.driver.api.core.servererrors.ProtocolError;
import com.datastax.oss.driver.api.core.servererrors.QueryValidationException;
import com.datastax.oss.driver.api.core.servererrors.ServerError;
import com.datastax.oss.driver.api.core.servererrors.UnauthorizedException;
import com.datastax.oss.driver.api.core.servererrors.WriteFailureException;
import java.util.List;
import java.util.concurrent.CompletionException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** What to do about a request that failed. */
enum Failure {
    /** No node takes requests now: wait and send the same again, for as long as it lasts. */
    AWAY,
    /** A node took it and did not manage: wait and send again, in smaller pieces when it goes on. */
    OVERLOADED,
    /** A node failed at it, which may be the fault of the node or of one row: send again until that is known. */
    FAILED,
    /** The user may not write, or the cluster cannot read its rights now: send again for a bounded time. */
    REFUSED,
    /**
     * A rule of the cluster forbids it, all such rows or this one: send again for a bounded time until that is known.
     */
    RULED_OUT,
    /** It will fail again however often it is sent: find the bad row. */
    REJECTED,
    /** No row can be written in this process: the task must stop. */
    FORBIDDEN;

    private static final List<Class<? extends Throwable>> AWAY_ERRORS = List.of(
            NodeUnavailableException.class,
            ClosedConnectionException.class,
            ConnectionInitException.class,
            HeartbeatException.class,
            BusyConnectionException.class,
            RequestThrottlingException.class);

    /** Guardrails have the code of a bad row, and only their names tell what they guard. */
    private static final Pattern GUARDRAIL = Pattern.compile("Guardrail (\\w+) violated: .*", Pattern.DOTALL);

    /** Classify by the kind of error, never by its text, but for guardrails. */
    static Failure of(Throwable error) {
        if (error instanceof CompletionException && error.getCause() != null) {
            return of(error.getCause());
        }
        if (error instanceof AllNodesFailedException all) {
            return ofAnswers(all);
        }
        if (AWAY_ERRORS.stream().anyMatch(kind -> kind.isInstance(error))) {
            return AWAY;
        }
        if (error instanceof Error) {
            return FORBIDDEN;
        }
        if (error instanceof UnauthorizedException) {
            return REFUSED;
        }
        if (error instanceof WriteFailureException || error instanceof ServerError) {
            return FAILED;
        }
        if (error instanceof InvalidQueryException) {
            return ofInvalid(String.valueOf(error.getMessage()));
        }
        if (error instanceof QueryValidationException || error instanceof ProtocolError) {
            return REJECTED;
        }
        // Every other word of a server (write timeout, unavailable, overloaded, bootstrapping, …) may pass.
        return error instanceof CoordinatorException || error instanceof DriverTimeoutException ? OVERLOADED : REJECTED;
    }

    /** A full disk may pass, what is too large is the row's own, and anything else may be the configuration's. */
    private static Failure ofInvalid(String message) {
        Matcher guardrail = GUARDRAIL.matcher(message);
        if (!guardrail.matches()) {
            return REJECTED;
        }
        String name = guardrail.group(1);
        if (name.endsWith("_disk_usage")) {
            return OVERLOADED;
        }
        return name.endsWith("_size") || name.startsWith("items_per_") ? REJECTED : RULED_OUT;
    }

    /** The driver takes an error of a server to the next node, and at the end tells what each has answered. */
    private static Failure ofAnswers(AllNodesFailedException all) {
        List<Failure> answers = all.getAllErrors().values().stream()
                .flatMap(List::stream)
                .map(Failure::of)
                .toList();
        return Stream.of(FAILED, OVERLOADED)
                .filter(answers::contains)
                .findFirst()
                .orElse(AWAY);
    }
}
