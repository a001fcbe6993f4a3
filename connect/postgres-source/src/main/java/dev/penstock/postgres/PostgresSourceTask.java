package dev.penstock.postgres;

import io.debezium.connector.postgresql.PostgresConnectorTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.connect.source.SourceRecord;

/**
 * Debezium's task, but what it has read is confirmed to Postgres only when there is something to confirm.
 *
 * <p>Connect calls {@link #commit()} after every poll, also one that brought nothing, and Debezium 3.7 then reads the
 * offsets out of Kafka before its next poll, to confirm what Kafka really has. With a poll each 10 ms that is a round
 * trip to the broker over and over at rest, and one more before every record.
 */
public class PostgresSourceTask extends PostgresConnectorTask {
  static final long EACH_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

  private final LongSupplier nanoTime;
  private final AtomicBoolean hasWritten = new AtomicBoolean();
  private long confirmedAt;

  public PostgresSourceTask() {
    this(System::nanoTime);
  }

  PostgresSourceTask(LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
    this.confirmedAt = nanoTime.getAsLong() - EACH_NANOS;
  }

  @Override
  public void commitRecord(SourceRecord written, RecordMetadata metadata) throws InterruptedException {
    hasWritten.set(true);
    super.commitRecord(written, metadata);
  }

  /** Let the next poll confirm; a poll that brought nothing comes here too, so the last record is confirmed as well. */
  @Override
  public void commit() throws InterruptedException {
    long now = nanoTime.getAsLong();
    if (now - confirmedAt >= EACH_NANOS && hasWritten.getAndSet(false)) {
      confirmedAt = now;
      super.commit();
    }
  }
}
