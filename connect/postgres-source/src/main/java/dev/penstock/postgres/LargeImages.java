package dev.penstock.postgres;

import io.debezium.data.Envelope;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.kafka.connect.data.Field;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.source.SourceRecord;

/**
 * Leaves out of a row image what makes it too large for a record: its largest values, until the rest fits.
 *
 * <p>Each image is judged alone, so a row is treated as `before` exactly as it was as `after`, and a reader that could
 * not use the one cannot use the other. `verify` follows the same rule in SQL (spark/penstock_views/types/sizes.py).
 */
final class LargeImages {
    /** Two images of this and what is not counted are one record of the topic's 16 MiB. */
    static final int MOST_BYTES = 7_864_320;

    private static final Comparator<Map.Entry<String, Long>> LARGEST_FIRST =
            Map.Entry.<String, Long>comparingByValue().reversed().thenComparing(Map.Entry.comparingByKey());

    /** The same records; one with an image that is too large is replaced by one that fits. */
    List<SourceRecord> fit(List<SourceRecord> records) {
        List<SourceRecord> fitting = new ArrayList<>(records.size());
        for (SourceRecord record : records) {
            fitting.add(fit(record));
        }
        return fitting;
    }

    private static SourceRecord fit(SourceRecord record) {
        if (!(record.value() instanceof Struct change) || !Envelope.isEnvelopeSchema(change.schema())) {
            return record;
        }
        SourceRecord fitting = record;
        for (String image : LeftOut.IMAGES) {
            Field field = change.schema().field(image);
            Struct row = field == null ? null : change.getStruct(image);
            if (row != null && !ImageSize.isSurelyWithin(row, MOST_BYTES)) {
                fitting = LeftOut.of(fitting, image, leftOut(row, keyOf(record)));
            }
        }
        return fitting;
    }

    /**
     * The columns to leave out, with what to say of each. One of the key is never among them: an index holds no such
     * value.
     */
    private static Map<String, String> leftOut(Struct row, Set<String> key) {
        Map<String, Long> sizes = ImageSize.ofColumns(row);
        long rest = sizes.values().stream().mapToLong(Long::longValue).sum();
        sizes.keySet().removeAll(key);
        List<Map.Entry<String, Long>> candidates =
                sizes.entrySet().stream().sorted(LARGEST_FIRST).toList();
        Map<String, String> leftOut = new LinkedHashMap<>();
        for (Map.Entry<String, Long> column : candidates) {
            if (rest <= MOST_BYTES) {
                break;
            }
            rest -= column.getValue();
            leftOut.put(column.getKey(), "%d bytes (a row holds at most %d)".formatted(column.getValue(), MOST_BYTES));
        }
        return leftOut;
    }

    private static Set<String> keyOf(SourceRecord record) {
        Set<String> names = new HashSet<>();
        if (record.keySchema() != null && record.keySchema().type() == Schema.Type.STRUCT) {
            record.keySchema().fields().forEach(field -> names.add(field.name()));
        }
        return names;
    }
}
