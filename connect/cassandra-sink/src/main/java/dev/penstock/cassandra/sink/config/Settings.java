package dev.penstock.cassandra.sink.config;

import static org.apache.kafka.common.config.ConfigDef.Importance.HIGH;
import static org.apache.kafka.common.config.ConfigDef.Importance.LOW;
import static org.apache.kafka.common.config.ConfigDef.Importance.MEDIUM;
import static org.apache.kafka.common.config.ConfigDef.Range.between;

import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.kafka.common.config.ConfigDef;
import org.apache.kafka.common.config.ConfigException;

/** The settings that are not of one table: names, defaults, limits, help. Names are DataStax's where the meaning is. */
public final class Settings {

    /** Hosts to find the cluster by. */
    public static final String CONTACT_POINTS = "contactPoints";

    static final String PORT = "port";
    /** The datacenter to write to. */
    public static final String LOCAL_DC = "loadBalancing.localDc";

    static final String POOL_SIZE = "connectionPoolLocalSize";
    static final String COMPRESSION = "compression";
    static final String AUTH_PROVIDER = "auth.provider";
    /** User name. */
    public static final String USERNAME = "auth.username";

    static final String PASSWORD = "auth.password";
    static final String REFUSAL_TIMEOUT = "auth.refusalTimeout";
    static final String SSL_PROVIDER = "ssl.provider";
    /** Whether a node's certificate must carry its name. */
    public static final String HOSTNAME_VALIDATION = "ssl.hostnameValidation";
    /** File of the certificates to trust. */
    public static final String TRUSTSTORE_PATH = "ssl.truststore.path";

    static final String TRUSTSTORE_PASSWORD = "ssl.truststore.password";
    static final String KEYSTORE_PATH = "ssl.keystore.path";
    static final String KEYSTORE_PASSWORD = "ssl.keystore.password";
    static final String CIPHER_SUITES = "ssl.cipherSuites";
    /** Consistency level of tables that name none. */
    public static final String CONSISTENCY_LEVEL = "consistencyLevel";
    /** Keyspace of the tables of topics' names. */
    public static final String KEYSPACE = "keyspace";

    static final String CONVERSION = TableSetting.CONVERSION;
    static final String TIMESTAMP_PRECISION = TableSetting.TIMESTAMP_PRECISION;
    /** File that says how to reach a cluster of Astra. */
    public static final String SECURE_BUNDLE = "cloud.secureConnectBundle";

    static final String MAX_CONCURRENT_REQUESTS = "maxConcurrentRequests";
    static final String MAX_RECORDS_IN_BATCH = "maxNumberOfRecordsInBatch";
    static final String MAX_BATCH_BYTES = "maxBatchSizeInBytes";
    static final String QUERY_TIMEOUT = "queryExecutionTimeout";

    /** Levels at which a write is on a replica, so that its offset may be committed: ANY (a mere hint) is not one. */
    static final List<String> CONSISTENCY_LEVELS =
            List.of("LOCAL_QUORUM", "LOCAL_ONE", "ONE", "TWO", "THREE", "QUORUM", "EACH_QUORUM", "ALL");

    /** The only host that is there for sure. */
    static final String LOCALHOST = "127.0.0.1";

    static final String NONE = "None";
    static final String JDK = "JDK";
    static final String PLAIN = "PLAIN";
    static final String LZ4 = "LZ4";
    static final String EXACT = "exact";
    static final String LENIENT = "lenient";
    static final String FLOOR = "floor";
    static final Choice CONVERSIONS = Choice.of(List.of(EXACT, LENIENT));
    static final Choice PRECISIONS = Choice.of(List.of(EXACT, FLOOR));
    static final String CONVERSION_HELP = "exact: a value that does not fit exactly makes its record bad; lenient: it "
            + "is taken for what it means, as in JSON: text for numbers and times, the nearest float, objects as text.";
    static final String PRECISION_HELP = "exact: parts of a millisecond, which a CQL timestamp cannot hold, make a "
            + "record bad; floor: they are cut off.";

    static final Choice LEVELS = Choice.of(CONSISTENCY_LEVELS);

    private static final ConfigDef.Validator HOSTS =
            ConfigDef.LambdaValidator.with(Settings::checkHosts, () -> "host names or addresses");
    private static final Choice COMPRESSIONS = new Choice(
            List.of(NONE, LZ4), Map.of("SNAPPY", "version 5 of Cassandra's protocol has no Snappy; choose LZ4"));
    private static final Choice AUTH_PROVIDERS = new Choice(
            List.of(NONE, PLAIN),
            Map.of("GSSAPI", "Kerberos is a feature of DataStax Enterprise, not of Apache Cassandra; use PLAIN"));
    private static final Choice SSL_PROVIDERS = new Choice(
            List.of(NONE, JDK),
            Map.of(
                    "OPENSSL",
                    "the native library is not part of the connector; choose JDK, which speaks the same protocols"));

    private static final String CLUSTER = "Cluster";
    private static final String SECURITY = "Security";

    private Settings() {}

    /** The definition that Kafka Connect shows and checks. */
    public static ConfigDef definition() {
        Definition all = new Definition();
        cluster(all.group(CLUSTER));
        authentication(all.group(SECURITY));
        tls(all);
        writes(all.group("Writes"));
        return all.settings();
    }

    /** The settings that say how to reach the cluster. */
    static Stream<String> ofCluster() {
        return definition().configKeys().values().stream()
                .filter(key -> key.group.equals(CLUSTER) || key.group.equals(SECURITY))
                .map(key -> key.name);
    }

