package dev.penstock.postgres;

import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/**
 * What columns and tables are called in Avro and Kafka: plain names stay, and no two meet. docs/contracts.md ("Names")
 * says the rule, penstock/names.py is the same in Python, and tests/data/names.json holds both to it.
 */
final class Names {
    private static final String LOOKS_ESCAPED = "_(?=x(?:[0-9A-F]{4}|[0-9A-F]{6})(?:_|%s))";
    private static final Pattern IN_COLUMN = pattern("[^A-Za-z0-9_]");
    // A digit may begin the name of a topic, but not a part of the namespace that Debezium makes of it.
    private static final Pattern IN_TOPIC = pattern("[^A-Za-z0-9_-]");

    private Names() {}

    /** The name of a column as an Avro field. */
    static String column(String name) {
        return IN_COLUMN.matcher(name).replaceAll(Names::escape);
    }

    /** The name of a schema or a table as a part of a topic's name, without a dot. */
    static String topicPart(String name) {
        return IN_TOPIC.matcher(name).replaceAll(Names::escape);
    }

    private static Pattern pattern(String unfit) {
        return Pattern.compile(unfit + "|\\A[0-9]|" + LOOKS_ESCAPED.formatted(unfit));
    }

    private static String escape(MatchResult found) {
        int code = found.group().codePointAt(0);
        return (code > 0xFFFF ? "_x%06X_" : "_x%04X_").formatted(code);
    }
}
