package dev.penstock.cassandra.sink.real;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.penstock.cassandra.sink.CassandraSinkTask;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.sink.SinkRecord;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The property that everything else serves: whatever the order, repetition, cut into deliveries, crash, rebalance and
 * batch size, the highest version of each row is what stays. A failure names its seed.
 */
@Tag("cassandra")
@EnabledIfSystemProperty(named = "cassandra.port", matches = "\\d+")
@Timeout(value = 5, unit = TimeUnit.MINUTES)
class AnyHistoryTest extends RealCassandra {

    private static final int PARTITIONS = 4;
    private static final int CHANGES = 300;
    private static final Duration LIMIT = Duration.ofMinutes(1);

    @BeforeAll
    static void create() {
        cql.execute("CREATE KEYSPACE penstock WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}");
        cql.execute("CREATE TABLE penstock.users (country text, id uuid, name text, age int, row_version bigint, "
                + "PRIMARY KEY (country, id))");
    }

    /** Five known ones, and one that no run has tried before. */
    static LongStream seeds() {
        return LongStream.concat(LongStream.range(0, 5), new Random().longs(1));
    }

    @ParameterizedTest
    @MethodSource("seeds")
    void endsWithTheHighestVersionOfEachRow(long seed) {
        cql.execute("TRUNCATE penstock.users");
        History history = new History(new Random(seed));
        try (Cluster cluster = new Cluster(history, new Random(~seed))) {
            cluster.live();
        }
        assertEquals(history.oracle, rows(), "seed " + seed);
    }

    private static Map<String, String> rows() {
        Map<String, String> rows = new TreeMap<>();
        cql.execute("SELECT country, id, name, age, row_version, writetime(row_version) AS t FROM penstock.users")
                .forEach(row -> {
                    assertEquals(row.getLong("t"), row.getLong("row_version"));
                    rows.put(
                            row.getString("country") + "/" + row.getUuid("id").getLeastSignificantBits(),
                            row.getString("name") + "/" + row.getObject("age") + "/"
                                    + (row.getLong("row_version") - Users.GENERATION));
                });
        return rows;
    }

    /** Changes of a few rows, each of a higher version, and what must be left; some logs do not keep their order. */
    private static final class History {

        final Map<String, String> oracle = new TreeMap<>();
        final List<List<SinkRecord>> logs = IntStream.range(0, PARTITIONS)
                .<List<SinkRecord>>mapToObj(p -> new ArrayList<>())
                .toList();

        History(Random random) {
            boolean anyOrder = random.nextBoolean();
            List<SinkRecord> changes = new ArrayList<>(IntStream.range(0, CHANGES)
                    .mapToObj(version -> change(random, version))
                    .toList());
            if (anyOrder) {
                Collections.shuffle(changes, random);
            }
            for (SinkRecord change : changes) {
                int partition = anyOrder
                        ? random.nextInt(PARTITIONS)
                        : Math.floorMod(change.key().hashCode(), PARTITIONS);
                List<SinkRecord> log = logs.get(partition);
                log.add(Users.at(change, partition, log.size()));
            }
        }

        private SinkRecord change(Random random, int version) {
            int key = random.nextInt(25);
            String country = "c" + key % 4;
            if (random.nextInt(3) == 0) {
                oracle.remove(country + "/" + key);
                return Users.delete(country, Users.id(key), version);
            }
            String name = random.nextInt(5) == 0 ? null : "n" + version;
            Integer age = random.nextInt(4) == 0 ? null : random.nextInt(99);
            oracle.put(country + "/" + key, name + "/" + age + "/" + version);
            return Users.upsert(country, Users.id(key), name, age, version);
        }
    }

    /** Two tasks of one connector that share the partitions, and everything that Connect may do to them. */
    private static final class Cluster implements AutoCloseable {

        private final History history;
        private final Random random;
        private final Map<TopicPartition, Long> committed = new HashMap<>();
        private final List<Member> members = new ArrayList<>();

