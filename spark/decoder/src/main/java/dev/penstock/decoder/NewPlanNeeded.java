package dev.penstock.decoder;

/**
 * A record holds what the plan of the query has no place for: it must be made again.
 *
 * <p>Its message is all that reaches the driver; penstock_views/change/decode.py reads it.
 */
final class NewPlanNeeded extends RuntimeException {

    private static final long serialVersionUID = 1L;

    NewPlanNeeded(String topic, long schemaId, String column) {
        super("PENSTOCK-NEW-PLAN topic=" + topic + " id=" + schemaId + " column=" + column);
    }
}
