package dev.penstock.cassandra.sink.real;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.metrics.PluginMetrics;
import org.apache.kafka.connect.sink.ErrantRecordReporter;
import org.apache.kafka.connect.sink.SinkRecord;
import org.apache.kafka.connect.sink.SinkTaskContext;

/** What a worker gives to a task; the task itself, the driver and Cassandra are real. */
final class FakeContext implements SinkTaskContext {

    /** Dead letters: the record and the reason. */
    final List<Map.Entry<SinkRecord, Throwable>> letters = new ArrayList<>();
    /** The waiting time that the task asked for last. */
    long askedWait;
    /** Partitions that the task paused. */
    final Set<TopicPartition> paused = new HashSet<>();
    /** From where the task wants partitions to be delivered again. */
    final Map<TopicPartition, Long> goneBack = new HashMap<>();
    /** Partitions of the task. */
    final Set<TopicPartition> assignment = new HashSet<>();
    /** When what is reported is written: a moment later, as with a broker. */
    Supplier<CompletableFuture<Void>> written =
            () -> new CompletableFuture<Void>().completeOnTimeout(null, 50, TimeUnit.MILLISECONDS);

    private final boolean toleratesErrors;

    FakeContext(boolean toleratesErrors) {
        this.toleratesErrors = toleratesErrors;
    }

    @Override
    public ErrantRecordReporter errantRecordReporter() {
        return !toleratesErrors
                ? null
                : (record, error) -> {
                    letters.add(Map.entry(record, error));
                    return written.get();
                };
    }

    @Override
    public Map<String, String> configs() {
        return Map.of();
    }

    @Override
    public void offset(Map<TopicPartition, Long> offsets) {
        throw new UnsupportedOperationException();
    }

    @Override
    public void offset(TopicPartition partition, long offset) {
        goneBack.put(partition, offset);
    }

    @Override
    public void timeout(long timeoutMs) {
        askedWait = timeoutMs;
    }

    @Override
    public Set<TopicPartition> assignment() {
        return assignment;
    }

    @Override
    public void pause(TopicPartition... partitions) {
        paused.addAll(List.of(partitions));
    }

    @Override
    public void resume(TopicPartition... partitions) {
        paused.removeAll(List.of(partitions));
    }

    @Override
    public void requestCommit() {
        throw new UnsupportedOperationException();
    }

    @Override
    public PluginMetrics pluginMetrics() {
        throw new UnsupportedOperationException();
    }
}
