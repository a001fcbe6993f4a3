import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.cql.BatchStatement;
import com.datastax.oss.driver.api.core.cql.BoundStatement;
import com.datastax.oss.driver.api.core.cql.DefaultBatchType;
import com.datastax.oss.driver.api.core.cql.PreparedStatement;
import java.net.InetSocketAddress;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicReference;

/**
 * What the driver alone writes: the benchmark's yardstick. Knows nothing of the sink: rows from memory, unlogged
 * batches, so many requests in flight, nothing else. Prints one number, the rows per second.
 *
 * <p>{@code java -cp '<plugin folder>/*' BareDriver.java HOST PORT DATACENTER KEYSPACE.TABLE ROWS BATCH IN_FLIGHT}
 */
public final class BareDriver {

    private static final long GENERATION = 1L << 52;

    private final CqlSession session;
    private final PreparedStatement insert;
    private final int rowsInBatch;
    private final int inFlight;
    private final Semaphore free;
    private final AtomicReference<Throwable> failure = new AtomicReference<>();

    private BareDriver(CqlSession session, String table, int rowsInBatch, int inFlight) {
        this.session = session;
        this.rowsInBatch = rowsInBatch;
        this.inFlight = inFlight;
        this.free = new Semaphore(inFlight);
        this.insert = session.prepare("INSERT INTO " + table
                + " (id, name, email, country, age, row_version) VALUES (?, ?, ?, ?, ?, ?) USING TIMESTAMP ?");
    }

    /** Writes a tenth of the rows to warm up, then all of them against the clock. */
    public static void main(String[] args) throws Exception {
        try (CqlSession session = CqlSession.builder()
                .addContactPoint(new InetSocketAddress(args[0], Integer.parseInt(args[1])))
                .withLocalDatacenter(args[2])
                .build()) {
            int rows = Integer.parseInt(args[4]);
            BareDriver driver = new BareDriver(session, args[3], Integer.parseInt(args[5]), Integer.parseInt(args[6]));
            driver.write(rows / 10);
            long start = System.nanoTime();
            driver.write(rows);
            System.out.println(rows * 1_000_000_000L / (System.nanoTime() - start));
        }
    }

    private void write(int rows) throws Exception {
        List<BoundStatement> batch = new ArrayList<>();
        for (int number = 0; number < rows; number++) {
            batch.add(bind(number));
            if (batch.size() == rowsInBatch || number == rows - 1) {
                send(batch);
                batch = new ArrayList<>();
            }
        }
        free.acquire(inFlight);
        free.release(inFlight);
        if (failure.get() != null) {
            throw new IllegalStateException("Cassandra refused a batch", failure.get());
        }
    }

    private BoundStatement bind(int number) {
        long version = GENERATION + number;
        return insert.bind(
                new UUID(0, number),
                "Name Surname " + number,
                "name." + number + "@example.com",
                "Norway",
                number % 90,
                version,
                version);
    }

    private void send(List<BoundStatement> rows) throws InterruptedException {
        free.acquire();
        session.executeAsync(
                        BatchStatement.newInstance(DefaultBatchType.UNLOGGED).addAll(rows))
                .whenComplete((done, error) -> {
                    failure.compareAndSet(null, error);
                    free.release();
                });
    }
}
