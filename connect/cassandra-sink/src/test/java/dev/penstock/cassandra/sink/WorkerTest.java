package dev.penstock.cassandra.sink;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.net.URL;
import java.net.URLClassLoader;
import java.nio.file.Path;
import java.util.Map;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.connect.errors.ConnectException;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;

class WorkerTest {

    /** Connect 3.5, whose records do not say what a transform made them of; its jar is put there by the build. */
    private static final Path OLD_CONNECT = Path.of("target/old-connect/connect-api.jar");

    private static URL home(Class<?> known) {
        return known.getProtectionDomain().getCodeSource().getLocation();
    }

    @Test
    void anOldConnectIsRefusedAtTheStartAndNotAtTheFirstRecord() throws Exception {
        URL[] worker = {
            home(CassandraSinkTask.class), OLD_CONNECT.toUri().toURL(), home(TopicPartition.class), home(Logger.class)
        };
        try (URLClassLoader old = new URLClassLoader(worker, ClassLoader.getPlatformClassLoader())) {
            Class<?> task = old.loadClass(CassandraSinkTask.class.getName());
            Method start = task.getMethod("start", Map.class);
            Object made = task.getConstructor().newInstance();
            Throwable refused = assertThrows(InvocationTargetException.class, () -> start.invoke(made, Map.of()))
                    .getCause();
            assertInstanceOf(old.loadClass(ConnectException.class.getName()).asSubclass(Throwable.class), refused);
            assertEquals("This connector needs Kafka Connect 3.6 or later", refused.getMessage());
        }
    }
}
