package dev.penstock.cassandra.sink.cluster;

/** The cluster does not answer now: worth another try. */
public final class ClusterAwayException extends Exception {

    private static final long serialVersionUID = 1L;

    /** State what does not answer, and why. */
    public ClusterAwayException(String message, Throwable cause) {
        super(message, cause);
    }
}
