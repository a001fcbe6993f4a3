package dev.penstock.postgres;

import java.util.concurrent.atomic.AtomicLong;

/** `make test-java` runs this with `-ea`: Debezium's artifacts have no complete POMs that a test framework could come by. */
final class PostgresSourceTaskTest {
  private final AtomicLong now = new AtomicLong(Long.MAX_VALUE - 5); // a clock that overflows, as nanoTime may
  private final Probe task = new Probe();

  public static void main(String[] none) throws InterruptedException {
    new PostgresSourceTaskTest().nothingWrittenIsNeverConfirmed();
    new PostgresSourceTaskTest().whatIsWrittenIsConfirmedOnce();
    new PostgresSourceTaskTest().theNextIsConfirmedWhenItsTimeHasCome();
  }

  private void nothingWrittenIsNeverConfirmed() throws InterruptedException {
    now.addAndGet(10 * PostgresSourceTask.EACH_NANOS);
    assert !confirmsAfterAPoll();
  }

  private void whatIsWrittenIsConfirmedOnce() throws InterruptedException {
    task.commitRecord(null, null);
    assert confirmsAfterAPoll();
    now.addAndGet(PostgresSourceTask.EACH_NANOS);
    assert !confirmsAfterAPoll();
  }

  private void theNextIsConfirmedWhenItsTimeHasCome() throws InterruptedException {
    task.commitRecord(null, null);
    assert confirmsAfterAPoll();
    task.commitRecord(null, null);
    assert !confirmsAfterAPoll();
    now.addAndGet(PostgresSourceTask.EACH_NANOS);
    assert confirmsAfterAPoll();
  }

  private boolean confirmsAfterAPoll() throws InterruptedException {
    task.commit();
    return task.shouldConfirm();
  }

  private final class Probe extends PostgresSourceTask {
    private Probe() {
      super(now::get);
    }

    private boolean shouldConfirm() {
      return shouldPerformCommit.getAndSet(false);
    }
  }
}
