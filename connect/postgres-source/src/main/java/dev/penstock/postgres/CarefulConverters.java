package dev.penstock.postgres;

import io.debezium.config.Configuration;
import io.debezium.connector.postgresql.PostgresValueConverter;
import io.debezium.relational.Column;
import io.debezium.relational.CustomConverterRegistry;
import io.debezium.relational.TableId;
import io.debezium.relational.ValueConverter;
import io.debezium.service.spi.ServiceProvider;
import io.debezium.service.spi.ServiceRegistry;
import java.util.List;
import java.util.Optional;
import org.apache.kafka.connect.data.ConnectSchema;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;

/**
 * Gives each column the converter that Debezium gives it, and {@link Unreadable} for a value at which that one fails,
 * as at NaN in a {@code numeric[]}.
 */
final class CarefulConverters extends CustomConverterRegistry implements ServiceProvider<CustomConverterRegistry> {
    private volatile PostgresValueConverter debezium;
    private volatile CarefulReader reader;

    CarefulConverters() {
        super(List.of());
    }

    /** Those of the types of a database, before the first row of it is read. */
    void use(PostgresValueConverter converters, CarefulReader careful) {
        debezium = converters;
        reader = careful;
    }

    @Override
    public Optional<ValueConverter> getValueConverter(TableId table, Column column) {
        SchemaBuilder type = debezium.schemaBuilder(column);
        if (type == null) {
            return Optional.empty(); // it is not sent
        }
        Schema schema = type.optional().build();
        ValueConverter converter = debezium.converter(column, new Field(column.name(), 0, schema));
        String name = table + "." + column.name();
        return Optional.ofNullable(converter)
                .map(exact -> value -> value == Unreadable.VALUE
                        ? Unreadable.of(schema)
                        : reader.read(() -> held(exact.convert(value), schema), () -> Unreadable.of(schema), name));
    }

    /** The value, if its schema can hold it: that of an enum's array holds no NULL. */
    private static Object held(Object value, Schema schema) {
        if (schema.type() == Schema.Type.ARRAY) {
            ConnectSchema.validateValue(schema, value);
        }
        return value;
    }

    @Override
    public Class<CustomConverterRegistry> getServiceClass() {
        return CustomConverterRegistry.class;
    }

    @Override
    public CustomConverterRegistry createService(Configuration configuration, ServiceRegistry services) {
        return this;
    }
}
