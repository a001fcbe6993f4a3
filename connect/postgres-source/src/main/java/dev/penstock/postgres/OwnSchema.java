package dev.penstock.postgres;

import io.debezium.config.Configuration;
import io.debezium.relational.RelationalDatabaseConnectorConfig;

/** The schema in Postgres that holds what an installation knows: each has one of its own. */
final class OwnSchema {
    private OwnSchema() {}

    /** The one that also holds the signals. */
    static String of(Configuration config) {
        return config.getList(RelationalDatabaseConnectorConfig.SIGNAL_DATA_COLLECTION).stream()
                .findFirst()
                .map(signals -> signals.substring(0, signals.lastIndexOf('.')))
                .orElse("penstock");
    }
}
