package dev.penstock.cassandra.sink.real;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.sink.SinkRecord;

/** A task that knows its cluster by a name, in a process of its own: only so a test decides what names mean. */
final class NamedCluster {

    private NamedCluster() {}

    /** Write a row for each line that comes in: say whether the task waits, and when the row is written. */
    public static void main(String[] arguments) throws IOException {
        Map<String, String> settings =
                Map.of("contactPoints", arguments[0], "topics", "t", "topic.t.k.t.mapping", "id=key, n=value");
        try (TaskRun run = new TaskRun(settings, "t", false);
                BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8))) {
            long offset = 0;
            for (String id = lines.readLine(); id != null; id = lines.readLine()) {
                run.deliver(List.of(new SinkRecord(
                        "t",
                        0,
                        Schema.STRING_SCHEMA,
                        id,
                        Schema.STRING_SCHEMA,
                        "n",
                        offset++,
                        1L,
                        TimestampType.CREATE_TIME)));
                System.out.println(run.isPaused() ? "waits" : "sent");
                run.put(List.of()).awaitCommittable();
                System.out.println("written");
            }
        }
    }
}
