package dev.penstock.cassandra.sink.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.penstock.cassandra.sink.config.Source.Part;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class MappingParserTest {

    private static List<String> problems(String text) {
        List<String> problems = new ArrayList<>();
        MappingParser.parse(text, problems::add);
        return problems;
    }

    private static Mapping right(String text) {
        assertEquals(List.of(), problems(text));
        return MappingParser.parse(text, problem -> {});
    }

    @Test
    void readsTheMappingOfAView() {
        Mapping mapping = right("*, row_version=header.version, __timestamp=header.version");
        assertTrue(mapping.everyField());
        Source version = new Source(Part.HEADER, "version");
        assertEquals(Map.of("row_version", version), mapping.columns());
        assertEquals(Optional.of(version), mapping.timestamp());
    }

    @Test
    void readsColumnsInWrittenOrder() {
        Mapping mapping = right(" b = value.x,a=key ,\"My, Col\"=value.\"a \"\"b\"\"\"");
        assertEquals(List.of("b", "a", "My, Col"), List.copyOf(mapping.columns().keySet()));
        assertEquals(new Source(Part.KEY, null), mapping.columns().get("a"));
        assertEquals(new Source(Part.VALUE, "a \"b\""), mapping.columns().get("My, Col"));
    }

    @Test
    void readsWhatDataStaxsSinkReads() {
        Mapping mapping = right("col1=key.f1, col2=\"value.my field\", \"Col 3\"=\"header.a\"\"b\", "
                + "__ttl=value.f2, __timestamp=value.f3");
        assertEquals(
                List.of(
                        new Source(Part.KEY, "f1"),
                        new Source(Part.VALUE, "my field"),
                        new Source(Part.HEADER, "a\"b")),
                List.copyOf(mapping.columns().values()));
        assertEquals(Optional.of(new Source(Part.VALUE, "f2")), mapping.ttl());
        assertEquals(Optional.of(new Source(Part.VALUE, "f3")), mapping.timestamp());
    }

    @Test
    void namesEveryMistake() {
        List<String> problems = problems("a=value.x,,a=key.y,b=now(),c=header,__life=value.t,__ttl=key.a,__ttl=key.b");
        assertEquals(6, problems.size(), problems.toString());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "``|is empty",
                "a|is not understood",
                "a=b.c|is not understood",
                "a=value.x y|is not understood",
                "\"a=value.x|is not understood",
                "*,*|twice",
                "a=value.,b=key|is not understood",
                "__timestamp=key.v,__timestamp=key.w|mapped twice",
                "a=now()|calls a function"
            })
    void refuses(String text, String reason) {
        assertTrue(problems(text).get(0).contains(reason), problems(text).toString());
    }

    @ParameterizedTest
    @CsvSource({
        "topic.t.k.u.mapping, t, k, u",
        "topic.views.users_by_id.penstock.users_by_id.mapping, views.users_by_id, penstock, users_by_id",
        "topic.a.b.c.d.consistencyLevel, a.b, c, d",
        "topic.t.k.u.ttlTimeUnit, t, k, u"
    })
    void takesTheNameOfATableSettingApartFromTheRight(String name, String topic, String keyspace, String table) {
        TableSetting setting = TableSetting.parse(name).orElseThrow();
        assertEquals(List.of(topic, keyspace, table), List.of(setting.topic(), setting.keyspace(), setting.table()));
        assertEquals(name, setting.name());
    }

    @ParameterizedTest
    @CsvSource({"topic.t.k.mapping", "topic.t.k.u.life", "topic.t.k..mapping", "topic.mapping", "topics"})
    void knowsWhatIsNoTableSetting(String name) {
        assertEquals(Optional.empty(), TableSetting.parse(name));
    }
}
