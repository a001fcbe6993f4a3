package dev.penstock.cassandra.sink.config;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads the text of a mapping: {@code *, col=value.field, col=key, col=header.name, __timestamp=header.version}.
 *
 * <p>Names are taken as they are written, case included; double quotes allow any character in them.
 * The parser goes on after a mistake, so that a person sees all of them at once.
 */
public final class MappingParser {

    private static final String TIMESTAMP = "__timestamp";
    private static final String NAME = "\"(?:[^\"]|\"\")+\"|[^\\s\",=*]+";
    private static final Pattern ENTRY_END = Pattern.compile("(?:\"(?:[^\"]|\"\")*\"|[^\",])*");
    private static final Pattern ENTRY =
            Pattern.compile("\\s*(" + NAME + ")\\s*=\\s*(key|value|header)(?:\\.(" + NAME + "))?\\s*");

    private final List<String> problems = new ArrayList<>();
    private final Map<String, Source> columns = new LinkedHashMap<>();
    private boolean everyField;
    private Optional<Source> timestamp = Optional.empty();

    private MappingParser() {
    }

    /**
     * Parse a mapping.
     *
     * @param text the setting's value
     * @return the mapping
     * @throws MappingSyntaxException with every problem found
     */
    public static Mapping parse(String text) throws MappingSyntaxException {
        MappingParser parser = new MappingParser();
        split(text).forEach(parser::entry);
        if (!parser.problems.isEmpty()) {
            throw new MappingSyntaxException(parser.problems);
        }
        return new Mapping(parser.everyField, parser.columns, parser.timestamp);
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
            problems.add("an entry is empty; write column=value.field, separated by single commas");
        } else if (text.strip().equals("*")) {
            star();
        } else {
            assignment(text);
        }
    }

    private void star() {
        if (everyField) {
            problems.add("'*' is there twice");
        }
        everyField = true;
    }

    private void assignment(String text) {
        Matcher matcher = ENTRY.matcher(text);
        if (!matcher.matches()) {
            problems.add("'" + text.strip() + "' is not understood; write '*' or column=value.field, column=key.field, "
                    + "column=header.name");
            return;
        }
        Source.Part part = Source.Part.valueOf(matcher.group(2).toUpperCase(java.util.Locale.ROOT));
        String field = matcher.group(3) == null ? null : unquote(matcher.group(3));
        if (part == Source.Part.HEADER && field == null) {
            problems.add("'" + text.strip() + "' names no header; write header.<name>");
            return;
        }
        assign(unquote(matcher.group(1)), new Source(part, field));
    }

    private void assign(String column, Source source) {
        if (column.equals(TIMESTAMP)) {
            timestamp(source);
        } else if (column.startsWith("__")) {
            problems.add("'" + column + "' is not supported; of the special columns there is only " + TIMESTAMP);
        } else if (columns.putIfAbsent(column, source) != null) {
            problems.add("column '" + column + "' is mapped twice");
        }
    }

    private void timestamp(Source source) {
        if (timestamp.isPresent()) {
            problems.add(TIMESTAMP + " is mapped twice");
        }
        if (source.part() == Source.Part.VALUE) {
            problems.add(TIMESTAMP + "=" + source + ": a delete has no value, so its timestamp must come from the key "
                    + "or a header");
        }
        timestamp = Optional.of(source);
    }

    private static String unquote(String name) {
        return name.startsWith("\"") ? name.substring(1, name.length() - 1).replace("\"\"", "\"") : name;
    }
}
