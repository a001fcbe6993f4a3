package dev.penstock.registry;

import org.apache.kafka.connect.errors.RetriableException;

/** The registry does not answer, or says nothing about what it was asked: that is no fault of the record. */
final class RegistryAway extends RetriableException {

    private static final long serialVersionUID = 1L;

    RegistryAway(String url, String why) {
        super("the schema registry at %s is away (%s)".formatted(url, why));
    }
}
