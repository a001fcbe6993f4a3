package dev.penstock.postgres;

import io.debezium.DebeziumException;
import io.debezium.config.CommonConnectorConfig;
import io.debezium.connector.postgresql.PostgresConnectorConfig;
import io.debezium.connector.postgresql.TypeRegistry;
import io.debezium.connector.postgresql.connection.PostgresConnection;
import io.debezium.document.Array;
import io.debezium.pipeline.ChangeEventSourceCoordinator;
import io.debezium.pipeline.EventDispatcher;
import io.debezium.pipeline.signal.SignalPayload;
import io.debezium.pipeline.signal.actions.SignalAction;
import io.debezium.pipeline.signal.actions.SignalActionProvider;
import io.debezium.pipeline.spi.Partition;
import io.debezium.relational.RelationalDatabaseSchema;
import io.debezium.relational.TableId;
import io.debezium.relational.Tables;
import io.debezium.spi.schema.DataCollectionId;
import java.sql.SQLException;
import java.util.Map;

/**
 * The signal `penstock-know`: reads the columns of tables that have joined the publication since the source started.
 *
 * <p>Debezium learns of such a table by its first change. One that never changed could not be read again: the
 * incremental snapshot leaves out a table that it does not know. Its data names them: `{"tables": ["schema.table"]}`.
 * The signal of the snapshot comes behind it in the stream, and so after it.
 */
public final class KnowTables implements SignalActionProvider {
    private static final String SIGNAL = "penstock-know";
    private static final String SESSION = "penstock-know";

    @Override
    public <P extends Partition> Map<String, SignalAction<P>> createActions(
            EventDispatcher<P, ? extends DataCollectionId> dispatcher,
            ChangeEventSourceCoordinator<P, ?> coordinator,
            CommonConnectorConfig config) {
        boolean isPostgres =
                config instanceof PostgresConnectorConfig && dispatcher.getSchema() instanceof RelationalDatabaseSchema;
        return isPostgres
                ? Map.of(SIGNAL, new Action<>((PostgresConnectorConfig) config, (RelationalDatabaseSchema)
                        dispatcher.getSchema()))
                : Map.of();
    }

    private record Action<P extends Partition>(PostgresConnectorConfig config, RelationalDatabaseSchema schema)
            implements SignalAction<P> {
        @Override
        public boolean arrived(SignalPayload<P> signal) {
            for (Array.Entry name : signal.data.getArray("tables")) {
                // No schema and no table has a dot in its name: Penstock refuses those.
                String[] parts = name.getValue().asString().split("\\.", 2);
                TableId table = new TableId(null, parts[0], parts[1]);
                if (schema.tableFor(table) == null) {
                    know(table);
                }
            }
            return true;
        }

        /** Seldom enough for a session of its own. */
        private void know(TableId table) {
            Tables found = new Tables();
            try (PostgresConnection plain = new PostgresConnection(config.getJdbcConfig(), SESSION);
                    PostgresConnection typed = new PostgresConnection(config, new TypeRegistry(plain), SESSION)) {
                typed.readSchema(found, null, table.schema(), table::equals, null, false);
            } catch (SQLException refused) {
                throw new DebeziumException("The columns of " + table + " cannot be read", refused);
            }
            found.tableIds().forEach(each -> schema.refresh(found.forTable(each)));
        }
    }
}
