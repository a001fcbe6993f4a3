package dev.penstock.postgres;

import io.debezium.config.Configuration;
import io.debezium.function.Predicates;
import java.util.function.Predicate;

/** `make test-java` runs this with `-ea`. */
final class TableSettingsTest {
  public static void main(String[] none) {
    new TableSettingsTest().tablesWhoseNamesDifferInCaseAreTwo();
    new TableSettingsTest().aListThatIsNotThereStaysSo();
    new TableSettingsTest().aNamingOfTheUsersOwnStays();
  }

  private void tablesWhoseNamesDifferInCaseAreTwo() {
    String list = of("table.include.list", "public.users, public.Order Items").getString("table.include.list");
    Predicate<String> isCaptured = Predicates.includes(list);
    assert isCaptured.test("public.users") && isCaptured.test("public.Order Items");
    assert !isCaptured.test("public.Users") && !isCaptured.test("public.order items");
  }

  private void aListThatIsNotThereStaysSo() {
    assert of("topic.prefix", "app").getString("table.include.list") == null;
    assert of("topic.prefix", "app").getString("topic.naming.strategy").equals(TableTopics.class.getName());
  }

  private void aNamingOfTheUsersOwnStays() {
    assert of("topic.naming.strategy", "theirs").getString("topic.naming.strategy").equals("theirs");
  }

  private static Configuration of(String setting, String value) {
    return TableSettings.of(Configuration.create().with(setting, value).build());
  }
}
