package dev.penstock.cassandra.sink.cluster;

import com.datastax.oss.driver.api.core.CqlIdentifier;
import com.datastax.oss.driver.api.core.CqlSession;
import dev.penstock.cassandra.sink.config.ClusterConfig;
import dev.penstock.cassandra.sink.config.Problems;
import dev.penstock.cassandra.sink.config.Settings;
import dev.penstock.cassandra.sink.config.TableConfig;
import dev.penstock.cassandra.sink.mapping.TableShape;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Holds a configuration against the real cluster, for the validation over REST. */
public final class ClusterCheck {

    private ClusterCheck() {}

    /**
     * Find what is wrong: a cluster that does not answer, missing tables and columns, types that are not supported.
     *
     * @param later stands for the tables of topics that are not known yet
     */
    public static Problems problems(ClusterConfig cluster, List<TableConfig> tables, Optional<TableConfig> later) {
        Problems problems = new Problems();
        try (CqlSession session = Cluster.connect(cluster, keyspaces(tables, later))) {
            tables.forEach(table -> TableShape.resolve(table, session.getMetadata(), problems));
            keyspaces(session, tables, later, problems);
        } catch (ClusterAwayException e) {
            problems.add(Settings.CONTACT_POINTS, e.getMessage());
        } catch (WrongSettingException e) {
            problems.add(e.setting(), e.getMessage());
        } catch (RuntimeException e) { // A person who asks what is wrong must get an answer.
            problems.add(Settings.CONTACT_POINTS, "The cluster cannot be looked into: " + e);
        }
        return problems;
    }

    /**
     * Hold what the tables ask of their keyspaces against the cluster.
     *
     * @param later stands for the tables of topics that are not known yet
     * @param problems consistency levels that can never be reached, and a missing keyspace of later tables
     */
    public static void keyspaces(
            CqlSession session, List<TableConfig> tables, Optional<TableConfig> later, Problems problems) {
        Reach.check(session, tables, problems);
        later.filter(table -> tables.stream().noneMatch(table::isAlike)).ifPresent(table -> {
            Problems found = new Problems();
            Reach.check(session, List.of(table), found);
            found.bySetting()
                    .values()
                    .forEach(all -> all.forEach(problem -> problems.add(Settings.CONSISTENCY_LEVEL, problem)));
            if (session.getMetadata()
                    .getKeyspace(CqlIdentifier.fromInternal(table.keyspace()))
                    .isEmpty()) {
                problems.add(Settings.KEYSPACE, "Keyspace " + table.keyspace() + " does not exist; create it");
            }
        });
    }

    private static List<String> keyspaces(List<TableConfig> tables, Optional<TableConfig> later) {
        return Stream.concat(tables.stream(), later.stream())
                .map(TableConfig::keyspace)
                .distinct()
                .toList();
    }
}
