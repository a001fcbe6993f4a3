package dev.penstock.cassandra.sink.config;

import java.util.Map;

/** Settings of Lenses' two Cassandra sinks: each is refused by name, with what to write instead. */
final class LensesSettings {

    private static final String PREFIX = "connect.cassandra.";
    private static final String DRIVER = "driver.";
    private static final String NEVER_GIVES_UP = "nothing: a write that fails for a passing reason is repeated for as "
            + "long as it takes, and bad records go to errors.deadletterqueue.topic.name with errors.tolerance=all";
    private static final String TYPES = "the table's conversion=lenient, or a transform such as TimestampConverter";
    private static final Map<String, String> INSTEAD = Map.ofEntries(
            Map.entry("contact.points", Settings.CONTACT_POINTS),
            Map.entry("port", Settings.PORT),
            Map.entry(
                    "key.space",
                    "the keyspace in topic.<topic>.<keyspace>.<table>.mapping, or " + Settings.KEYSPACE
                            + " for tables of the topics' names"),
            Map.entry(
                    "kcql",
                    "topic.<topic>.<keyspace>.<table>.mapping for each INSERT INTO <table> SELECT … FROM "
                            + "<topic>: '*' is '*', 'a AS b' is 'b=value.a', '_key.a' is 'key.a'; TTL=n is ….ttl=n"),
            Map.entry("export.route.query", "topic.<topic>.<keyspace>.<table>.mapping"),
            Map.entry("load.balancing.local.dc", Settings.LOCAL_DC),
            Map.entry("username", Settings.USERNAME),
            Map.entry("password", Settings.PASSWORD),
            Map.entry("auth.username", Settings.USERNAME),
            Map.entry("auth.password", Settings.PASSWORD),
            Map.entry("auth.provider", Settings.AUTH_PROVIDER),
            Map.entry("ssl.enabled", Settings.SSL_PROVIDER + "=" + Settings.JDK),
            Map.entry("ssl.provider", Settings.SSL_PROVIDER),
            Map.entry("trust.store.path", Settings.TRUSTSTORE_PATH),
            Map.entry("trust.store.password", Settings.TRUSTSTORE_PASSWORD),
            Map.entry("key.store.path", Settings.KEYSTORE_PATH),
            Map.entry("key.store.password", Settings.KEYSTORE_PASSWORD),
            Map.entry("consistency.level", Settings.CONSISTENCY_LEVEL),
            Map.entry("compression", Settings.COMPRESSION),
            Map.entry("connection.pool.size", Settings.POOL_SIZE),
            Map.entry("max.concurrent.requests", Settings.MAX_CONCURRENT_REQUESTS),
            Map.entry("max.batch.size", Settings.MAX_RECORDS_IN_BATCH),
            Map.entry("query.timeout.ms", Settings.QUERY_TIMEOUT + ", in seconds"),
            Map.entry(
                    "delete.enabled", "the table's deletesEnabled: by default a record without value deletes its row"),
            Map.entry("delete.statement", "nothing: a record without value deletes the row of its mapped primary key"),
            Map.entry("delete.struct_flds", "primary key columns in the mapping: id=key.id"),
            Map.entry("default.value", "the table's nullToUnset"),
            Map.entry("mapping.collection.to.json", TYPES),
            Map.entry("error.policy", NEVER_GIVES_UP),
            Map.entry("max.retries", NEVER_GIVES_UP),
            Map.entry("retry.interval", NEVER_GIVES_UP),
            Map.entry("ignore.errors.mode", NEVER_GIVES_UP));

    private LensesSettings() {}

    /** Tell whether a setting is one. */
    static boolean isOne(String name) {
        return name.startsWith(PREFIX) || name.equals("connect.progress.enabled");
    }

    /** Say what to write instead. */
    static String refusal(String name) {
        String option = name.startsWith(PREFIX) ? name.substring(PREFIX.length()) : "";
        String instead = option.startsWith(DRIVER)
                ? DriverOptions.PREFIX + option.substring(DRIVER.length())
                : INSTEAD.get(option);
        return "Setting of Lenses' sink; "
                + (instead == null ? "it has no counterpart here, remove it" : "write instead: " + instead);
    }
}
