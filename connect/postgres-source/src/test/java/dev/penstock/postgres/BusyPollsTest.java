package dev.penstock.postgres;

import java.util.ArrayDeque;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.stream.IntStream;
import org.apache.kafka.connect.source.SourceRecord;

/** `make test-java` runs this with `-ea`. */
final class BusyPollsTest {
  private final Queue<List<SourceRecord>> polls = new ArrayDeque<>();
  private int made;

  public static void main(String[] none) throws InterruptedException {
    new BusyPollsTest().whatIsAloneGoesAtOnce();
    new BusyPollsTest().whatComesFastGoesTogetherAndInOrder();
    new BusyPollsTest().nobodyWaitsForMoreThanTwoFurtherPolls();
    new BusyPollsTest().whatEndedGoesWithoutAnotherPoll();
    new BusyPollsTest().aLargePollIsEnough();
  }

  private void whatIsAloneGoesAtOnce() throws InterruptedException {
    willPoll(2, 2);
    assert take() == 2;
    assert polls.size() == 1;
  }

  private void whatComesFastGoesTogetherAndInOrder() throws InterruptedException {
    willPoll(5, 5, 5);
    List<SourceRecord> taken = BusyPolls.take(polls::remove);
    assert taken.stream().map(record -> (Integer) record.value()).toList().equals(IntStream.range(0, 15).boxed().toList());
  }

  private void nobodyWaitsForMoreThanTwoFurtherPolls() throws InterruptedException {
    willPoll(5, 5, 5, 5);
    assert take() == 15;
    assert polls.size() == 1;
  }

  private void whatEndedGoesWithoutAnotherPoll() throws InterruptedException {
    willPoll(3, 2, 5);
    assert take() == 5;
    assert polls.size() == 1;
  }

  private void aLargePollIsEnough() throws InterruptedException {
    willPoll(8_192, 1);
    assert take() == 8_192;
    assert polls.size() == 1;
  }

  private int take() throws InterruptedException {
    return BusyPolls.take(polls::remove).size();
  }

  private void willPoll(int... sizes) {
    for (int size : sizes) {
      polls.add(IntStream.range(0, size).mapToObj(number -> record(made++)).toList());
    }
  }

  private static SourceRecord record(int value) {
    Map<String, ?> none = Collections.emptyMap();
    return new SourceRecord(none, none, "topic", null, value);
  }
}
