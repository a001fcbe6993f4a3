package dev.penstock.cassandra.sink.config;

import java.util.List;
import org.apache.kafka.common.config.ConfigDef;

/** Collects settings in the order in which a person shall see them; one with few values offers them. */
final class Definition {

    private static final Choice BOOLEANS = Choice.of(List.of("false", "true"));

    private final ConfigDef settings = new ConfigDef();
    private String group;
    private int order;

    /** Begin a group. */
    Definition group(String name) {
        group = name;
        order = 0;
        return this;
    }

    /** Add a setting; the validator may be null. */
    void add(
            String name,
            ConfigDef.Type type,
            Object theDefault,
            ConfigDef.Validator validator,
            ConfigDef.Importance importance,
            String label,
            String help) {
        ConfigDef.Recommender values =
                validator instanceof Choice choice ? choice : type == ConfigDef.Type.BOOLEAN ? BOOLEANS : null;
        settings.define(
                name,
                type,
                theDefault,
                validator,
                importance,
                help,
                group,
                ++order,
                ConfigDef.Width.MEDIUM,
                label,
                values);
    }

    ConfigDef settings() {
        return settings;
    }
}
