package dev.penstock.cassandra.sink.cluster;

import com.datastax.oss.driver.api.core.CqlSession;
import dev.penstock.cassandra.sink.config.ClusterConfig;
import dev.penstock.cassandra.sink.config.Problems;
import dev.penstock.cassandra.sink.config.Settings;
import dev.penstock.cassandra.sink.config.TableConfig;
import dev.penstock.cassandra.sink.mapping.TableShape;
import java.util.List;

/** Holds a configuration against the real cluster, for the validation over REST. */
public final class ClusterCheck {

    private ClusterCheck() {}

    /** Find what is wrong: a cluster that does not answer, missing tables and columns, types that are not supported. */
    public static Problems problems(ClusterConfig cluster, List<TableConfig> tables) {
        Problems problems = new Problems();
        try (CqlSession session = Cluster.connect(cluster, keyspaces(tables))) {
            tables.forEach(table -> TableShape.resolve(table, session.getMetadata(), problems));
            levels(session, tables, problems);
        } catch (ClusterAwayException e) {
            problems.add(Settings.CONTACT_POINTS, e.getMessage());
        } catch (WrongSettingException e) {
            problems.add(e.setting(), e.getMessage());
        } catch (RuntimeException e) { // A person who asks what is wrong must get an answer.
            problems.add(Settings.CONTACT_POINTS, "The cluster cannot be looked into: " + e);
        }
        return problems;
    }

    /** Add to {@code problems} the consistency levels that this cluster can never reach. */
    public static void levels(CqlSession session, List<TableConfig> tables, Problems problems) {
        Reach.check(session, tables, problems);
    }

    /** The keyspaces of some tables. */
    public static List<String> keyspaces(List<TableConfig> tables) {
        return tables.stream().map(TableConfig::keyspace).distinct().toList();
    }
}
