package dev.penstock.cassandra.sink.value;

import com.datastax.oss.driver.api.core.type.DataType;
import com.datastax.oss.driver.api.core.type.DataTypes;
import com.datastax.oss.driver.api.core.type.ListType;
import com.datastax.oss.driver.api.core.type.MapType;
import com.datastax.oss.driver.api.core.type.SetType;
import com.datastax.oss.driver.api.core.type.TupleType;
import com.datastax.oss.driver.api.core.type.UserDefinedType;
import com.datastax.oss.driver.api.core.type.VectorType;
import java.util.LinkedHashMap;
import java.util.List;
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

    private static final CqlEncoder FLOORED_TIMESTAMP = TimeEncoders::flooredTimestamp;

    private CqlEncoders() {}

    /**
     * Find the encoder of a type.
     *
     * @return empty when columns of this type cannot be written (counter, vector of anything but float)
     */
    public static Optional<CqlEncoder> of(DataType type, Conversion conversion) {
        if (type instanceof ListType list) {
            return of(list.getElementType(), conversion).map(element -> new CollectionEncoder(name(type), element));
        }
        if (type instanceof SetType set) {
            return of(set.getElementType(), conversion).map(element -> new CollectionEncoder(name(type), element));
        }
        if (type instanceof MapType map) {
            return of(map.getKeyType(), conversion).flatMap(key -> of(map.getValueType(), conversion)
                    .map(value -> new MapEncoder(name(type), key, value)));
        }
        if (type instanceof VectorType vector && vector.getElementType().equals(DataTypes.FLOAT)) {
            return of(DataTypes.FLOAT, conversion)
                    .map(number -> new VectorEncoder(name(type), vector.getDimensions(), number));
        }
        if (type instanceof TupleType tuple) {
            return all(tuple.getComponentTypes(), conversion).map(encoders -> new TupleEncoder(name(type), encoders));
        }
        if (type instanceof UserDefinedType udt) {
            return all(udt.getFieldTypes(), conversion).map(encoders -> udt(udt, encoders));
        }
        return scalar(type, conversion);
    }

    private static Optional<List<CqlEncoder>> all(List<DataType> types, Conversion conversion) {
        List<CqlEncoder> encoders =
                types.stream().flatMap(type -> of(type, conversion).stream()).toList();
        return encoders.size() == types.size() ? Optional.of(encoders) : Optional.empty();
    }

    private static CqlEncoder udt(UserDefinedType type, List<CqlEncoder> encoders) {
        LinkedHashMap<String, CqlEncoder> fields = new LinkedHashMap<>();
        for (int i = 0; i < encoders.size(); i++) {
            fields.put(type.getFieldNames().get(i).asInternal(), encoders.get(i));
        }
        return new UdtEncoder(name(type), fields);
    }

    private static Optional<CqlEncoder> scalar(DataType type, Conversion conversion) {
        CqlEncoder exact = conversion.floorsTimestamps() && type.equals(DataTypes.TIMESTAMP)
                ? FLOORED_TIMESTAMP
                : SCALARS.get(type);
        return Optional.ofNullable(exact)
                .map(encoder -> conversion.lenient() ? LenientEncoder.of(type, encoder) : encoder);
    }

    private static String name(DataType type) {
        return type.asCql(true, true);
    }
}
