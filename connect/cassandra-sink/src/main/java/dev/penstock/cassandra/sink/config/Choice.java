package dev.penstock.cassandra.sink.config;

import java.util.List;
import java.util.Map;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigException;

/**
 * A setting with few values, in any case, some others of which people know from elsewhere and must be told about.
 *
 * @param allowed the values
 * @param refused values that are refused by name, with the reason and what to do instead
 */
record Choice(List<String> allowed, Map<String, String> refused) implements ConfigDef.Validator, ConfigDef.Recommender {

    /** A choice without refusals of its own. */
    static Choice of(List<String> allowed) {
        return new Choice(allowed, Map.of());
    }

    @Override
    public void ensureValid(String name, Object value) {
        String wanted = String.valueOf(value);
        refused.forEach((other, reason) -> {
            if (other.equalsIgnoreCase(wanted)) {
                throw new ConfigException(name, value, reason);
            }
        });
        if (allowed.stream().noneMatch(wanted::equalsIgnoreCase)) {
            throw new ConfigException(name, value, "choose one of " + String.join(", ", allowed));
        }
    }

    @Override
    public List<Object> validValues(String name, Map<String, Object> parsed) {
        return List.copyOf(allowed);
    }

    @Override
    public boolean visible(String name, Map<String, Object> parsed) {
        return true;
    }

    @Override
    public String toString() {
        return allowed.toString();
    }
}
