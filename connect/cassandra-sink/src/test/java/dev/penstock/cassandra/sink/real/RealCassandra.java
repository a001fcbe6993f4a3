package dev.penstock.cassandra.sink.real;

import com.datastax.oss.driver.api.core.CqlSession;
import java.io.IOException;
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
    }

    @AfterAll
    static void stopCassandra() throws InterruptedException {
        cql.close();
        server.kill();
    }
}
