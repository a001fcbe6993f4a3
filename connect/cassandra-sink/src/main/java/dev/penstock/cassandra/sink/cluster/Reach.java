package dev.penstock.cassandra.sink.cluster;

import com.datastax.oss.driver.api.core.ConsistencyLevel;
import com.datastax.oss.driver.api.core.CqlIdentifier;
import com.datastax.oss.driver.api.core.CqlSession;
import com.datastax.oss.driver.api.core.loadbalancing.NodeDistance;
import com.datastax.oss.driver.api.core.metadata.Node;
import dev.penstock.cassandra.sink.config.Problems;
import dev.penstock.cassandra.sink.config.TableConfig;
import dev.penstock.cassandra.sink.config.TableSetting;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Whether a consistency level can be reached with all nodes up: a write at one that cannot would wait for ever.
 *
 * @param datacenters the replicas of a row in each datacenter
 * @param local the datacenter that is written to; empty when it has no replicas
 */
record Reach(List<Replicas> datacenters, Optional<Reach.Replicas> local) {

    /**
     * The replicas of a row in one datacenter.
     *
     * @param wanted how many the keyspace asks for
     * @param there how many there can be on the nodes that there are
     */
    record Replicas(long wanted, long there) {

        boolean holdQuorum() {
            return there > wanted / 2;
        }
    }

    /** Add to {@code problems} the tables whose level cannot be reached. */
    static void check(CqlSession session, List<TableConfig> tables, Problems problems) {
        Collection<Node> nodes = session.getMetadata().getNodes().values();
        String localDc = nodes.stream()
                .filter(node -> node.getDistance() == NodeDistance.LOCAL)
                .map(Node::getDatacenter)
                .findFirst()
                .orElse("");
        Map<String, Long> count = nodes.stream()
                .collect(Collectors.groupingBy(node -> String.valueOf(node.getDatacenter()), Collectors.counting()));
        for (TableConfig table : tables) {
            session.getMetadata()
                    .getKeyspace(CqlIdentifier.fromInternal(table.keyspace()))
                    .flatMap(keyspace -> of(keyspace.getReplication(), count, localDc))
                    .filter(reach -> !reach.allows(table.consistencyLevel()))
                    .ifPresent(reach -> problems.add(
                            table.setting(TableSetting.CONSISTENCY_LEVEL),
                            "The replicas of "
                                    + "keyspace " + table.keyspace() + " can never reach " + table.consistencyLevel()
                                    + " on the nodes that there are (datacenters and nodes: " + new TreeMap<>(count)
                                    + "); change the replication or the level"));
        }
    }

    /** Read the replication of a keyspace; empty for anything but Cassandra's two strategies with numbers. */
    static Optional<Reach> of(Map<String, String> replication, Map<String, Long> nodes, String localDc) {
        try {
            return read(replication, nodes, localDc);
        } catch (NumberFormatException e) {
            return Optional.empty();
        }
    }

    private static Optional<Reach> read(Map<String, String> replication, Map<String, Long> nodes, String localDc) {
        String strategy = replication.getOrDefault("class", "");
        if (strategy.endsWith("SimpleStrategy")) {
            long all = nodes.values().stream().mapToLong(Long::longValue).sum();
            Replicas anywhere = replicas(replication.get("replication_factor"), all);
            return Optional.of(new Reach(List.of(anywhere), Optional.of(anywhere)));
        }
        if (!strategy.endsWith("NetworkTopologyStrategy")) {
            return Optional.empty();
        }
        Map<String, Replicas> byDc = new HashMap<>();
        replication.forEach((dc, factor) -> {
            if (!dc.equals("class")) {
                byDc.put(dc, replicas(factor, nodes.getOrDefault(dc, 0L)));
            }
        });
        return Optional.of(new Reach(List.copyOf(byDc.values()), Optional.ofNullable(byDc.get(localDc))));
    }

    /** Transient replication writes 3/1. */
    private static Replicas replicas(String factor, long nodes) {
        long wanted = factor == null ? 0 : Long.parseLong(factor.split("/")[0].strip());
        return new Replicas(wanted, Math.min(wanted, nodes));
    }

    /** Tell whether a level can be reached. */
    boolean allows(ConsistencyLevel level) {
        long wanted = datacenters.stream().mapToLong(Replicas::wanted).sum();
        long there = datacenters.stream().mapToLong(Replicas::there).sum();
        return switch (level.name()) {
            case "TWO" -> there >= 2;
            case "THREE" -> there >= 3;
            case "ALL" -> there == wanted;
            case "QUORUM" -> there > wanted / 2;
            case "EACH_QUORUM" -> datacenters.stream().allMatch(Replicas::holdQuorum);
            case "LOCAL_QUORUM" -> local.filter(Replicas::holdQuorum).isPresent();
            case "LOCAL_ONE" -> local.filter(replicas -> replicas.there() > 0).isPresent();
            default -> there >= 1;
        };
    }
}
