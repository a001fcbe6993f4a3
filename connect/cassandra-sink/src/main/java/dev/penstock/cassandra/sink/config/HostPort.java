package dev.penstock.cassandra.sink.config;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A host to find the cluster by.
 *
 * @param host name or address
 * @param port native protocol port
 */
public record HostPort(String host, int port) {

    /** {@code host:9043} or {@code [::1]:9043}; an address of version 6 alone has more than one colon. */
    private static final Pattern WITH_PORT = Pattern.compile("(?:\\[([^\\]]+)\\]|([^:]+)):(\\d{1,5})");

    /** Read a contact point; the port is the usual one when it names none. */
    static HostPort of(String text, int usualPort) {
        Matcher matcher = WITH_PORT.matcher(text.strip());
        if (!matcher.matches()) {
            return new HostPort(text.strip(), usualPort);
        }
        String host = matcher.group(1) == null ? matcher.group(2) : matcher.group(1);
        return new HostPort(host, Integer.parseInt(matcher.group(3)));
    }

    /** Tell whether the port can be one. */
    boolean isRight() {
        return !host.isBlank() && port > 0 && port <= 0xffff;
    }

    @Override
    public String toString() {
        return host + " port " + port;
    }
}
