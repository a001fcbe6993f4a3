package dev.penstock.cassandra.sink.metrics;

import dev.penstock.cassandra.sink.write.Meter;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.DoubleSupplier;
import org.apache.kafka.common.MetricName;
import org.apache.kafka.common.metrics.JmxReporter;
import org.apache.kafka.common.metrics.KafkaMetricsContext;
import org.apache.kafka.common.metrics.Measurable;
import org.apache.kafka.common.metrics.MetricConfig;
import org.apache.kafka.common.metrics.Metrics;
import org.apache.kafka.common.metrics.Sensor;
import org.apache.kafka.common.metrics.stats.Avg;
import org.apache.kafka.common.metrics.stats.CumulativeCount;
import org.apache.kafka.common.metrics.stats.CumulativeSum;
import org.apache.kafka.common.metrics.stats.Max;
import org.apache.kafka.common.metrics.stats.Percentile;
import org.apache.kafka.common.metrics.stats.Percentiles;
import org.apache.kafka.common.metrics.stats.Percentiles.BucketSizing;
import org.apache.kafka.common.utils.Time;

/**
 * The numbers of one task, as the attributes of one MBean beside Connect's own and made by the same classes: averages,
 * maxima and percentiles are those of the last 30 to 60 seconds, totals those since the task started.
 */
public final class SinkMetrics implements Meter, AutoCloseable {

    private static final String GROUP = "cassandra-sink-task-metrics";
    /** Percentiles of up to 20 s in 2000 steps: fine ones for short times. */
    private static final int PERCENTILE_BYTES = 8000;

    private static final double MAX_MS = 20_000;
    private static final double NANOS_IN_MILLI = 1e6;

    /** Who has registered each MBean last. */
    private static final Map<Map<String, String>, SinkMetrics> OWNERS = new ConcurrentHashMap<>();

    private final Metrics metrics;
    private final Map<String, String> tags = new LinkedHashMap<>();
    private final Sensor latency;
    private final Sensor batches;
    private final Sensor written;
    private final Sensor deleted;
    private final Sensor retries;
    private final Sensor refusedBatches;
    private final Sensor deadLetters;

    /** Register {@code kafka.connect:type=cassandra-sink-task-metrics,connector=…,task=…}. */
    public SinkMetrics(String connector, String task) {
        tags.put("connector", connector);
        tags.put("task", task);
        metrics = new Metrics(
                new MetricConfig(), List.of(new JmxReporter()), Time.SYSTEM, new KafkaMetricsContext("kafka.connect"));
        latency = latency();
        batches = metrics.sensor("batches");
        batches.add(name("batch-total", "Requests that were answered, of one row or more"), new CumulativeCount());
        batches.add(name("batch-size-avg", "Rows in a request"), new Avg());
        batches.add(name("batch-size-max", "Rows in the largest request"), new Max());
        written = total("rows-written-total", "Rows that Cassandra acknowledged");
        deleted = total("rows-deleted-total", "Deletes that Cassandra acknowledged");
        retries = total("retry-total", "Requests that were put aside to be sent again");
        refusedBatches = total(
                "refused-batch-total",
                "Batches whose rows were sent one by one, as one of them is bad or all together are too large");
        deadLetters = total("dead-letter-total", "Records that were put aside as bad");
        OWNERS.put(tags, this);
    }

    private Sensor latency() {
        Sensor sensor = metrics.sensor("latency");
        sensor.add(name("request-latency-avg", "Milliseconds from sending a request to its answer"), new Avg());
        sensor.add(name("request-latency-max", "The longest of them"), new Max());
        sensor.add(new Percentiles(
                PERCENTILE_BYTES,
                MAX_MS,
                BucketSizing.LINEAR,
                new Percentile(name("request-latency-p50", "Half of them are shorter"), 50),
                new Percentile(name("request-latency-p99", "99 of 100 are shorter"), 99)));
        return sensor;
    }

    private Sensor total(String name, String description) {
        Sensor sensor = metrics.sensor(name);
        sensor.add(name(name, description), new CumulativeSum());
        return sensor;
    }

    private MetricName name(String name, String description) {
        return metrics.metricName(name, GROUP, description, tags);
    }

    /** Add an attribute whose value is looked up when somebody asks; by any thread. */
    public void gauge(String name, String description, DoubleSupplier value) {
        metrics.addMetric(name(name, description), (Measurable) (config, now) -> value.getAsDouble());
    }

    @Override
    public void answered(int rows, long nanos) {
        latency.record(nanos / NANOS_IN_MILLI);
        batches.record(rows);
    }

    @Override
    public void acknowledged(int upserts, int deletes) {
        written.record(upserts);
        deleted.record(deletes);
    }

    @Override
    public void retried() {
        retries.record();
    }

    @Override
    public void takenApart() {
        refusedBatches.record();
    }

    /** A record is put aside as bad. */
    public void deadLetter() {
        deadLetters.record();
    }

    /**
     * Take the MBean away, unless it is another's by now: Connect may start the next task of this number before the old
     * one has ended, and both have the MBean's one name.
     */
    @Override
    public void close() {
        if (OWNERS.remove(tags, this)) {
            metrics.close();
        }
    }
}
