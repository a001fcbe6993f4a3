package dev.penstock.postgres;

import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.header.Header;
import org.apache.kafka.connect.header.Headers;

/** Says in a header of a record which values its images lack. */
final class LeftOut {
    /** Its name ends with that of the image. Columns and what to say of each: {@code body=9000000 bytes …;note=…}. */
    static final String HEADER = "penstock.left.out.";

    private LeftOut() {}

    /** Say it beside what is said of the image already. */
    static void say(Headers headers, String image, String what) {
        Header earlier = headers.lastWithName(HEADER + image);
        headers.remove(HEADER + image);
        headers.addString(HEADER + image, earlier == null ? what : earlier.value() + ";" + what);
    }

    /** A copy to leave something out of. */
    static Struct copy(Struct from) {
        Struct copy = new Struct(from.schema());
        from.schema().fields().forEach(field -> copy.put(field, from.getWithoutDefault(field.name())));
        return copy;
    }
}
