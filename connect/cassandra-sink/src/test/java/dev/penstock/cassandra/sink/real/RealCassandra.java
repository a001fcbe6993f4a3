package dev.penstock.cassandra.sink.real;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.datastax.oss.driver.api.core.CqlSession;
import java.io.IOException;
import org.apache.kafka.common.utils.AppInfoParser;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

/** A Cassandra for all tests of a class, and a session to it; {@code -Dcassandra.port} says where it listens. */
public abstract class RealCassandra {

    protected static CassandraServer server;
    protected static CqlSession cql;

    @BeforeAll
    static void startCassandra() throws IOException, InterruptedException {
        server = CassandraServer.start(Integer.getInteger("cassandra.port"));
        cql = server.session();
        // In the matrix what runs must be what it names.
        assertEquals(System.getProperty("matrix.connect", AppInfoParser.getVersion()), AppInfoParser.getVersion());
        String version =
                cql.execute("SELECT release_version FROM system.local").one().getString(0);
        assertEquals(System.getProperty("matrix.cassandra", version), version);
    }

    /** Tell whether this version of Cassandra has vectors. */
    protected static boolean hasVectors() {
        return cql.getMetadata()
                        .getNodes()
                        .values()
                        .iterator()
                        .next()
                        .getCassandraVersion()
                        .getMajor()
                >= 5;
    }

    @AfterAll
    static void stopCassandra() throws InterruptedException {
        cql.close();
        server.kill();
    }
}
