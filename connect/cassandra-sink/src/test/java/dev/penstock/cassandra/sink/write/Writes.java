package dev.penstock.cassandra.sink.write;

import com.datastax.oss.driver.api.core.ConsistencyLevel;
import com.datastax.oss.driver.api.core.cql.SimpleStatement;
import dev.penstock.cassandra.sink.config.Mapping;
import dev.penstock.cassandra.sink.config.RowRules;
import dev.penstock.cassandra.sink.config.TableConfig;
import dev.penstock.cassandra.sink.mapping.TableShape;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.LongStream;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.sink.SinkRecord;

/** Writes for tests: the statement's text is the offset. */
final class Writes {

    private static final TableShape TABLE = new TableShape(
            new TableConfig(
                    "t",
                    "k",
                    "u",
                    new Mapping(true, Map.of(), Optional.empty(), Optional.empty()),
                    ConsistencyLevel.ONE,
                    RowRules.DEFAULT),
            List.of());
    private static final TopicPartition PARTITION = new TopicPartition("t", 0);

    private Writes() {}

    static Write of(OffsetTracker tracker, long offset, String replicas, int bytes) {
        return new Write(
                SimpleStatement.newInstance(Long.toString(offset)),
                new Write.Group(replicas, ConsistencyLevel.ONE),
                bytes,
                new SinkRecord("t", 0, null, null, null, null, offset),
                TABLE,
                tracker.track(PARTITION, offset),
                false);
    }

    static List<Write> of(OffsetTracker tracker, long count) {
        return LongStream.range(0, count)
                .mapToObj(offset -> of(tracker, offset, "a", 10))
                .toList();
    }
}
