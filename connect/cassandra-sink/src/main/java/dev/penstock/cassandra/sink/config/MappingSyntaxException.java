package dev.penstock.cassandra.sink.config;

import java.util.List;

/** A mapping that cannot be understood, with everything that is wrong with it. */
public final class MappingSyntaxException extends Exception {

    private static final long serialVersionUID = 1L;

    private final transient List<String> problems;

    MappingSyntaxException(List<String> problems) {
        super(String.join("; ", problems));
        this.problems = List.copyOf(problems);
    }

    /** All problems, one sentence each. */
    public List<String> problems() {
        return problems;
    }
}
