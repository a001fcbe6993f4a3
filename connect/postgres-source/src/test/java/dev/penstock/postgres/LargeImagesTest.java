package dev.penstock.postgres;

import java.nio.ByteBuffer;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.header.Header;
import org.apache.kafka.connect.source.SourceRecord;

/** `make test-java` runs this with `-ea`. */
final class LargeImagesTest {
  private static final int MOST = LargeImages.MOST_BYTES;
  private static final Schema NUMBERS = SchemaBuilder.array(Schema.INT32_SCHEMA).optional().build();
  private static final Schema ROW = SchemaBuilder.struct().optional()
      .field("id", Schema.STRING_SCHEMA)
      .field("body", Schema.OPTIONAL_BYTES_SCHEMA)
      .field("note", Schema.STRING_SCHEMA)
      .field("other", Schema.OPTIONAL_STRING_SCHEMA)
      .field("numbers", NUMBERS)
      .build();
  private static final Schema ENVELOPE = SchemaBuilder.struct().name("app.public.docs.Envelope")
      .field("before", ROW).field("after", ROW).field("op", Schema.STRING_SCHEMA).build();
  private static final Schema KEY = SchemaBuilder.struct().field("id", Schema.STRING_SCHEMA).build();

  public static void main(String[] none) {
    LargeImagesTest test = new LargeImagesTest();
    test.whatFitsIsLeftAlone();
    test.aRowOfTheLimitFitsAndOneByteMoreDoesNot();
    test.onlyTheLargestValuesAreLeftOut();
    test.ofEqualValuesTheFirstNameGoes();
    test.eachImageIsJudgedAlone();
    test.aValueOfTheKeyIsNeverLeftOut();
    test.aColumnThatCannotBeNullHoldsSomethingSmall();
    test.textsCountWithTheirBytes();
    test.arraysCountToo();
    test.whatIsNoChangeEventIsLeftAlone();
  }

  private void whatFitsIsLeftAlone() {
    SourceRecord record = change(row(1_000_000, "n"), row(2_000_000, "n"));
    assert fit(record) == record;
  }

  private void aRowOfTheLimitFitsAndOneByteMoreDoesNot() {
    SourceRecord record = change(null, row(MOST, "n"));
    assert fit(record) == record;
    SourceRecord fitting = fit(change(null, row(MOST + 1, "n")));
    assert image(fitting, "after").get("body") == null;
    assert image(fitting, "after").get("note").equals("n");
    assert header(fitting, "after").equals("body=7864321 bytes (a row holds at most 7864320)");
    assert fitting.key() != null && fitting.valueSchema() == ENVELOPE;
  }

  private void onlyTheLargestValuesAreLeftOut() {
    Struct row = row(3_000_000, "n".repeat(5_000_000)).put("other", "o".repeat(6_000_000));
    Struct fitting = image(fit(change(null, row)), "after");
    assert fitting.get("other") == null && fitting.get("note").equals("0") && fitting.get("body") != null;
    assert row.getString("other") != null;
  }

  private void ofEqualValuesTheFirstNameGoes() {
    SourceRecord fitting = fit(change(null, row(5_000_000, "n".repeat(5_000_000))));
    assert header(fitting, "after").startsWith("body=");
    assert image(fitting, "after").getString("note").length() == 5_000_000;
  }

  private void eachImageIsJudgedAlone() {
    SourceRecord fitting = fit(change(row(20_000_000, "n"), row(MOST, "n")));
    assert header(fitting, "before").startsWith("body=20000000 bytes");
    assert header(fitting, "after") == null;
    assert image(fitting, "after").get("body") != null;
    assert header(fit(change(row(MOST + 1, "n"), row(MOST + 1, "n"))), "after") != null;
  }

  private void aValueOfTheKeyIsNeverLeftOut() {
    Struct row = row(6_000_000, "n").put("id", "i".repeat(7_000_000));
    Struct fitting = image(fit(change(null, row)), "after");
    assert fitting.getString("id").length() == 7_000_000 && fitting.get("body") == null;
  }

  private void aColumnThatCannotBeNullHoldsSomethingSmall() {
    SourceRecord fitting = fit(change(null, row(1, "n".repeat(MOST + 1))));
    assert image(fitting, "after").get("note").equals("0");
    assert header(fitting, "after").startsWith("note=");
  }

  private void textsCountWithTheirBytes() {
    assert header(fit(change(null, row(1, "é".repeat(MOST / 2)))), "after") == null;
    assert header(fit(change(null, row(1, "é".repeat(MOST / 2 + 1)))), "after").startsWith("note=7864322 bytes");
    assert header(fit(change(null, row(1, "€".repeat(MOST / 3 + 1)))), "after") != null;
    assert header(fit(change(null, row(1, "😀".repeat(MOST / 4)))), "after") == null;
    assert header(fit(change(null, row(1, "😀".repeat(MOST / 4 + 1)))), "after").startsWith("note=7864324 bytes");
  }

  private void arraysCountToo() {
    Struct row = row(1, "n").put("numbers", Collections.nCopies(MOST / 10 + 1, 1));
    assert image(fit(change(null, row)), "after").get("numbers") == null;
    assert header(fit(change(null, row(1, "n").put("numbers", Collections.nCopies(MOST / 10, 1)))), "after") == null;
  }

  private void whatIsNoChangeEventIsLeftAlone() {
    SourceRecord tombstone = new SourceRecord(Map.of(), Map.of(), "app.public.docs", KEY, key(), null, null);
    assert fit(tombstone) == tombstone;
  }

  private static SourceRecord fit(SourceRecord record) {
    return new LargeImages().fit(List.of(record)).get(0);
  }

  private static Struct image(SourceRecord record, String image) {
    return ((Struct) record.value()).getStruct(image);
  }

  private static String header(SourceRecord record, String image) {
    Header found = record.headers().lastWithName(LargeImages.HEADER + image);
    return found == null ? null : (String) found.value();
  }

  private static Struct row(int bytes, String note) {
    return new Struct(ROW).put("id", "1").put("body", ByteBuffer.allocate(bytes)).put("note", note);
  }

  private static SourceRecord change(Struct before, Struct after) {
    Struct change = new Struct(ENVELOPE).put("before", before).put("after", after).put("op", "u");
    return new SourceRecord(Map.of(), Map.of("lsn", 7L), "app.public.docs", KEY, key(), ENVELOPE, change);
  }

  private static Struct key() {
    return new Struct(KEY).put("id", "1");
  }
}
