package dev.penstock.cassandra.sink.value;

import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.ByteBuffer;
import java.util.regex.Pattern;
import org.apache.kafka.connect.data.Schema;

/** Addresses from their usual text. Names are never looked up. */
final class InetEncoder {

    private static final String BYTE = "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
    private static final Pattern IPV4 = Pattern.compile(BYTE + "(\\." + BYTE + "){3}");
    /** With a colon in it Java takes a text for an address or refuses it, and asks no name server. */
    private static final Pattern IPV6 = Pattern.compile("(?=.*:)[\\p{XDigit}:.]+");

    private InetEncoder() {}

    static ByteBuffer inet(Schema schema, Object value) {
        String text = value instanceof String string ? string : "";
        boolean v4 = IPV4.matcher(text).matches();
        if (!v4 && !IPV6.matcher(text).matches()) {
            throw unfit(schema, value);
        }
        try {
            InetAddress address = InetAddress.getByName(text);
            if (v4 || address instanceof Inet6Address) { // Java turns ::ffff:1.2.3.4 into 1.2.3.4
                return ByteBuffer.wrap(address.getAddress());
            }
            throw unfit(schema, value);
        } catch (UnknownHostException e) {
            throw unfit(schema, value);
        }
    }

    private static BadRecordException unfit(Schema schema, Object value) {
        return new BadRecordException("inet", schema, value, "not one IPv4 or IPv6 address without a mask");
    }
}
