package dev.penstock.cassandra.sink.config;

import java.util.List;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigDef.Type;

/** Collects settings in the order in which a person shall see them; one with few values offers them. */
final class Definition {

    private static final Choice BOOLEANS = Choice.of(List.of("false", "true"));

    private final ConfigDef settings = new ConfigDef();
    private String group;
    private int order;

    /** A setting that is added once it is known how a person sees it. */
    interface Setting {
        void shown(ConfigDef.Importance importance, String label, String help);

        /** Add it to a definition that Connect never shows. */
        default void unseen() {
            shown(ConfigDef.Importance.MEDIUM, "", "");
        }
    }

    /** Begin a group. */
    Definition group(String name) {
        group = name;
        order = 0;
        return this;
    }

    Setting text(String name, String theDefault) {
        return add(name, Type.STRING, theDefault, null, null);
    }

    Setting choice(String name, String theDefault, Choice values) {
        return add(name, Type.STRING, theDefault, values, values);
    }

    Setting number(String name, int theDefault, ConfigDef.Range range) {
        return add(name, Type.INT, theDefault, range, null);
    }

    Setting flag(String name, boolean theDefault) {
        return add(name, Type.BOOLEAN, theDefault, null, BOOLEANS);
    }

    Setting secret(String name) {
        return add(name, Type.PASSWORD, "", null, null);
    }

    /** The validator may be null. */
    Setting list(String name, String theDefault, ConfigDef.Validator validator) {
        return add(name, Type.LIST, theDefault, validator, null);
    }

    private Setting add(
            String name, Type type, Object theDefault, ConfigDef.Validator validator, ConfigDef.Recommender values) {
        ConfigDef.Width width = ConfigDef.Width.MEDIUM;
        return (importance, label, help) -> settings.define(
                name, type, theDefault, validator, importance, help, group, ++order, width, label, values);
    }

    ConfigDef settings() {
        return settings;
    }
}
