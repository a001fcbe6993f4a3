package dev.penstock.cassandra.sink.value;

import com.datastax.oss.driver.api.core.type.DataType;
import com.datastax.oss.driver.api.core.type.DataTypes;
import com.datastax.oss.driver.api.core.type.ListType;
import com.datastax.oss.driver.api.core.type.MapType;
import com.datastax.oss.driver.api.core.type.SetType;
import com.datastax.oss.driver.api.core.type.VectorType;
import java.util.Map;
import java.util.Optional;

/** Finds the encoder of a column's CQL type. */
public final class CqlEncoders {

    private static final Map<DataType, CqlEncoder> SCALARS = Map.ofEntries(
            Map.entry(DataTypes.TEXT, TextEncoders::text),
            Map.entry(DataTypes.ASCII, TextEncoders::ascii),
            Map.entry(DataTypes.UUID, TextEncoders::uuid),
            Map.entry(DataTypes.TIMEUUID, TextEncoders::timeUuid),
            Map.entry(DataTypes.BLOB, TextEncoders::blob),
            Map.entry(DataTypes.BOOLEAN, TextEncoders::bool),
            Map.entry(DataTypes.TINYINT, NumberEncoders::tinyInt),
            Map.entry(DataTypes.SMALLINT, NumberEncoders::smallInt),
            Map.entry(DataTypes.INT, NumberEncoders::integer),
            Map.entry(DataTypes.BIGINT, NumberEncoders::bigInt),
            Map.entry(DataTypes.VARINT, NumberEncoders::varInt),
            Map.entry(DataTypes.DECIMAL, NumberEncoders::decimal),
            Map.entry(DataTypes.FLOAT, NumberEncoders::single),
            Map.entry(DataTypes.DOUBLE, NumberEncoders::twice),
            Map.entry(DataTypes.DATE, TimeEncoders::date),
            Map.entry(DataTypes.TIMESTAMP, TimeEncoders::timestamp),
            Map.entry(DataTypes.TIME, TimeEncoders::time),
            Map.entry(DataTypes.DURATION, DurationEncoder::duration),
            Map.entry(DataTypes.INET, InetEncoder::inet));

    private CqlEncoders() {
    }

    /**
     * Find the encoder of a type.
     *
     * @return empty when columns of this type cannot be written (counter, UDT, tuple, vector of anything but float)
     */
    public static Optional<CqlEncoder> of(DataType type) {
        if (type instanceof ListType list) {
            return of(list.getElementType()).map(element -> new CollectionEncoder(name(type), element));
        }
        if (type instanceof SetType set) {
            return of(set.getElementType()).map(element -> new CollectionEncoder(name(type), element));
        }
        if (type instanceof MapType map) {
            return of(map.getKeyType()).flatMap(key -> of(map.getValueType())
                    .map(value -> new MapEncoder(name(type), key, value)));
        }
        if (type instanceof VectorType vector && vector.getElementType().equals(DataTypes.FLOAT)) {
            return Optional.of(new VectorEncoder(name(type), vector.getDimensions()));
        }
        return Optional.ofNullable(SCALARS.get(type));
    }

    private static String name(DataType type) {
        return type.asCql(true, true);
    }
}
