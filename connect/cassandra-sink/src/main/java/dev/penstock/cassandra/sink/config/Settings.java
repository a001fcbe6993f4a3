package dev.penstock.cassandra.sink.config;

import java.util.List;
import java.util.Map;
import org.apache.kafka.common.config.ConfigDef.Importance;
import org.apache.kafka.common.config.ConfigDef.Type;
import org.apache.kafka.common.config.ConfigDef.Width;
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
    static final String CONSISTENCY_LEVEL = "consistencyLevel";
    static final String KEYSPACE = "keyspace";
    static final String CONVERSION = TableSetting.CONVERSION;
    static final String TIMESTAMP_PRECISION = TableSetting.TIMESTAMP_PRECISION;
    /** File that says how to reach a cluster of Astra. */
    public static final String SECURE_BUNDLE = "cloud.secureConnectBundle";
    static final String MAX_CONCURRENT_REQUESTS = "maxConcurrentRequests";
    static final String MAX_RECORDS_IN_BATCH = "maxNumberOfRecordsInBatch";
    static final String MAX_BATCH_BYTES = "maxBatchSizeInBytes";
    static final String QUERY_TIMEOUT = "queryExecutionTimeout";

    /** Levels at which a write is on a replica, so that its offset may be committed: ANY (a mere hint) is not one. */
    static final List<String> CONSISTENCY_LEVELS = List.of(
            "LOCAL_QUORUM", "LOCAL_ONE", "ONE", "TWO", "THREE", "QUORUM", "EACH_QUORUM", "ALL");

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

    private static final String CLUSTER = "Cluster";
    private static final String SECURITY = "Security";
    private static final String WRITES = "Writes";

    private static final Choice LEVELS = Choice.of(CONSISTENCY_LEVELS);
    private static final Choice COMPRESSIONS = new Choice(List.of(NONE, LZ4), Map.of("SNAPPY",
            "version 5 of Cassandra's protocol has no Snappy; choose LZ4"));
    private static final Choice AUTH_PROVIDERS = new Choice(List.of(NONE, PLAIN), Map.of("GSSAPI",
            "Kerberos is a feature of DataStax Enterprise, not of Apache Cassandra; use PLAIN"));
    private static final Choice SSL_PROVIDERS = new Choice(List.of(NONE, JDK), Map.of("OPENSSL",
            "the native library is not part of the connector; choose JDK, which speaks the same protocols"));

    private Settings() {
    }

    /** The definition that Kafka Connect shows and checks. */
    public static ConfigDef definition() {
        return writes(tls(authentication(cluster(new ConfigDef()))));
    }

    private static ConfigDef cluster(ConfigDef def) {
        return def
                .define(CONTACT_POINTS, Type.LIST, LOCALHOST, new NonEmptyHosts(), Importance.HIGH,
                        "Hosts of the cluster (host or host:port), separated by commas; the others are found through "
                                + "them. Empty: " + LOCALHOST + ".",
                        CLUSTER, 1, Width.LONG, "Contact points")
                .define(PORT, Type.INT, 9042, ConfigDef.Range.between(1, 65535), Importance.HIGH,
                        "Port of Cassandra's native protocol on every host that names none of its own.",
                        CLUSTER, 2, Width.SHORT, "Port")
                .define(LOCAL_DC, Type.STRING, "", Importance.HIGH,
                        "Datacenter to write to. Empty: the one of the contact points.",
                        CLUSTER, 3, Width.MEDIUM, "Local datacenter")
                .define(POOL_SIZE, Type.INT, 1, ConfigDef.Range.between(1, 64), Importance.LOW,
                        "Connections that a task keeps to each node; one carries thousands of requests at once. "
                                + "DataStax's sink has 4.",
                        CLUSTER, 4, Width.SHORT, "Connections to a node")
                .define(COMPRESSION, Type.STRING, NONE, COMPRESSIONS, Importance.LOW,
                        "Compression of what goes over the network: None or LZ4.",
                        CLUSTER, 5, Width.SHORT, "Compression", COMPRESSIONS)
                .define(SECURE_BUNDLE, Type.STRING, "", Importance.MEDIUM,
                        "File on every worker, Astra's secure connect bundle; instead of " + CONTACT_POINTS + ", "
                                + LOCAL_DC + " and ssl.*.",
                        CLUSTER, 6, Width.LONG, "Secure connect bundle");
    }

    private static ConfigDef authentication(ConfigDef def) {
        return def
                .define(AUTH_PROVIDER, Type.STRING, NONE, AUTH_PROVIDERS, Importance.LOW,
                        "PLAIN: user and password. None: the same when a user is named, no authentication otherwise.",
                        SECURITY, 1, Width.SHORT, "Authentication", AUTH_PROVIDERS)
                .define(USERNAME, Type.STRING, "", Importance.MEDIUM,
                        "User name for password authentication. Empty: no authentication.",
                        SECURITY, 2, Width.MEDIUM, "User name")
                .define(PASSWORD, Type.PASSWORD, "", Importance.MEDIUM,
                        "Password of " + USERNAME + ".",
                        SECURITY, 3, Width.MEDIUM, "Password")
                .define(REFUSAL_TIMEOUT, Type.INT, 300, ConfigDef.Range.between(0, 86_400), Importance.LOW,
                        "Seconds that the cluster may refuse the user, or the user's writes, before the task fails: "
                                + "a cluster that cannot read its own system_auth refuses everybody.",
                        SECURITY, 11, Width.SHORT, "Patience with refusals (s)");
    }

    private static ConfigDef tls(ConfigDef def) {
        return def
                .define(SSL_PROVIDER, Type.STRING, NONE, SSL_PROVIDERS, Importance.MEDIUM,
                        "JDK: encrypt with TLS. None: do not.",
                        SECURITY, 4, Width.SHORT, "Encryption", SSL_PROVIDERS)
                .define(HOSTNAME_VALIDATION, Type.BOOLEAN, true, Importance.MEDIUM,
                        "Whether the certificate of a node must carry its name or address.",
                        SECURITY, 5, Width.SHORT, "Check host names")
                .define(TRUSTSTORE_PATH, Type.STRING, "", Importance.MEDIUM,
                        "File (PKCS12 or JKS) on every worker with the certificates to trust. Empty: those of the JDK.",
                        SECURITY, 6, Width.LONG, "Truststore")
                .define(TRUSTSTORE_PASSWORD, Type.PASSWORD, "", Importance.MEDIUM,
                        "Password of the truststore.", SECURITY, 7, Width.MEDIUM, "Truststore password")
                .define(KEYSTORE_PATH, Type.STRING, "", Importance.MEDIUM,
                        "File (PKCS12 or JKS) on every worker with the connector's own certificate and key, for a "
                                + "cluster that asks its clients for one.",
                        SECURITY, 8, Width.LONG, "Keystore")
                .define(KEYSTORE_PASSWORD, Type.PASSWORD, "", Importance.MEDIUM,
                        "Password of the keystore and of the key in it.",
                        SECURITY, 9, Width.MEDIUM, "Keystore password")
                .define(CIPHER_SUITES, Type.LIST, "", Importance.LOW,
                        "Cipher suites to allow, separated by commas. Empty: those of the JDK.",
                        SECURITY, 10, Width.LONG, "Cipher suites");
    }

    private static ConfigDef writes(ConfigDef def) {
        return def
                .define(CONSISTENCY_LEVEL, Type.STRING, "LOCAL_QUORUM", LEVELS, Importance.MEDIUM,
                        "Consistency level of tables that have no topic.<topic>.<keyspace>.<table>.consistencyLevel: "
                                + String.join(", ", CONSISTENCY_LEVELS) + ". DataStax's sink has LOCAL_ONE.",
                        WRITES, 1, Width.MEDIUM, "Consistency level", LEVELS)
                .define(KEYSPACE, Type.STRING, "", Importance.MEDIUM,
                        "Keyspace of the tables of topics that have no setting of their own: each goes to the table "
                                + "of the topic's name. Empty: each topic needs a setting.",
                        WRITES, 6, Width.MEDIUM, "Keyspace")
                .define(CONVERSION, Type.STRING, EXACT, CONVERSIONS, Importance.MEDIUM,
                        "Of tables that have none of their own. " + CONVERSION_HELP,
                        WRITES, 7, Width.SHORT, "Conversion", CONVERSIONS)
                .define(TIMESTAMP_PRECISION, Type.STRING, EXACT, PRECISIONS, Importance.LOW,
                        "Of tables that have none of their own. " + PRECISION_HELP,
                        WRITES, 8, Width.SHORT, "Precision of timestamps", PRECISIONS)
                .define(MAX_CONCURRENT_REQUESTS, Type.INT, 32, ConfigDef.Range.between(1, 32768), Importance.MEDIUM,
                        "Requests (batches or single rows) that a task has in flight at most. DataStax's sink "
                                + "has 500.",
                        WRITES, 2, Width.SHORT, "Requests in flight")
                .define(MAX_RECORDS_IN_BATCH, Type.INT, 32, ConfigDef.Range.between(1, 1000), Importance.MEDIUM,
                        "Rows in one unlogged batch at most; 1 turns batches off.",
                        WRITES, 3, Width.SHORT, "Rows in a batch")
                .define(MAX_BATCH_BYTES, Type.INT, 5120, ConfigDef.Range.between(1, 16 * 1024 * 1024),
                        Importance.MEDIUM,
                        "Estimated bytes in one unlogged batch at most. The default is Cassandra's own default of "
                                + "batch_size_warn_threshold; raise both together.",
                        WRITES, 4, Width.SHORT, "Bytes in a batch")
                .define(QUERY_TIMEOUT, Type.INT, 12, ConfigDef.Range.between(1, 600), Importance.LOW,
                        "Seconds to wait for the answer to a request before it is sent again. DataStax's sink has 30.",
                        WRITES, 5, Width.SHORT, "Answer timeout (s)");
    }

    private static final class NonEmptyHosts implements ConfigDef.Validator {
        @Override
        public void ensureValid(String name, Object value) {
            List<?> hosts = (List<?>) value;
            if (hosts == null || !hosts.stream().allMatch(host -> HostPort.of(host.toString(), 1).isRight())) {
                throw new ConfigException(name, value, "one of the hosts is empty, or its port is none");
            }
        }

        @Override
        public String toString() {
            return "host names or addresses";
        }
    }
}
