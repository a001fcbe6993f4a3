package dev.penstock.postgres;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayDeque;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.stream.IntStream;
import org.apache.kafka.connect.source.SourceRecord;
import org.junit.jupiter.api.Test;

final class BusyPollsTest {
    private final Queue<List<SourceRecord>> polls = new ArrayDeque<>();
    private int made;

    @Test
    void whatIsAloneGoesAtOnce() throws InterruptedException {
        willPoll(2, 2);
        assertEquals(2, take());
        assertEquals(1, polls.size());
    }

    @Test
    void whatComesFastGoesTogetherAndInOrder() throws InterruptedException {
        willPoll(5, 5, 5);
        List<SourceRecord> taken = BusyPolls.take(polls::remove);
        assertEquals(
                IntStream.range(0, 15).boxed().toList(),
                taken.stream().map(record -> (Integer) record.value()).toList());
    }

    @Test
    void nobodyWaitsForMoreThanTwoFurtherPolls() throws InterruptedException {
        willPoll(5, 5, 5, 5);
        assertEquals(15, take());
        assertEquals(1, polls.size());
    }

    @Test
    void whatEndedGoesWithoutAnotherPoll() throws InterruptedException {
        willPoll(3, 2, 5);
        assertEquals(5, take());
        assertEquals(1, polls.size());
    }

    @Test
    void aLargePollIsEnough() throws InterruptedException {
        willPoll(8_192, 1);
        assertEquals(8_192, take());
        assertEquals(1, polls.size());
    }

    private int take() throws InterruptedException {
        return BusyPolls.take(polls::remove).size();
    }

    private void willPoll(int... sizes) {
        for (int size : sizes) {
            polls.add(
                    IntStream.range(0, size).mapToObj(number -> record(made++)).toList());
        }
    }

    private static SourceRecord record(int value) {
        Map<String, ?> none = Collections.emptyMap();
        return new SourceRecord(none, none, "topic", null, value);
    }
}
