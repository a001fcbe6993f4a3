package dev.penstock.postgres;

import io.debezium.config.Configuration;
import io.debezium.connector.postgresql.PostgresConnectorConfig;
import io.debezium.connector.postgresql.PostgresConnectorTask;
import io.debezium.connector.postgresql.PostgresOffsetContext;
import io.debezium.connector.postgresql.PostgresPartition;
import io.debezium.connector.postgresql.PostgresSchema;
import io.debezium.connector.postgresql.PostgresValueConverter;
import io.debezium.connector.postgresql.connection.PostgresConnection;
import io.debezium.connector.postgresql.connection.ReplicationConnection;
import io.debezium.pipeline.ChangeEventSourceCoordinator;
import io.debezium.service.spi.ServiceRegistry;
import java.sql.SQLException;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.LongSupplier;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.connect.source.SourceRecord;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Debezium's task with ten differences: its sessions read every value as it is ({@link SourceConnections}), a change is
 * read with the columns of its time ({@link EarlierColumns}), no value stops it ({@link Unreadable}), tables are told
 * apart ({@link TableSettings}), without a list it sends those that are known ({@link KnownTables}), what it has read
 * is confirmed to Postgres only when there is something to confirm, some columns come as hashes
 * ({@link HashedColumns}), its records are rewritten before they are written ({@link RecordRewriter}), a row that is
 * too large for a record comes without its largest values ({@link LargeImages}), and where changes come fast it brings
 * several polls at once ({@link BusyPolls}).
 *
 * <p>Connect calls {@link #commit()} after every poll, also one that brought nothing, and Debezium 3.7 then reads the
 * offsets out of Kafka before its next poll, to confirm what Kafka really has. With a poll each 10 ms that is a round
 * trip to the broker over and over at rest, and one more before every record.
 */
public class PostgresSourceTask extends PostgresConnectorTask {
    private static final Logger LOG = LoggerFactory.getLogger(PostgresSourceTask.class);
    private static final long RETRY_MILLIS = 1_000;
    /** By which Debezium names a source in its offsets. */
    private static final String SERVER = "server";

    static final long EACH_NANOS = TimeUnit.MILLISECONDS.toNanos(100);

    private final LongSupplier nanoTime;
    private final AtomicBoolean hasWritten = new AtomicBoolean();
    private long confirmedAt;
    private final CarefulConverters converters = new CarefulConverters();
    private final LargeImages largeImages = new LargeImages();
    private RecordRewriter rewriter;
    private HashedColumns hashed;
    private Place.Server server;
    // Null where a list says what is read.
    private String knownTables;
    // What was taken from Debezium and not handed on yet: nobody would give it again.
    private List<SourceRecord> taken = List.of();

    public PostgresSourceTask() {
        this(System::nanoTime);
    }

    PostgresSourceTask(LongSupplier nanoTime) {
        this.nanoTime = nanoTime;
        this.confirmedAt = nanoTime.getAsLong() - EACH_NANOS;
    }

    @Override
    public ChangeEventSourceCoordinator<PostgresPartition, PostgresOffsetContext> start(Configuration config) {
        Configuration ours = TableSettings.of(SourceConnections.in(config));
        PostgresConnectorConfig known = new PostgresConnectorConfig(ours);
        hashed = HashedColumns.of(ours);
        rewriter = new RecordRewriter(new CountedInPostgres(known, OwnSchema.of(ours)));
        knownTables = ours.hasKey(PostgresConnectorConfig.TABLE_INCLUDE_LIST) ? null : KnownTables.table(ours);
        // At each start, also one after an error: behind the address another server may have come meanwhile.
        server = new PlaceInPostgres(known, ours.getBoolean(PostgresConnectorConfig.CREATE_FAIL_OVER_SLOT))
                .look(context.offsetStorageReader().offset(Map.of(SERVER, known.getLogicalName())));
        return super.start(ours);
    }

    @Override
    protected ReplicationConnection buildReplicationConnection(
            PostgresConnection postgres, PostgresSchema schema, PostgresConnectorConfig config) throws SQLException {
        CarefulReader reader = new CarefulReader(postgres);
        converters.use(
                PostgresValueConverter.of(config, postgres.getDatabaseCharset(), postgres.getTypeRegistry()), reader);
        Messages.Change orNothing =
                knownTables == null ? message -> message : new KnownTables(postgres, schema, knownTables)::orNothing;
        return Messages.changed(
                super.buildReplicationConnection(new EarlierColumns(postgres, config), schema, config),
                message -> CarefulColumn.in(orNothing.of(message), reader));
    }

    @Override
    protected void registerServiceProviders(ServiceRegistry services) {
        super.registerServiceProviders(services);
        services.registerServiceProvider(converters);
    }

    @Override
    public List<SourceRecord> doPoll() throws InterruptedException {
        if (taken.isEmpty()) {
            taken = Place.noted(hashed.hide(BusyPolls.take(super::doPoll)), server);
        }
        try {
            List<SourceRecord> written = rewriter.rewrite(taken);
            taken = List.of();
            return largeImages.fit(Unreadable.leftOut(written));
        } catch (SQLException away) {
            LOG.warn("{} records wait until Postgres tells what was altered: {}", taken.size(), away.getMessage());
            Thread.sleep(RETRY_MILLIS);
            return List.of();
        }
    }

    @Override
    public void commitRecord(SourceRecord written, RecordMetadata metadata) throws InterruptedException {
        hasWritten.set(true);
        super.commitRecord(written, metadata);
    }

    /**
     * Let the next poll confirm; a poll that brought nothing comes here too, so the last record is confirmed as well.
     */
    @Override
    public void commit() throws InterruptedException {
        long now = nanoTime.getAsLong();
        if (now - confirmedAt >= EACH_NANOS && hasWritten.getAndSet(false)) {
            confirmedAt = now;
            super.commit();
        }
    }
}
