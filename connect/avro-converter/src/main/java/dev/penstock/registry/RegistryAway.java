package dev.penstock.registry;

import io.apicurio.registry.rest.client.exception.RateLimitedClientException;
import io.apicurio.registry.rest.client.exception.RestClientException;
import io.apicurio.registry.rest.v2.beans.Error;
import io.apicurio.rest.client.error.ApicurioRestClientException;

/** Tells an answer that time will change from one that it will not. */
final class RegistryAway {

    private static final int NOT_FOUND = 404;
    private static final int SERVER_ERROR = 500;

    private RegistryAway() {}

    /** True when nothing answered, or a server that is starting, ending or overloaded did. */
    static boolean isMeantBy(ApicurioRestClientException answer) {
        return answer instanceof RateLimitedClientException
                || answer instanceof RestClientException refusal && isPassing(refusal.getError());
    }

    /** True when the registry says that it does not have what was asked for. */
    static boolean isUnknown(ApicurioRestClientException answer) {
        return answer instanceof RestClientException refusal
                && Integer.valueOf(NOT_FOUND).equals(refusal.getError().getErrorCode());
    }

    private static boolean isPassing(Error error) {
        return isBrokenConnection(error) || error.getErrorCode() != null && error.getErrorCode() >= SERVER_ERROR;
    }

    /** Apicurio's client turns an IOException into an error with the exception's name and no code. */
    private static boolean isBrokenConnection(Error error) {
        return error.getErrorCode() == null && error.getName() != null;
    }
}
