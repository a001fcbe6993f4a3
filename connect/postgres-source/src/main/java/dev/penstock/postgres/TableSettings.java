package dev.penstock.postgres;

import io.debezium.config.CommonConnectorConfig;
import io.debezium.config.Configuration;
import io.debezium.connector.postgresql.PostgresConnectorConfig;
import java.util.Arrays;
import java.util.stream.Collectors;

/** The settings by which Debezium tells tables apart whose names are alike; those of the user come first. */
final class TableSettings {
    private TableSettings() {}

    static Configuration of(Configuration config) {
        Configuration.Builder ours =
                config.edit().withDefault(CommonConnectorConfig.TOPIC_NAMING_STRATEGY, TableTopics.class.getName());
        String tables = config.getString(PostgresConnectorConfig.TABLE_INCLUDE_LIST);
        return tables == null
                ? ours.build()
                : ours.with(PostgresConnectorConfig.TABLE_INCLUDE_LIST, exact(tables))
                        .build();
    }

    /** Debezium compares without regard to case: it would read "Users" too, into a topic that nobody made. */
    private static String exact(String tables) {
        // A comma behind a backslash belongs to a name.
        return Arrays.stream(tables.split("(?<!\\\\),"))
                .map(table -> "(?-i:" + table.strip() + ")")
                .collect(Collectors.joining(","));
    }
}
