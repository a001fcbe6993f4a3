package dev.penstock.postgres;

import io.debezium.connector.postgresql.PostgresConnector;
import org.apache.kafka.connect.connector.Task;

/** Debezium's connector for Postgres with a task that asks for its offsets no more often than it has to. */
public class PostgresSourceConnector extends PostgresConnector {
    @Override
    public Class<? extends Task> taskClass() {
        return PostgresSourceTask.class;
    }
}