    private static void cluster(Definition of) {
        of.list(CONTACT_POINTS, LOCALHOST, HOSTS)
                .shown(
                        HIGH,
                        "Contact points",
                        "Hosts of the cluster (host or host:port), separated by commas; the others are found through "
                                + "them. Empty: "
                                + LOCALHOST + ".");
        of.number(PORT, 9042, between(1, 65535))
                .shown(HIGH, "Port", "Port of Cassandra's native protocol on every host that names none of its own.");
        of.text(LOCAL_DC, "")
                .shown(HIGH, "Local datacenter", "Datacenter to write to. Empty: the one of the contact points.");
        of.number(POOL_SIZE, 1, between(1, 64))
                .shown(
                        LOW,
                        "Connections to a node",
                        "Connections that a task keeps to each node; one carries thousands of requests at once. "
                                + "DataStax's sink has 4.");
        of.number(QUERY_TIMEOUT, 12, between(1, 600))
                .shown(
                        LOW,
                        "Answer timeout (s)",
                        "Seconds to wait for the answer to a request before it is sent again. DataStax's sink has 30.");
        of.choice(COMPRESSION, NONE, COMPRESSIONS)
                .shown(LOW, "Compression", "Compression of what goes over the network: None or LZ4.");
        of.text(SECURE_BUNDLE, "")
                .shown(
                        MEDIUM,
                        "Secure connect bundle",
                        "File on every worker, Astra's secure connect bundle; instead of " + CONTACT_POINTS + ", "
                                + LOCAL_DC + " and ssl.*.");
    }

    private static void authentication(Definition of) {
        of.choice(AUTH_PROVIDER, NONE, AUTH_PROVIDERS)
                .shown(
                        LOW,
                        "Authentication",
                        "PLAIN: user and password. None: the same when a user is named, no authentication otherwise.");
        of.text(USERNAME, "")
                .shown(MEDIUM, "User name", "User name for password authentication. Empty: no authentication.");
        of.secret(PASSWORD).shown(MEDIUM, "Password", "Password of " + USERNAME + ".");
        of.number(REFUSAL_TIMEOUT, 300, between(0, 86_400))
                .shown(
                        LOW,
                        "Patience with refusals (s)",
                        "Seconds that the cluster may refuse the user, or writes to all tables, before the task fails: "
                                + "a cluster that cannot read its own system_auth refuses everybody.");
    }

    private static void tls(Definition of) {
        of.choice(SSL_PROVIDER, NONE, SSL_PROVIDERS)
                .shown(MEDIUM, "Encryption", "JDK: encrypt with TLS. None: do not.");
        of.flag(HOSTNAME_VALIDATION, true)
                .shown(MEDIUM, "Check host names", "Whether the certificate of a node must carry its name or address.");
        of.text(TRUSTSTORE_PATH, "")
                .shown(
                        MEDIUM,
                        "Truststore",
                        "File (PKCS12 or JKS) on every worker with the certificates to trust. Empty: those of the "
                                + "JDK.");
        of.secret(TRUSTSTORE_PASSWORD).shown(MEDIUM, "Truststore password", "Password of the truststore.");
        of.text(KEYSTORE_PATH, "")
                .shown(
                        MEDIUM,
                        "Keystore",
                        "File (PKCS12 or JKS) on every worker with the connector's own certificate and key, for a "
                                + "cluster that asks its clients for one.");
        of.secret(KEYSTORE_PASSWORD)
                .shown(MEDIUM, "Keystore password", "Password of the keystore and of the key in it.");
        of.list(CIPHER_SUITES, "", null)
                .shown(LOW, "Cipher suites", "Cipher suites to allow, separated by commas. Empty: those of the JDK.");
    }

    private static void writes(Definition of) {
        of.choice(CONSISTENCY_LEVEL, "LOCAL_QUORUM", LEVELS)
                .shown(
                        MEDIUM,
                        "Consistency level",
                        "Consistency level of tables that have no topic.<topic>.<keyspace>.<table>.consistencyLevel: "
                                + String.join(", ", CONSISTENCY_LEVELS) + ". DataStax's sink has LOCAL_ONE.");
        of.number(MAX_CONCURRENT_REQUESTS, 32, between(1, 32768))
                .shown(
                        MEDIUM,
                        "Requests in flight",
                        "Requests (batches or single rows) that a task has in flight at most. DataStax's sink has "
                                + "500.");
        of.number(MAX_RECORDS_IN_BATCH, 32, between(1, 1000))
                .shown(MEDIUM, "Rows in a batch", "Rows in one unlogged batch at most; 1 turns batches off.");
        of.number(MAX_BATCH_BYTES, 5120, between(1, 16 * 1024 * 1024))
                .shown(
                        MEDIUM,
                        "Bytes in a batch",
                        "Estimated bytes in one unlogged batch at most. The default is Cassandra's own default of "
                                + "batch_size_warn_threshold; raise both together.");
        of.text(KEYSPACE, "")
                .shown(
                        MEDIUM,
                        "Keyspace",
                        "Keyspace of the tables of topics that have no setting of their own: each goes to the table "
                                + "of the topic's name. Empty: each topic needs a setting.");
        of.choice(CONVERSION, EXACT, CONVERSIONS)
                .shown(MEDIUM, "Conversion", "Of tables that have none of their own. " + CONVERSION_HELP);
        of.choice(TIMESTAMP_PRECISION, EXACT, PRECISIONS)
                .shown(LOW, "Precision of timestamps", "Of tables that have none of their own. " + PRECISION_HELP);
    }

    private static void checkHosts(String name, Object value) {
        List<?> hosts = (List<?>) value;
        if (hosts == null
                || !hosts.stream()
                        .allMatch(host -> HostPort.of(host.toString(), 1).isRight())) {
            throw new ConfigException(name, value, "one of the hosts is empty, or its port is none");
        }
    }
}
