package dev.penstock.cassandra.sink.write;

import com.datastax.oss.driver.api.core.cql.BatchStatement;
import com.datastax.oss.driver.api.core.cql.BatchStatementBuilder;
import com.datastax.oss.driver.api.core.cql.BatchType;
import com.datastax.oss.driver.api.core.cql.Statement;
import java.util.List;

/**
 * Writes that are sent together, and how often they were tried.
 *
 * @param writes at least one write, all of one group
 * @param attempt 0 for the first try
 */
record Request(List<Write> writes, int attempt) {

    /** The statement to send: unlogged, as each row has its own version and is repeated until it is written. */
    Statement<?> statement() {
        if (writes.size() == 1) {
            return writes.get(0)
                    .statement()
                    .setConsistencyLevel(writes.get(0).group().level());
        }
        BatchStatementBuilder batch = BatchStatement.builder(BatchType.UNLOGGED);
        writes.forEach(write -> batch.addStatement(write.statement()));
        return batch.setConsistencyLevel(writes.get(0).group().level()).build();
    }

    /** The same once more. */
    Request again() {
        return new Request(writes, attempt + 1);
    }

    /** Two halves, for a request that may be too heavy. */
    List<Request> halves() {
        int middle = writes.size() / 2;
        return List.of(
                new Request(writes.subList(0, middle), attempt + 1),
                new Request(writes.subList(middle, writes.size()), attempt + 1));
    }

    /** Without what belongs to another task by now; may be empty. */
    Request withoutAbandoned() {
        if (writes.stream().noneMatch(write -> write.delivery().isAbandoned())) {
            return this;
        }
        return new Request(
                writes.stream().filter(write -> !write.delivery().isAbandoned()).toList(), attempt);
    }

    /** The replica set that all writes have in common. */
    Object replicas() {
        return writes.get(0).group().replicas();
    }

    /** How many of the writes are deletes. */
    int deletes() {
        return (int) writes.stream().filter(Write::isDelete).count();
    }

    long bytes() {
        return writes.stream().mapToLong(Write::bytes).sum();
    }
}
