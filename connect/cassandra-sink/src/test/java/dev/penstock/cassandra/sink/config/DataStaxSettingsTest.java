package dev.penstock.cassandra.sink.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.penstock.cassandra.sink.CassandraSinkConnector;
import dev.penstock.cassandra.sink.Problems;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A configuration of DataStax's sink, with every setting that it documents, works here or says what does not. */
class DataStaxSettingsTest {

    /** Every setting, at the default that DataStax documents, or at a value in common use. */
    static Map<String, String> theirs() {
        Map<String, String> settings = new HashMap<>(Map.of(
                "name",
                "cassandra-sink",
                "tasks.max",
                "1",
                "topics",
                "my_topic",
                "contactPoints",
                "",
                "loadBalancing.localDc",
                "",
                "port",
                "9042",
                "connector.class",
                "dev.penstock.cassandra.sink.CassandraSinkConnector"));
        settings.putAll(Map.of(
                "cloud.secureConnectBundle",
                "",
                "ignoreErrors",
                "None",
                "maxConcurrentRequests",
                "500",
                "maxNumberOfRecordsInBatch",
                "32",
                "queryExecutionTimeout",
                "30",
                "connectionPoolLocalSize",
                "4",
                "jmx",
                "true",
                "compression",
                "None"));
        settings.putAll(Map.of(
                "auth.provider",
                "None",
                "auth.username",
                "",
                "auth.password",
                "",
                "auth.gssapi.keyTab",
                "",
                "auth.gssapi.principal",
                "",
                "auth.gssapi.service",
                "dse"));
        settings.putAll(Map.of(
                "ssl.provider",
                "None",
                "ssl.hostnameValidation",
                "true",
                "ssl.keystore.password",
                "",
                "ssl.keystore.path",
                "",
                "ssl.openssl.keyCertChain",
                "",
                "ssl.openssl.privateKey",
                "",
                "ssl.truststore.password",
                "",
                "ssl.truststore.path",
                "",
                "ssl.cipherSuites",
                ""));
        String table = "topic.my_topic.my_ks.my_table.";
        settings.putAll(Map.of(
                table + "mapping",
                "col1=key.f1, col2=value.f1, __ttl=value.f2, col3=header.f1",
                table + "consistencyLevel",
                "LOCAL_ONE",
                table + "ttl",
                "-1",
                table + "ttlTimeUnit",
                "SECONDS",
                table + "timestampTimeUnit",
                "MICROSECONDS",
                table + "nullToUnset",
                "true",
                table + "deletesEnabled",
                "true"));
        String codec = "topic.my_topic.codec.";
        settings.putAll(Map.of(
                codec + "locale",
                "en_US",
                codec + "timeZone",
                "UTC",
                codec + "timestamp",
                "CQL_TIMESTAMP",
                codec + "date",
                "ISO_LOCAL_DATE",
                codec + "time",
                "ISO_LOCAL_TIME",
                codec + "unit",
                "MILLISECONDS"));
        return settings;
    }

    private static Map<String, String> problems(Map<String, String> settings) {
        return Problems.of(new Validation(settings).values());
    }

