package dev.penstock.cassandra.sink.mapping;

import dev.penstock.cassandra.sink.config.RowRules;
import dev.penstock.cassandra.sink.config.Source;
import dev.penstock.cassandra.sink.config.TableConfig;
import dev.penstock.cassandra.sink.value.BadRecordException;
import dev.penstock.cassandra.sink.value.Digits;
import java.util.Date;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import org.apache.kafka.connect.data.SchemaAndValue;
import org.apache.kafka.connect.sink.SinkRecord;

/**
 * The two numbers that belong to a row and to no column: its version and its life.
 *
 * @param table the configuration
 */
record RowNumbers(TableConfig table) {

    /** The microseconds that Cassandra takes as the version of a record. */
    long timestamp(SinkRecord record) {
        return table.mapping()
                .timestamp()
                .map(source -> timestamp(record, source))
                .orElseGet(() -> recordTimestamp(record));
    }

    private long timestamp(SinkRecord record, Source source) {
        if (source.part() == Source.Part.RECORD) {
            return source.field().equals(Source.OFFSET) ? record.originalKafkaOffset() : recordTimestamp(record);
        }
        SchemaAndValue found = Fields.read(record, source)
                .orElseThrow(() -> new BadRecordException("__timestamp: the record has no " + source));
        if (found.value() instanceof Date date) { // Which has a unit of its own.
            return micros(date.getTime(), TimeUnit.MILLISECONDS)
                    .orElseThrow(() -> new BadRecordException("__timestamp: " + source + " is out of range"));
        }
        return number(found.value())
                .flatMap(number -> micros(number, table.rules().timestampUnit()))
                .orElseThrow(() -> new BadRecordException("__timestamp: " + source + " is not a whole number of "
                        + unit(table.rules().timestampUnit()) + " in 64 bits: "
                        + BadRecordException.shown(found.value())));
    }

    private static Optional<Long> number(Object value) {
        return Digits.whole(value).filter(number -> number != Long.MIN_VALUE);
    }

    /** In microseconds; empty when they do not fit: two versions must not become equal. */
    private static Optional<Long> micros(long number, TimeUnit unit) {
        long micros = unit.toMicros(number);
        return unit.convert(micros, TimeUnit.MICROSECONDS) == number ? Optional.of(micros) : Optional.empty();
    }

    private static long recordTimestamp(SinkRecord record) {
        if (record.timestamp() == null) {
            throw new BadRecordException("the record has no timestamp, and the mapping no __timestamp");
        }
        return micros(record.timestamp(), TimeUnit.MILLISECONDS)
                .orElseThrow(() -> new BadRecordException("the timestamp of the record is out of range"));
    }

    /** The life that a record names; the table's when it names null; empty leaves it to Cassandra. */
    OptionalInt ttlSeconds(SinkRecord record) {
        Source source = table.mapping().ttl().orElseThrow();
        SchemaAndValue found = Fields.read(record, source)
                .orElseThrow(() -> new BadRecordException("__ttl: the record has no " + source));
        return found.value() == null ? table.rules().ttlSeconds() : OptionalInt.of(ttlSeconds(source, found.value()));
    }

    private int ttlSeconds(Source source, Object value) {
        TimeUnit unit = table.rules().ttlUnit();
        return Digits.whole(value)
                .map(number -> RowRules.seconds(number, unit))
                .filter(OptionalInt::isPresent)
                .map(OptionalInt::getAsInt)
                .orElseThrow(() -> new BadRecordException("__ttl: " + source + " is not a whole number of " + unit(unit)
                        + " from 0 to 20 years: " + BadRecordException.shown(value)));
    }

    private static String unit(TimeUnit unit) {
        return unit.name().toLowerCase(java.util.Locale.ROOT);
    }
}
