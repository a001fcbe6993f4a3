package dev.penstock.decoder;

/** Bytes are not of the schema that they should be of. */
final class Misfit extends Exception {

    private static final long serialVersionUID = 1L;

    Misfit() {
        super(null, null, false, false);
    }
}
