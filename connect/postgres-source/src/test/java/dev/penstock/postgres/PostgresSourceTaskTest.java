package dev.penstock.postgres;

import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

final class PostgresSourceTaskTest {
    private final AtomicLong now = new AtomicLong(Long.MAX_VALUE - 5); // a clock that overflows, as nanoTime may
    private final Probe task = new Probe();

    @Test
    void nothingWrittenIsNeverConfirmed() throws InterruptedException {
        now.addAndGet(10 * PostgresSourceTask.EACH_NANOS);
        assertFalse(confirmsAfterAPoll());
    }

    @Test
    void whatIsWrittenIsConfirmedOnce() throws InterruptedException {
        task.commitRecord(null, null);
        assertTrue(confirmsAfterAPoll());
        now.addAndGet(PostgresSourceTask.EACH_NANOS);
        assertFalse(confirmsAfterAPoll());
    }

    @Test
    void theNextIsConfirmedWhenItsTimeHasCome() throws InterruptedException {
        task.commitRecord(null, null);
        assertTrue(confirmsAfterAPoll());
        task.commitRecord(null, null);
        assertFalse(confirmsAfterAPoll());
        now.addAndGet(PostgresSourceTask.EACH_NANOS);
        assertTrue(confirmsAfterAPoll());
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
