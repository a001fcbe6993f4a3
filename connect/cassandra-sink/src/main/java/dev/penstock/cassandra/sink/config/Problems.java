package dev.penstock.cassandra.sink.config;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** Everything wrong with a configuration, each under the setting that it belongs to. */
public final class Problems {

    private final Map<String, List<String>> bySetting = new LinkedHashMap<>();

    /** Add a problem, one sentence that says what to do. */
    public void add(String setting, String problem) {
        bySetting.computeIfAbsent(setting, name -> new ArrayList<>()).add(problem);
    }

    /** Add all of others. */
    public void addAll(Problems others) {
        others.bySetting.forEach((setting, messages) -> messages.forEach(message -> add(setting, message)));
    }

    /** Tell whether nothing is wrong. */
    public boolean isEmpty() {
        return bySetting.isEmpty();
    }

    /** The problems by setting, in the order found. */
    public Map<String, List<String>> bySetting() {
        return bySetting;
    }

    /** All problems on one line. */
    @Override
    public String toString() {
        return bySetting.entrySet().stream()
                .map(entry -> entry.getKey() + ": " + String.join("; ", entry.getValue()))
                .collect(Collectors.joining(" | "));
    }
}
