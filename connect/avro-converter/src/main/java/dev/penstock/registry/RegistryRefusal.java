package dev.penstock.registry;

import org.apache.kafka.connect.errors.ConnectException;

/** The registry understood a request and refuses it. */
final class RegistryRefusal extends ConnectException {

    private static final long serialVersionUID = 1L;
    private static final int NOT_FOUND = 404;
    private static final int CONFLICT = 409;
    private static final String INCOMPATIBLE =
            "; set the compatibility of this subject to NONE (PUT /config/SUBJECT), as `penstock up` does";

    private final int errorCode;

    /**
     * Says what was refused.
     *
     * @param errorCode Confluent's code; 0 where the answer has none
     */
    RegistryRefusal(String request, int status, int errorCode, String why) {
        super("the schema registry refuses %s (HTTP %d): %s%s"
                .formatted(request, status, why, status == CONFLICT ? INCOMPATIBLE : ""));
        this.errorCode = errorCode;
    }

    /** True when a registry says that it does not have what was asked for; a 404 of a gateway has no such code. */
    boolean isUnknown() {
        return errorCode / 100 == NOT_FOUND;
    }
}
