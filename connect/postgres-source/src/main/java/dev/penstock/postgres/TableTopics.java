package dev.penstock.postgres;

import io.debezium.relational.TableId;
import io.debezium.schema.SchemaTopicNamingStrategy;
import io.debezium.spi.schema.DataCollectionId;
import java.util.Properties;

/**
 * Names the topics of tables so that no two share one: Debezium makes `_` of each character that a topic cannot have.
 */
public final class TableTopics extends SchemaTopicNamingStrategy {
    /** As Debezium makes it, with the settings of the connector. */
    public TableTopics(Properties settings) {
        super(settings);
    }

    @Override
    public String dataChangeTopic(DataCollectionId id) {
        return topicNames.computeIfAbsent(id, any -> name((TableId) id));
    }

    private String name(TableId table) {
        return String.join(delimiter, prefix, Names.topicPart(table.schema()), Names.topicPart(table.table()));
    }
}