    @Test
    void theirWholeSampleWorks() {
        assertEquals(Map.of(), problems(theirs()));
        SinkConfig config = SinkConfig.of(theirs());
        assertEquals("127.0.0.1 port 9042", config.cluster().address());
        assertEquals(500, config.maxConcurrentRequests());
        assertEquals(4, config.cluster().poolSize());
        assertEquals("LOCAL_ONE", config.tables().get(0).consistencyLevel().name());
        assertTrue(config.tables().get(0).rules().nullToUnset());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "cloud.secureConnectBundle|/bundle.zip|No readable file",
                "ignoreErrors|All|errors.tolerance=all",
                "ignoreErrors|Driver|errors.tolerance=all",
                "jmx|false|remove it",
                "jmxConnectorDomain|x|remove it",
                "metricsHighestLatency|35|remove it",
                "compression|Snappy|choose LZ4",
                "auth.provider|GSSAPI|Kerberos",
                "auth.gssapi.keyTab|/k|Kerberos",
                "auth.gssapi.principal|p|Kerberos",
                "auth.gssapi.service|cassandra|Kerberos",
                "ssl.provider|OpenSSL|choose JDK",
                "ssl.openssl.keyCertChain|/c|ssl.keystore.path",
                "ssl.openssl.privateKey|/k|ssl.keystore.path",
                "topic.my_topic.my_ks.my_table.query|INSERT INTO t|use mapping",
                "topic.my_topic.codec.locale|de_DE|conversion=lenient",
                "topic.my_topic.codec.timeZone|CET|conversion=lenient",
                "topic.my_topic.codec.timestamp|yyyy|conversion=lenient",
                "topic.my_topic.codec.date|yy|conversion=lenient",
                "topic.my_topic.codec.time|HH|conversion=lenient",
                "topic.my_topic.codec.unit|SECONDS|conversion=lenient",
                "datastax-java-driver.basic.contact-points|a|set contactPoints",
                "datastax-java-driver.advanced.retry-policy.class|ConsistencyDowngradingRetryPolicy|rows depend on it",
                "datastax-java-driver.basic.request.tmeout|1s|has no option"
            })
    void refusesByNameAndSaysWhatToDo(String name, String value, String advice) {
        Map<String, String> settings = theirs();
        settings.put(name, value);
        Map<String, String> found = problems(settings);
        assertEquals(Set.of(name), found.keySet());
        assertTrue(found.get(name).contains(advice), found.toString());
    }

    @Test
    void handsTheDriversOptionsOn() {
        Map<String, String> settings = theirs();
        settings.put("datastax-java-driver.basic.request.timeout", "7 seconds");
        assertEquals(Map.of(), problems(settings));
        assertEquals(
                Map.of("basic.request.timeout", "7 seconds"),
                SinkConfig.of(settings).cluster().driverOptions());
    }

    @Test
    void aBundleSaysWhereTheClusterIs(@TempDir Path folder) throws IOException {
        Map<String, String> settings = theirs();
        String bundle =
                Files.writeString(folder.resolve("bundle.zip"), "no zip").toString();
        settings.put("cloud.secureConnectBundle", bundle);
        assertEquals(Map.of(), problems(settings));
        Map<String, String> broken =
                Problems.of(new CassandraSinkConnector().validate(settings).configValues());
        assertEquals(Set.of("cloud.secureConnectBundle"), broken.keySet());
        settings.putAll(Map.of("contactPoints", "a", "loadBalancing.localDc", "b", "ssl.provider", "JDK"));
        assertEquals(
                Set.of("contactPoints", "loadBalancing.localDc", "ssl.provider"),
                problems(settings).keySet());
    }

    @Test
    void saysOnceWhatDiffersWhereNothingIsSet() {
        assertEquals(Optional.empty(), DataStaxSettings.remark(theirs()));
        assertEquals(Optional.empty(), DataStaxSettings.remark(Map.of("topics", "t", "topic.t.k.u.mapping", "*")));
        assertEquals(
                Optional.of("Settings of DataStax's sink found (jmx, topic.t.codec.unit). Not set here, and with "
                        + "another default than there: connectionPoolLocalSize=1 (there 4), "
                        + "consistencyLevel=LOCAL_QUORUM (there LOCAL_ONE), nullToUnset=false (there true), "
                        + "queryExecutionTimeout=12 (there 30). See 'Coming from DataStax's sink' in the README"),
                DataStaxSettings.remark(Map.of(
                        "jmx",
                        "true",
                        "topic.t.codec.unit",
                        "MILLISECONDS",
                        "maxConcurrentRequests",
                        "1",
                        "topic.t.k.u.mapping",
                        "*")));
    }
}
