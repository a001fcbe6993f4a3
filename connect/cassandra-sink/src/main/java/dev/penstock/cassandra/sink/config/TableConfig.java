package dev.penstock.cassandra.sink.config;

import com.datastax.oss.driver.api.core.ConsistencyLevel;

/**
 * What the configuration says about one topic and one of its tables.
 *
 * @param topic the Kafka topic
 * @param keyspace the keyspace, exactly as it is called
 * @param table the table, exactly as it is called
 * @param mapping the columns and their sources
 * @param consistencyLevel the level at which a write counts as done
 * @param rules how its rows are written
 */
public record TableConfig(
        String topic,
        String keyspace,
        String table,
        Mapping mapping,
        ConsistencyLevel consistencyLevel,
        RowRules rules) {

    /** The table for messages. */
    public String qualifiedName() {
        return keyspace + "." + table;
    }

    /** The setting that a problem with the mapping belongs to. */
    public String mappingSetting() {
        return setting(TableSetting.MAPPING);
    }

    /** Tell whether another table asks the same of the same keyspace. */
    public boolean isAlike(TableConfig other) {
        return keyspace.equals(other.keyspace) && consistencyLevel.equals(other.consistencyLevel);
    }

    /** The full name of one of its settings. */
    public String setting(String option) {
        return new TableSetting(topic, keyspace, table, option).name();
    }
}
