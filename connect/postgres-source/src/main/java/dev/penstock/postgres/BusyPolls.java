package dev.penstock.postgres;

import java.util.ArrayList;
import java.util.List;
import org.apache.kafka.connect.source.SourceRecord;

/**
 * Makes one poll of several while changes come one close after another.
 *
 * <p>Connect writes what a poll brings in a transaction of its own, and what that costs hardly depends on how much it
 * holds. Where changes are few each goes at once; where they are many they wait for two more polls, and Connect and the
 * broker have a third of the transactions.
 */
final class BusyPolls {
    private static final int AT_MOST = 3;
    /** So many records of each poll, and more come before they would be written. */
    private static final int BUSY = 3;
    /** So many records are worth a transaction. */
    private static final int ENOUGH = 1_000;

    /** Where records come from. */
    interface Source {
        List<SourceRecord> poll() throws InterruptedException;
    }

    private BusyPolls() {}

    static List<SourceRecord> take(Source source) throws InterruptedException {
        List<SourceRecord> records = new ArrayList<>(source.poll());
        for (int polls = 1; polls < AT_MOST && records.size() >= polls * BUSY && records.size() < ENOUGH; polls++) {
            records.addAll(source.poll());
        }
        return records;
    }
}
