import dev.penstock.postgres.PostgresSourceConnector;
import dev.penstock.postgres.PostgresSourceTask;
import io.debezium.data.Envelope;
import java.io.FileInputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.kafka.common.metrics.PluginMetrics;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.errors.RetriableException;
import org.apache.kafka.connect.header.Header;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.source.SourceTaskContext;
import org.apache.kafka.connect.storage.OffsetStorageReader;

/**
 * The source connector's task without Connect: writes a line for each change, until it has seen the row `end`. Every
 * record counts as written at once, so that the task confirms its place to Postgres. Another task takes over after each
 * row `restart`, as when Connect restarts one.
 */
final class SourceAlone {
    public static void main(String[] arguments) throws IOException, InterruptedException {
        try {
            run(arguments);
        } catch (RuntimeException failed) {
            failed.printStackTrace();
            System.exit(1); // its threads would live on
        }
    }

    private static void run(String[] arguments) throws IOException, InterruptedException {
        Properties properties = new Properties();
        try (FileInputStream file = new FileInputStream(arguments[0])) {
            properties.load(file);
        }
        Map<String, String> config = new HashMap<>();
        properties.stringPropertyNames().forEach(name -> config.put(name, properties.getProperty(name)));
        PostgresSourceConnector connector = new PostgresSourceConnector();
        connector.start(config);
        Offsets offsets = new Offsets(new HashMap<>());
        while (!isOver(connector, config, offsets)) {
            System.err.println("RESTARTED");
        }
        System.exit(0);
    }

    /** Run a task until it shall be restarted, or all is over. */
    private static boolean isOver(PostgresSourceConnector connector, Map<String, String> config, Offsets offsets)
            throws InterruptedException {
        PostgresSourceTask task = new PostgresSourceTask();
        task.initialize(new Context(config, offsets));
        task.start(connector.taskConfigs(1).get(0));
        boolean isOver = false;
        boolean isRestarted = false;
        while (!isOver && !isRestarted) {
            List<SourceRecord> records = poll(task);
            for (SourceRecord record : records == null ? List.<SourceRecord>of() : records) {
                if (config.containsKey("changes.whole")) {
                    System.out.println("RECORD\t" + whole(record));
                }
                String id = print(record);
                isOver |= id.equals("end");
                isRestarted |= id.startsWith("restart");
                offsets.written.put(record.sourcePartition(), record.sourceOffset());
                task.commitRecord(record, null);
            }
            task.commit();
        }
        task.stop();
        return isOver;
    }

    /** As a worker does: what passes is asked again. */
    private static List<SourceRecord> poll(PostgresSourceTask task) throws InterruptedException {
        try {
            return task.poll();
        } catch (RetriableException passes) {
            System.err.println("RETRIED " + passes.getMessage());
            return List.of();
        }
    }

    private static String whole(SourceRecord record) {
        List<Object> line = new ArrayList<>(List.of(record, record.headers()));
        if (record.value() instanceof Struct change && Envelope.isEnvelopeSchema(change.schema())) {
            for (String image : List.of("before", "after")) {
                change.schema().field(image).schema().fields().forEach(column -> line.add(column.name()));
            }
        }
        return line.toString().replace('\n', ' ');
    }

    private static String print(SourceRecord record) {
        if (!(record.value() instanceof Struct change) || !Envelope.isEnvelopeSchema(change.schema())) {
            return "";
        }
        List<String> line =
                new ArrayList<>(List.of(((Struct) record.key()).get("id").toString(), change.getString("op")));
        for (String image : List.of("before", "after")) {
            Header header = record.headers().lastWithName("penstock.left.out." + image);
            line.add(header == null ? "" : header.value().toString());
        }
        System.out.println("CHANGE\t" + String.join("\t", line));
        return line.get(0);
    }

    private record Context(Map<String, String> configs, OffsetStorageReader offsetStorageReader)
            implements SourceTaskContext {
        @Override
        public PluginMetrics pluginMetrics() {
            return null;
        }
    }

    private record Offsets(Map<Map<String, ?>, Map<String, ?>> written) implements OffsetStorageReader {
        @Override
        public <T> Map<String, Object> offset(Map<String, T> partition) {
            Map<String, ?> found = written.get(partition);
            return found == null ? null : new HashMap<>(found);
        }

        @Override
        public <T> Map<Map<String, T>, Map<String, Object>> offsets(Collection<Map<String, T>> partitions) {
            Map<Map<String, T>, Map<String, Object>> found = new HashMap<>();
            partitions.forEach(partition -> found.put(partition, offset(partition)));
            return found;
        }
    }
}
