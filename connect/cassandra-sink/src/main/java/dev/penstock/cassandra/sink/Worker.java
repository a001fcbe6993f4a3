package dev.penstock.cassandra.sink;

import org.apache.kafka.connect.errors.ConnectException;
import org.apache.kafka.connect.sink.SinkRecord;

/** The Kafka Connect that runs the connector. */
final class Worker {

    private Worker() {}

    /**
     * Refuse a Connect before 3.6, which does not say from which topic and offset a transform took its record.
     *
     * @throws ConnectException when it is too old
     */
    static void check() {
        try {
            SinkRecord.class.getMethod("originalTopic");
        } catch (NoSuchMethodException e) {
            throw new ConnectException("This connector needs Kafka Connect 3.6 or later", e);
        }
    }
}
