package dev.penstock.cassandra.sink.real;

import com.datastax.oss.driver.api.core.ConsistencyLevel;
import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.cql.BatchStatement;
import com.datastax.oss.driver.api.core.cql.BatchStatementBuilder;
import com.datastax.oss.driver.api.core.cql.BatchType;
import com.datastax.oss.driver.api.core.cql.PreparedStatement;
import java.lang.management.ManagementFactory;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.Semaphore;
import java.util.stream.IntStream;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.sink.SinkRecord;
import org.junit.jupiter.api.Assertions;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/**
 * How fast the task writes records that are in memory, beside the bare driver: {@code -Dcassandra.port=21042
 * -Dbenchmark.rows=200000}.
 */
@Tag("cassandra")
@EnabledIfSystemProperty(named = "benchmark.rows", matches = "\\d+")
class ThroughputTest {

    private static final int POLL = 2_000;
    private static final int BATCH = 32;
    private static final int IN_FLIGHT = 32;
    private static final long SECOND = 1_000_000_000L;
    private static final Schema KEY =
            SchemaBuilder.struct().field("id", Schema.STRING_SCHEMA).build();
    private static final Schema VALUE = SchemaBuilder.struct()
            .field("id", Schema.STRING_SCHEMA)
            .field("name", Schema.STRING_SCHEMA)
            .field("email", Schema.STRING_SCHEMA)
            .field("country", Schema.STRING_SCHEMA)
            .field("age", Schema.INT32_SCHEMA)
            .build();

    @Test
    void drains() throws Exception {
        CassandraServer server = CassandraServer.start(Integer.getInteger("cassandra.port"));
        try (CqlSession cql = server.session()) {
            cql.execute("CREATE KEYSPACE bench WITH replication = {'class': 'SimpleStrategy', "
                    + "'replication_factor': 1}");
            cql.execute("CREATE TABLE bench.users (id uuid PRIMARY KEY, name text, email text, country text, age int, "
                    + "row_version bigint)");
            int rows = Integer.getInteger("benchmark.rows");
            for (int round = 0; round < 3; round++) {
                long bare = bare(cql, 2 * round * rows, rows);
                long task = drain(server.port(), (2 * round + 1) * rows, rows);
                System.out.printf(
                        "bare driver %d rows/s, task %d rows/s, ratio %.2f, load %.1f%n",
                        rows * SECOND / bare,
                        rows * SECOND / task,
                        (double) bare / task,
                        ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage());
            }
            System.out.println(alone(server.port(), 6 * rows));
            long missing = IntStream.range(0, 1_000)
                    .map(n -> n * (6 * rows / 1_000))
                    .filter(offset -> cql.execute("SELECT id FROM bench.users WHERE id = " + new UUID(0, offset))
                                    .one()
                            == null)
                    .count();
            Assertions.assertEquals(0, missing);
        } finally {
            server.kill();
        }
    }

    /** The most that one can ask for: the same batches, as many in flight, bound from plain values. */
    private static long bare(CqlSession cql, int from, int rows) throws InterruptedException {
        PreparedStatement insert = cql.prepare("INSERT INTO bench.users (id, name, email, country, age, row_version) "
                + "VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?");
        Semaphore places = new Semaphore(IN_FLIGHT);
        long start = System.nanoTime();
        for (int first = from; first < from + rows; first += BATCH) {
            BatchStatementBuilder batch = BatchStatement.builder(BatchType.UNLOGGED);
            IntStream.range(first, Math.min(from + rows, first + BATCH))
                    .forEach(offset -> batch.addStatement(insert.bind(
                            new UUID(0, offset),
                            "Name Surname " + offset,
                            "name." + offset + "@example.com",
                            "Norway",
                            offset % 90,
                            (1L << 52) + offset,
                            (1L << 52) + offset)));
            places.acquire();
            cql.executeAsync(batch.setConsistencyLevel(ConsistencyLevel.LOCAL_QUORUM)
                            .build())
                    .whenComplete((answer, error) -> places.release());
        }
        places.acquire(IN_FLIGHT);
        return System.nanoTime() - start;
    }

    private static long drain(int port, int from, int rows) {
        List<List<SinkRecord>> polls = IntStream.iterate(from, start -> start < from + rows, start -> start + POLL)
                .mapToObj(start -> IntStream.range(start, start + POLL)
                        .mapToObj(ThroughputTest::record)
                        .toList())
                .toList();
        try (TaskRun run = task(port)) {
            long start = System.nanoTime();
            polls.forEach(run::put);
            run.awaitCommittable();
            return System.nanoTime() - start;
        }
    }

    private static String alone(int port, int from) {
        long[] micros = new long[500];
        try (TaskRun run = task(port)) {
            for (int i = 0; i < micros.length; i++) {
                long start = System.nanoTime();
                run.put(List.of(record(from + i)));
                while (run.committable() <= from + i) {
                    Thread.onSpinWait();
                }
                micros[i] = (System.nanoTime() - start) / 1000;
            }
        }
        Arrays.sort(micros);
        return "one record alone, put to acknowledged: p50 " + micros[250] + " us, p99 " + micros[495] + " us";
    }

    private static TaskRun task(int port) {
        return new TaskRun(
                Map.of(
                        "port",
                        Integer.toString(port),
                        "topics",
                        "t",
                        "maxBatchSizeInBytes",
                        "60000",
                        "topic.t.bench.users.mapping",
                        "*, row_version=header.version, __timestamp=header.version"),
                "t",
                false);
    }

    private static SinkRecord record(int offset) {
        String id = new UUID(0, offset).toString();
        Struct value = new Struct(VALUE)
                .put("id", id)
                .put("name", "Name Surname " + offset)
                .put("email", "name." + offset + "@example.com")
                .put("country", "Norway")
                .put("age", offset % 90);
        SinkRecord record = new SinkRecord("t", 0, KEY, new Struct(KEY).put("id", id), VALUE, value, offset);
        record.headers().addLong("version", (1L << 52) + offset);
        return record;
    }
}
