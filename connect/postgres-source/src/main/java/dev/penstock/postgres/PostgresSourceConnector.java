package dev.penstock.postgres;

import io.debezium.connector.postgresql.PostgresConnector;
import org.apache.kafka.connect.connector.Task;

/** Debezium's connector for Postgres with a task that asks for its offsets no more often than it has to. */
public class PostgresSourceConnector extends PostgresConnector {
    /** What `make setup` wrote into the jar: it stands for all plugins of a clone, and `up` and `doctor` compare it. */
    @Override
    public String version() {
        String built = PostgresSourceConnector.class.getPackage().getImplementationVersion();
        return built == null ? super.version() : built;
    }

    @Override
    public Class<? extends Task> taskClass() {
        return PostgresSourceTask.class;
    }
}
