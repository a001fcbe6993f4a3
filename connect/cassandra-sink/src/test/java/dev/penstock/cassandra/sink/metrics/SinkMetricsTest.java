package dev.penstock.cassandra.sink.metrics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.lang.management.ManagementFactory;
import javax.management.JMException;
import javax.management.MBeanServer;
import javax.management.ObjectName;
import org.junit.jupiter.api.Test;

class SinkMetricsTest {

    private static final MBeanServer JMX = ManagementFactory.getPlatformMBeanServer();

    /** Connect may start a task again before its predecessor, which is stuck, has ended. */
    @Test
    void theNewTasksNumbersSurviveTheOldTasksEnd() throws JMException {
        ObjectName name = new ObjectName("kafka.connect:type=cassandra-sink-task-metrics,connector=overlap,task=0");
        SinkMetrics old = new SinkMetrics("overlap", "0");
        old.acknowledged(5, 0);
        try (SinkMetrics present = new SinkMetrics("overlap", "0")) {
            present.acknowledged(2, 0);
            old.close();
            assertEquals(2.0, JMX.getAttribute(name, "rows-written-total"));
        }
        assertFalse(JMX.isRegistered(name));
    }
}
