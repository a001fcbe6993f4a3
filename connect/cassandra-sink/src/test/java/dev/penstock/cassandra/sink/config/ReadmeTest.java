package dev.penstock.cassandra.sink.config;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.kafka.common.config.ConfigDef;
import org.junit.jupiter.api.Test;

/** The README says what the code does: every setting, its default, and what becomes of each setting of DataStax's. */
class ReadmeTest {

    private static final Pattern CODE = Pattern.compile("`([^`]+)`");
    private static final TableSetting TABLE = new TableSetting("<topic>", "<keyspace>", "<table>", "mapping");

    /** The rows below a heading up to the next one whose header row starts with a word: first cell to the others. */
    private static Map<String, List<String>> table(String heading, String word) throws IOException {
        String readme = Files.readString(Path.of("README.md"));
        String section =
                readme.split("\n## " + Pattern.quote(heading) + "\n")[1].split("\n## ")[0];
        Map<String, List<String>> rows = new TreeMap<>();
        boolean inside = false;
        for (String line : section.split("\n")) {
            List<String> cells =
                    Arrays.stream(line.split("\\|", -1)).map(String::strip).toList();
            inside = line.startsWith("|") && (inside || cells.get(1).equals(word));
            Matcher name = CODE.matcher(line);
            if (inside && cells.get(1).startsWith("`") && name.find()) {
                rows.put(name.group(1), cells.subList(2, cells.size() - 1));
            }
        }
        return rows;
    }

    /** The value in backticks, empty for words. */
    private static String value(String cell) {
        Matcher code = CODE.matcher(cell);
        return code.matches() ? code.group(1) : "";
    }

    private static void assertDefaults(Map<String, String> expected, Map<String, List<String>> rows) {
        Map<String, String> documented = new TreeMap<>();
        rows.forEach((name, cells) -> documented.put(name, value(cells.get(0))));
        assertEquals(new TreeMap<>(expected), documented);
    }

    private static Map<String, String> defaults(ConfigDef definition) {
        Map<String, String> defaults = new HashMap<>();
        definition
                .configKeys()
                .forEach((name, key) -> defaults.put(
                        name,
                        key.type() == ConfigDef.Type.PASSWORD
                                ? ""
                                : ConfigDef.convertToString(key.defaultValue, key.type())));
        return defaults;
    }

    @Test
    void listsEverySettingWithItsDefault() throws IOException {
        assertDefaults(defaults(Settings.definition()), table("Settings", "setting"));
    }

    @Test
    void listsEveryOptionOfATableWithItsDefault() throws IOException {
        Map<String, String> options = defaults(TableSetting.OPTIONS);
        TableSetting.INHERITED.forEach(option -> options.put(option, ""));
        assertDefaults(options, table("Settings", "option"));
    }

    @Test
    void saysOfEachSettingOfDataStaxsSinkWhatBecomesOfIt() throws IOException {
        Map<String, List<String>> rows = table("Coming from DataStax's sink", "setting");
        Set<String> refused = new TreeSet<>();
        Set<String> taken = new TreeSet<>();
        rows.forEach((name, cells) -> {
            assertEquals(true, Set.of("supported", "differs", "refused").contains(cells.get(0)), name);
            (cells.get(0).equals("refused") ? refused : taken).add(name);
        });
        assertEquals(new TreeSet<>(DataStaxSettings.names()), refused);
        Set<String> ours = new TreeSet<>(Settings.definition().names());
        // Settings that DataStax's sink does not have.
        ours.removeAll(Set.of(
                "consistencyLevel",
                "maxBatchSizeInBytes",
                "auth.refusalTimeout",
                "keyspace",
                "conversion",
                "timestampPrecision"));
        TableSetting.OPTIONS.names().stream()
                .filter(option -> !Set.of("conversion", "timestampPrecision").contains(option))
                .forEach(option -> ours.add(TABLE.sibling(option).name()));
        assertEquals(ours, taken);
    }

    @Test
    void saysWhichDefaultsDiffer() throws IOException {
        Map<String, List<String>> rows = table("Coming from DataStax's sink", "setting");
        DataStaxSettings.THEIR_DEFAULTS.forEach((option, theirs) -> {
            List<String> row =
                    rows.getOrDefault(option, rows.get(TABLE.sibling(option).name()));
            assertEquals("differs", row.get(0), option);
            assertEquals(
                    true,
                    row.get(1).startsWith("default ") && row.get(1).contains(", there " + theirs),
                    option + ": " + row.get(1));
        });
    }

    @Test
    void theExamplesOfTheReadmeAreRight() throws IOException {
        Matcher example =
                Pattern.compile("```json\n(.*?)```", Pattern.DOTALL).matcher(Files.readString(Path.of("README.md")));
        int examples = 0;
        while (example.find()) {
            Map<String, String> settings = new HashMap<>();
            Matcher pair =
                    Pattern.compile("\"([^\"]+)\": \"((?:[^\"\\\\]|\\\\.)*)\"").matcher(example.group(1));
            while (pair.find()) {
                settings.put(pair.group(1), pair.group(2));
            }
            // The files exist on the reader's machine only.
            settings.keySet().removeIf(name -> name.startsWith("ssl."));
            Problems problems = new Problems();
            Rules.check(settings, TableConfigs.read(settings, problems).tables(), problems);
            assertEquals(Map.of(), problems.bySetting());
            examples++;
        }
        assertEquals(2, examples);
    }
}
