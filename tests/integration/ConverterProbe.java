import io.apicurio.registry.utils.converter.AvroConverter;
import java.io.FileReader;
import java.util.HexFormat;
import java.util.Map;
import java.util.Properties;
import java.util.stream.Collectors;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;

/** The converter alone: {@code write SETTINGS TOPIC FIELD} prints a record, {@code read SETTINGS HEX} reads one. */
final class ConverterProbe {
    public static void main(String[] given) throws Exception {
        Properties read = new Properties();
        try (FileReader file = new FileReader(given[1])) {
            read.load(file);
        }
        Map<String, String> settings =
                read.stringPropertyNames().stream().collect(Collectors.toMap(name -> name, read::getProperty));
        try (AvroConverter<Object> converter = new AvroConverter<>()) {
            converter.configure(settings, false);
            System.out.println(
                    given[0].equals("write")
                            ? HexFormat.of().formatHex(written(converter, given[2], given[3]))
                            : converter
                                    .toConnectData("any", HexFormat.of().parseHex(given[2]))
                                    .value());
        } catch (RuntimeException refused) {
            System.out.println(refused.getClass().getSimpleName() + ": " + refused.getMessage());
        }
    }

    private static byte[] written(AvroConverter<Object> converter, String topic, String field) {
        Schema schema = SchemaBuilder.struct()
                .name("Row")
                .field(field, Schema.INT32_SCHEMA)
                .build();
        return converter.fromConnectData(topic, schema, new Struct(schema).put(field, 7));
    }
}
