package dev.penstock.cassandra.sink;

import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.apache.kafka.common.config.ConfigValue;

/** What a validation finds wrong. */
public final class Problems {

    private Problems() {}

    /** The messages of each setting that has some. */
    public static Map<String, String> of(List<ConfigValue> values) {
        return values.stream()
                .filter(value -> !value.errorMessages().isEmpty())
                .collect(Collectors.toMap(ConfigValue::name, value -> String.join("; ", value.errorMessages())));
    }
}
