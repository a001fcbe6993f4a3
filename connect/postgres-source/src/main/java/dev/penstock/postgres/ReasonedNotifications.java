package dev.penstock.postgres;

import io.debezium.pipeline.notification.Notification;
import io.debezium.pipeline.notification.channels.SinkNotificationChannel;
import io.debezium.pipeline.spi.OffsetContext;
import io.debezium.pipeline.spi.Offsets;
import io.debezium.pipeline.spi.Partition;
import java.util.HashMap;
import java.util.Map;

/**
 * Debezium's channel into a topic, called `penstock`; a scan of a table that Postgres refused says with which words.
 *
 * <p>Debezium's own says `SQL_EXCEPTION` and no more.
 */
public final class ReasonedNotifications extends SinkNotificationChannel {
    private static final String STATUS = "status";
    private static final String REFUSED = "SQL_EXCEPTION";
    private static final String REASON = "reason";

    @Override
    public String name() {
        return "penstock";
    }

    @Override
    public <P extends Partition, O extends OffsetContext> void send(Notification notification, Offsets<P, O> offsets) {
        super.send(withReason(notification), offsets);
    }

    private static Notification withReason(Notification notification) {
        Map<String, String> data = notification.getAdditionalData();
        // Debezium tells of a scan in the thread that scanned.
        String reason = ExactConnection.lastRefusal();
        if (data == null || reason == null || !REFUSED.equals(data.get(STATUS))) {
            return notification;
        }
        Map<String, String> more = new HashMap<>(data);
        more.put(REASON, reason);
        return new Notification(
                notification.getId(),
                notification.getAggregateType(),
                notification.getType(),
                more,
                notification.getTimestamp());
    }
}
