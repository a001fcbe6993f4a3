package dev.penstock.cassandra.sink.config;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads the text of a mapping: {@code *, col=value.field, col=key, col=header.name, __timestamp=header.version}.
 *
 * <p>Names are taken as they are written, case included; double quotes allow any character in them, around the name
 * alone ({@code value."a b"}) or around the whole source ({@code "value.a b"}). The parser goes on after a mistake, so
 * that a person sees all of them at once.
 */
final class MappingParser {

    private static final String TIMESTAMP = "__timestamp";
    private static final String TTL = "__ttl";
    // Possessive, as a long text would otherwise take a frame of the stack for each letter.
    private static final String NAME = "\"(?:[^\"]|\"\")++\"|[^\\s\",=*]+";
    private static final Pattern ENTRY_END = Pattern.compile("(?:\"(?:[^\"]|\"\")*+\"|[^\",])*+");
    private static final Pattern ENTRY =
            Pattern.compile("\\s*(?<column>" + NAME + ")\\s*=\\s*(?:(?<part>key|value|header|record)(?:\\.(?<field>"
                    + NAME + "))?|(?<quoted>\"(?:key|value|header|record)\\.(?:[^\"]|\"\")++\"))\\s*");
    private static final Pattern FUNCTION = Pattern.compile("[^=]+=\\s*[\\w.]+\\s*\\(.*\\)\\s*");

    private final Consumer<String> problems;
    private final Map<String, Source> columns = new LinkedHashMap<>();
    private boolean everyField;
    private Optional<Source> timestamp = Optional.empty();
    private Optional<Source> ttl = Optional.empty();

    private MappingParser(Consumer<String> problems) {
        this.problems = problems;
    }

    /**
     * Parse a mapping.
     *
     * @param text the setting's value
     * @param problems is told of everything that is wrong with it, one sentence each
     * @return the mapping, as far as it is understood
     */
    static Mapping parse(String text, Consumer<String> problems) {
        MappingParser parser = new MappingParser(problems);
        split(text).forEach(parser::entry);
        return new Mapping(parser.everyField, parser.columns, parser.timestamp, parser.ttl);
    }

    private static List<String> split(String text) {
        List<String> entries = new ArrayList<>();
        Matcher end = ENTRY_END.matcher(text);
        int start = 0;
        while (start <= text.length()) {
            // An unclosed quote stops the pattern early: the rest is one (wrong) entry.
            int stop = end.region(start, text.length()).lookingAt() ? end.end() : start;
            stop = stop < text.length() && text.charAt(stop) != ',' ? text.length() : stop;
            entries.add(text.substring(start, stop));
            start = stop + 1;
        }
        return entries;
    }

    private void entry(String text) {
        if (text.isBlank()) {
            problems.accept("an entry is empty; write column=value.field, separated by single commas");
        } else if (text.strip().equals("*")) {
            star();
        } else {
            assignment(text);
        }
    }

    private void star() {
        if (everyField) {
            problems.accept("'*' is there twice");
        }
        everyField = true;
    }

    private void assignment(String text) {
        Matcher matcher = ENTRY.matcher(text);
        if (matcher.matches()) {
            Source source = source(matcher);
            if (!source.isComplete()) {
                problems.accept("'" + text.strip()
                        + (source.part() == Source.Part.HEADER
                                ? "' names no header; write header.<name>"
                                : "' names nothing of the record; write record.offset or record.timestamp"));
            } else {
                assign(unquote(matcher.group("column")), source);
            }
        } else if (FUNCTION.matcher(text).matches()) {
            problems.accept("'" + text.strip() + "' calls a function, which would give another value each time that a "
                    + "record is repeated, so one record could become several rows; take the value from the record");
        } else {
            problems.accept("'" + text.strip() + "' is not understood; write '*' or column=value.field, "
                    + "column=key.field, column=header.name");
        }
    }

    private static Source source(Matcher matcher) {
        if (matcher.group("quoted") != null) {
            String[] whole = unquote(matcher.group("quoted")).split("\\.", 2);
            return source(whole[0], whole[1]);
        }
        String field = matcher.group("field");
        return source(matcher.group("part"), field == null ? null : unquote(field));
    }

    private static Source source(String part, String field) {
        return new Source(Source.Part.valueOf(part.toUpperCase(Locale.ROOT)), field);
    }

    private void assign(String column, Source source) {
        switch (column) {
            case TIMESTAMP -> timestamp = once(TIMESTAMP, timestamp, source);
            case TTL -> ttl = once(TTL, ttl, source);
            default -> column(column, source);
        }
    }

    private Optional<Source> once(String name, Optional<Source> before, Source source) {
        if (before.isPresent()) {
            problems.accept(name + " is mapped twice");
        }
        return Optional.of(source);
    }

    private void column(String column, Source source) {
        if (column.startsWith("__")) {
            problems.accept("'" + column + "' is not supported; of the special columns there are only " + TIMESTAMP
                    + " and " + TTL);
        } else if (columns.putIfAbsent(column, source) != null) {
            problems.accept("column '" + column + "' is mapped twice");
        }
    }

    private static String unquote(String name) {
        return name.startsWith("\"") ? name.substring(1, name.length() - 1).replace("\"\"", "\"") : name;
    }
}