        Cluster(History history, Random random) {
            this.history = history;
            this.random = random;
            members.add(new Member());
            members.add(new Member());
            IntStream.range(0, PARTITIONS)
                    .mapToObj(p -> new TopicPartition(Users.TOPIC, p))
                    .forEach(partition -> {
                        committed.put(partition, 0L);
                        any().open(partition);
                    });
        }

        private Member any() {
            return members.get(random.nextInt(members.size()));
        }

        void live() {
            for (int step = 0; step < 60; step++) {
                switch (random.nextInt(16)) {
                    case 0 -> crash();
                    case 1, 2 -> rebalance();
                    case 3, 4 -> any().commit();
                    case 5 -> any().rewind();
                    default -> any().poll();
                }
            }
            members.forEach(Member::drain);
        }

        /** The task's thread dies between two deliveries; another one begins at the committed offsets. */
        private void crash() {
            Member dead = members.remove(random.nextInt(members.size()));
            dead.task.stop();
            Member next = new Member();
            members.add(next);
            dead.positions.keySet().forEach(next::open);
        }

        private void rebalance() {
            Member from = any();
            if (!from.positions.isEmpty()) {
                TopicPartition partition = List.copyOf(from.positions.keySet()).get(0);
                if (random.nextBoolean()) { // else the partition is lost without a word
                    from.commit();
                }
                from.task.close(List.of(partition));
                from.positions.remove(partition);
                any().open(partition);
            }
        }

        @Override
        public void close() {
            members.forEach(member -> member.task.stop());
        }

        /** One task, and its worker's view of its partitions. */
        private final class Member {

            private final CassandraSinkTask task = new CassandraSinkTask();
            private final FakeContext context = new FakeContext(false);
            private final Map<TopicPartition, Long> positions = new HashMap<>();

            Member() {
                task.initialize(context);
                task.start(Map.of(
                        "name",
                        "any",
                        "port",
                        Integer.toString(server.port()),
                        "topics",
                        Users.TOPIC,
                        "maxNumberOfRecordsInBatch",
                        Integer.toString(1 + random.nextInt(32)),
                        "maxConcurrentRequests",
                        Integer.toString(1 + random.nextInt(8)),
                        "topic.views.users.penstock.users.mapping",
                        "*, row_version=header.version, __timestamp=header.version"));
            }

            void open(TopicPartition partition) {
                positions.put(partition, committed.get(partition));
                context.assignment.add(partition);
                task.open(List.of(partition));
            }

            void commit() {
                Map<TopicPartition, OffsetAndMetadata> current = new HashMap<>();
                positions.forEach((partition, position) -> current.put(partition, new OffsetAndMetadata(position)));
                task.preCommit(current).forEach((partition, offset) -> committed.put(partition, offset.offset()));
            }

            /** As after an offset commit that failed, or a person who sets offsets back. */
            void rewind() {
                positions.replaceAll((partition, position) -> random.nextLong(position + 1));
            }

            void poll() {
                List<SinkRecord> records = new ArrayList<>();
                positions.replaceAll((partition, position) -> {
                    List<SinkRecord> log = history.logs.get(partition.partition());
                    int from = Math.toIntExact(position);
                    int to = Math.min(log.size(), from + random.nextInt(25));
                    records.addAll(log.subList(from, to));
                    return (long) to;
                });
                deliver(records);
            }

            private void deliver(List<SinkRecord> records) {
                task.put(records);
                while (!context.paused.isEmpty()) { // A slow machine; the test's own time limit ends this.
                    task.put(List.of());
                }
            }

            void drain() {
                long deadline = System.nanoTime() + LIMIT.toNanos();
                while (positions.keySet().stream()
                        .anyMatch(partition -> committed.get(partition)
                                < history.logs.get(partition.partition()).size())) {
                    if (System.nanoTime() > deadline) {
                        throw new AssertionError("only " + committed + " is acknowledged");
                    }
                    poll();
                    commit();
                }
            }
        }
    }
}
