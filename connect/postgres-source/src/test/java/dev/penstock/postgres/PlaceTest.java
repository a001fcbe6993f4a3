package dev.penstock.postgres;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.source.SourceRecord;
import org.junit.jupiter.api.Test;

final class PlaceTest {
    private static final Map<String, Object> OFFSET = Map.of(
            "lsn", 1_000L, "lsn_commit", 900, "lsn_proc", 1_010L, "txId", 7, Place.SYSTEM, "4711", Place.TIMELINE, 1);
    private static final Place.Slot SLOT = new Place.Slot(1_010, false);
    private static final Place.Server SAME = new Place.Server("4711", 1, Map.of(), SLOT);

    @Test
    void theSameServerGoesOn() {
        assertEquals(Optional.empty(), problem(SAME, "aborted"));
    }

    @Test
    void withoutAPlaceThereIsNothingToJudge() {
        assertEquals(Optional.empty(), Place.of(null));
        assertEquals(
                Optional.empty(), Place.of(Map.of("lsn", 1L, "snapshot", "INITIAL", "last_snapshot_record", false)));
        assertTrue(Place.of(Map.of("lsn", 1L, "snapshot", "INITIAL", "last_snapshot_record", true))
                .isPresent());
    }

    @Test
    void aStandbyThatHadAllGoesOn() {
        assertEquals(Optional.empty(), problem(promoted(Map.of(1, 1_010L), SLOT), "committed"));
        assertEquals(Optional.empty(), problem(promoted(Map.of(1, 1_010L), SLOT), null));
    }

    @Test
    void aStandbyThatLackedSomethingIsRefused() {
        assertRefused(
                "it left timeline 1 at 0/3F1, and the source has read up to 0/3F2", Map.of(1, 1_009L), "committed");
        assertRefused("the last transaction that the source has read: 7 is aborted", Map.of(1, 2_000L), "aborted");
        assertRefused("timeline 2 does not come from timeline 1", Map.of(), "committed");
    }

    @Test
    void aSlotThatIsNotThereOrIsFurtherIsRefused() {
        for (int timeline : List.of(1, 2)) {
            Map<Integer, Long> ends = Map.of(1, 2_000L);
            String gone = problem(new Place.Server("4711", timeline, ends, null), null)
                    .orElseThrow();
            assertTrue(gone.startsWith("replication slot penstock is gone"), gone);
            Place.Slot further = new Place.Slot(1_011, false);
            String later = problem(new Place.Server("4711", timeline, ends, further), null)
                    .orElseThrow();
            assertTrue(later.contains("begins at 0/3F3, and the source has read up to 0/3F2"), later);
            assertTrue(later.endsWith("`penstock views rebuild` reads everything again"), later);
            Place.Slot lost = new Place.Slot(1, true);
            assertTrue(problem(new Place.Server("4711", timeline, ends, lost), null)
                    .isPresent());
        }
    }

    @Test
    void anotherServerIsRefused() {
        String why = problem(new Place.Server("4712", 1, Map.of(), SLOT), null).orElseThrow();
        assertTrue(why.startsWith("this is another server (system identifier 4712)"), why);
    }

    @Test
    void anOffsetOfBeforeIsTakenAsItIs() {
        Map<String, Object> before = new HashMap<>(OFFSET);
        before.keySet().removeAll(List.of(Place.SYSTEM, Place.TIMELINE));
        Place place = Place.of(before).orElseThrow();
        assertEquals(
                Optional.empty(), place.problem("penstock", promoted(Map.of(1, 1L), SLOT), id -> Optional.empty()));
    }

    @Test
    void anOffsetSaysWhereItWasRead() {
        SourceRecord record =
                new SourceRecord(Map.of("server", "app"), Map.of("lsn", 1L), "t", Schema.STRING_SCHEMA, "");
        SourceRecord noted = Place.noted(List.of(record), SAME).get(0);
        assertEquals(Map.of("lsn", 1L, Place.SYSTEM, "4711", Place.TIMELINE, 1), noted.sourceOffset());
        assertEquals(record.value(), noted.value());
        assertEquals(record.sourcePartition(), noted.sourcePartition());
    }

    @Test
    void aRecordWithoutAnOffsetGetsNone() {
        SourceRecord empty = new SourceRecord(Map.of(), Map.of(), "t", Schema.STRING_SCHEMA, "");
        SourceRecord none = new SourceRecord(null, null, "t", Schema.STRING_SCHEMA, "");
        assertEquals(List.of(empty, none), Place.noted(List.of(empty, none), SAME));
    }

    private static Place.Server promoted(Map<Integer, Long> ends, Place.Slot slot) {
        return new Place.Server("4711", 2, ends, slot);
    }

    private static void assertRefused(String why, Map<Integer, Long> ends, String status) {
        String said = problem(promoted(ends, SLOT), status).orElseThrow();
        assertTrue(said.contains(why), said);
    }

    private static Optional<String> problem(Place.Server server, String status) {
        return Place.of(OFFSET).orElseThrow().problem("penstock", server, transaction -> Optional.ofNullable(status));
    }
}
