package dev.penstock.postgres;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.debezium.config.Configuration;
import io.debezium.function.Predicates;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;

final class TableSettingsTest {
    @Test
    void tablesWhoseNamesDifferInCaseAreTwo() {
        String list =
                of("table.include.list", "public.users, public.Order Items").getString("table.include.list");
        Predicate<String> isCaptured = Predicates.includes(list);
        assertTrue(isCaptured.test("public.users"));
        assertTrue(isCaptured.test("public.Order Items"));
        assertFalse(isCaptured.test("public.Users"));
        assertFalse(isCaptured.test("public.order items"));
    }

    @Test
    void aListThatIsNotThereStaysSo() {
        assertNull(of("topic.prefix", "app").getString("table.include.list"));
        assertEquals(TableTopics.class.getName(), of("topic.prefix", "app").getString("topic.naming.strategy"));
    }

    @Test
    void aNamingOfTheUsersOwnStays() {
        assertEquals("theirs", of("topic.naming.strategy", "theirs").getString("topic.naming.strategy"));
    }

    private static Configuration of(String setting, String value) {
        return TableSettings.of(Configuration.create().with(setting, value).build());
    }
}
