package dev.penstock.postgres;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.connect.source.SourceRecord;

/**
 * Where the source has come to, and on which server: what an offset says, and whether a server can go on from there.
 *
 * <p>A standby that was promoted has another timeline. It goes on from where it left the one of before, and what the
 * source had read beyond that is in no server any more: LSNs and transaction ids of before are then given to others.
 * Debezium sees a slot that is further than its offset, and none of this.
 *
 * @param lsn the furthest that was read
 * @param transaction the low 32 bits of the id of the last transaction that was read; 0 when nobody knows
 * @param system the identifier of the server, which its standbys share; empty in an offset of before
 * @param timeline the one that was read; 0 in an offset of before
 */
record Place(long lsn, long transaction, String system, int timeline) {
    static final String SYSTEM = "penstock.system";
    static final String TIMELINE = "penstock.timeline";

    private static final List<String> LSNS = List.of("lsn", "lsn_commit", "lsn_proc");
    private static final String CURE = "`penstock views rebuild` reads everything again";

    /**
     * What a server says of itself.
     *
     * @param ends where it left each timeline of before
     * @param slot null when there is none of this database
     */
    record Server(String system, int timeline, Map<Integer, Long> ends, Slot slot) {}

    /**
     * A replication slot.
     *
     * @param confirmed up to where nothing is sent again
     */
    record Slot(long confirmed, boolean isLost) {}

    /** Asks what became of a transaction: committed, aborted, or nothing when that is too long ago. */
    @FunctionalInterface
    interface Transactions {
        Optional<String> status(long transaction);
    }

    /** The place of an offset; none before the end of the first snapshot, which begins again. */
    static Optional<Place> of(Map<String, ?> offset) {
        boolean isInSnapshot = offset != null
                && offset.get("snapshot") != null
                && !Boolean.TRUE.equals(offset.get("last_snapshot_record"));
        if (offset == null || isInSnapshot) {
            return Optional.empty();
        }
        long furthest =
                LSNS.stream().mapToLong(name -> number(offset, name)).max().orElse(0);
        Object system = offset.get(SYSTEM);
        return Optional.of(new Place(furthest, number(offset, "txId"), system == null ? "" : system.toString(), (int)
                number(offset, TIMELINE)));
    }

    /** Why a server cannot go on from here, with the cure; nothing when it can. */
    Optional<String> problem(String slot, Server server, Transactions transactions) {
        if (!system.isEmpty() && !system.equals(server.system())) {
            return refused("this is another server (system identifier %s) than the source has read (%s)"
                    .formatted(server.system(), system));
        }
        if (server.slot() == null) {
            return refused("replication slot %s is gone, and with it the changes since %s".formatted(slot, shown(lsn)));
        }
        if (server.slot().isLost()) {
            return refused("replication slot %s has lost its place".formatted(slot));
        }
        if (server.slot().confirmed() > lsn) {
            return refused(
                    "replication slot %s begins at %s, and the source has read up to %s: changes between are lost"
                            .formatted(slot, shown(server.slot().confirmed()), shown(lsn)));
        }
        return timeline == 0 || timeline == server.timeline() ? Optional.empty() : promoted(server, transactions);
    }

    private Optional<String> promoted(Server server, Transactions transactions) {
        Long end = server.ends().get(timeline);
        if (end == null) {
            return refused("the server's timeline %d does not come from timeline %d, which the source has read"
                    .formatted(server.timeline(), timeline));
        }
        if (lsn > end) {
            return refused(
                    ("the server was promoted (timeline %d) without all that the source has read: it left timeline"
                                    + " %d at %s, and the source has read up to %s")
                            .formatted(server.timeline(), timeline, shown(end), shown(lsn)));
        }
        Optional<String> status = transaction == 0 ? Optional.empty() : transactions.status(transaction);
        return status.filter(known -> !known.equals("committed"))
                .flatMap(known -> refused(("the server was promoted (timeline %d) without the last transaction that the"
                                + " source has read: %d is %s there")
                        .formatted(server.timeline(), transaction, known)));
    }

    private static Optional<String> refused(String why) {
        return Optional.of(why + ". " + CURE);
    }

    /** The same records, whose offsets say on which server they were read. */
    static List<SourceRecord> noted(List<SourceRecord> records, Server server) {
        List<SourceRecord> noted = new ArrayList<>(records.size());
        for (SourceRecord record : records) {
            Map<String, ?> offset = record.sourceOffset();
            // A notification may have none, and must not get one without a place.
            noted.add(offset == null || offset.isEmpty() ? record : noted(record, server));
        }
        return noted;
    }

    private static SourceRecord noted(SourceRecord record, Server server) {
        Map<String, Object> offset = new HashMap<>(record.sourceOffset());
        offset.put(SYSTEM, server.system());
        offset.put(TIMELINE, server.timeline());
        return new SourceRecord(
                record.sourcePartition(),
                offset,
                record.topic(),
                record.kafkaPartition(),
                record.keySchema(),
                record.key(),
                record.valueSchema(),
                record.value(),
                record.timestamp(),
                record.headers());
    }

    private static long number(Map<String, ?> offset, String name) {
        return offset.get(name) instanceof Number number ? number.longValue() : 0;
    }

    /** An LSN as Postgres writes it. */
    private static String shown(long lsn) {
        return "%X/%X".formatted(lsn >>> 32, lsn & 0xFFFF_FFFFL);
    }
}
