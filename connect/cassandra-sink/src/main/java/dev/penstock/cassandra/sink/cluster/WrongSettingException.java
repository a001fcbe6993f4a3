package dev.penstock.cassandra.sink.cluster;

import org.apache.kafka.connect.errors.ConnectException;

/** The cluster answered, and a setting is wrong: no other try helps. */
public final class WrongSettingException extends ConnectException {

    private static final long serialVersionUID = 1L;

    private final String setting;

    WrongSettingException(String setting, String problem, Throwable cause) {
        super(setting + ": " + problem, cause);
        this.setting = setting;
    }

    /** The setting. */
    public String setting() {
        return setting;
    }
}
