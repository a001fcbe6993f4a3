import dev.penstock.postgres.PostgresSourceConnector;
import io.apicurio.registry.utils.converter.avro.AvroData;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.avro.Schema;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.json.JsonConverter;
import org.apache.kafka.connect.source.SourceConnector;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.source.SourceTask;
import org.apache.kafka.connect.source.SourceTaskContext;
import org.apache.kafka.connect.storage.OffsetStorageReader;

/** Runs the source connector's task without Kafka, and prints each change as a line of JSON, until it is killed. */
final class SourceProbe {
    public static void main(String[] none) {
        try {
            run();
        } catch (Exception failed) {
            failed.printStackTrace();
            Runtime.getRuntime().halt(1); // Debezium's threads would go on
        }
    }

    private static void run() throws Exception {
        Properties given = new Properties();
        given.load(System.in);
        Map<String, String> settings = given.stringPropertyNames().stream()
                .collect(java.util.stream.Collectors.toMap(name -> name, given::getProperty));
        JsonConverter json = new JsonConverter();
        json.configure(Map.of("schemas.enable", "false", "decimal.format", "NUMERIC"), false);
        AvroData converter = new AvroData(10);
        SourceConnector connector = new PostgresSourceConnector();
        SourceTask task =
                (SourceTask) connector.taskClass().getDeclaredConstructor().newInstance();
        task.initialize(new Alone(settings));
        task.start(settings);
        while (true) {
            List<SourceRecord> records = task.poll();
            for (SourceRecord record : records == null ? List.<SourceRecord>of() : records) {
                if (record.value() instanceof Struct change && change.schema().field("after") != null) {
                    Field after = change.schema().field("after");
                    // As the converter does, which refuses a name that Avro does not take.
                    String avro = new Schema.Parser()
                            .parse(converter.fromConnectSchema(change.schema()).toString())
                            .getFullName();
                    converter.fromConnectData(change.schema(), change);
                    converter.fromConnectData(record.keySchema(), record.key());
                    byte[] row = json.fromConnectData(record.topic(), after.schema(), change.get(after));
                    byte[] key = json.fromConnectData(record.topic(), record.keySchema(), record.key());
                    System.out.println(
                            "CHANGE {\"topic\": \"" + record.topic() + "\", \"avro\": \"" + avro + "\", \"key\": "
                                    + new String(key, "UTF-8") + ", \"after\": " + new String(row, "UTF-8") + "}");
                }
            }
        }
    }

    /** A task's context that knows no offsets. */
    private record Alone(Map<String, String> settings) implements SourceTaskContext, OffsetStorageReader {
        @Override
        public Map<String, String> configs() {
            return settings;
        }

        @Override
        public org.apache.kafka.common.metrics.PluginMetrics pluginMetrics() {
            return null;
        }

        @Override
        public OffsetStorageReader offsetStorageReader() {
            return this;
        }

        @Override
        public <T> Map<String, Object> offset(Map<String, T> partition) {
            return null;
        }

        @Override
        public <T> Map<Map<String, T>, Map<String, Object>> offsets(java.util.Collection<Map<String, T>> partitions) {
            return Map.of();
        }
    }
}
