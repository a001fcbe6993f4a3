package dev.penstock.cassandra.sink.mapping;

import com.datastax.oss.driver.api.core.CqlIdentifier;
import com.datastax.oss.driver.api.core.metadata.Metadata;
import com.datastax.oss.driver.api.core.metadata.schema.ColumnMetadata;
import com.datastax.oss.driver.api.core.metadata.schema.TableMetadata;
import com.datastax.oss.driver.api.core.type.DataTypes;
import com.datastax.oss.driver.api.core.type.ListType;
import dev.penstock.cassandra.sink.config.Mapping;
import dev.penstock.cassandra.sink.config.Problems;
import dev.penstock.cassandra.sink.config.Source;
import dev.penstock.cassandra.sink.config.TableConfig;
import dev.penstock.cassandra.sink.config.TableSetting;
import dev.penstock.cassandra.sink.value.CqlEncoder;
import dev.penstock.cassandra.sink.value.CqlEncoders;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * The columns of a real table that a mapping writes, primary key first.
 *
 * @param config the configuration
 * @param columns the columns
 */
public record TableShape(TableConfig config, List<Column> columns) {

    /**
     * Hold a mapping against the table as it is in the cluster.
     *
     * @param problems what does not fit is added here
     * @return the shape; empty when something does not fit
     */
    public static Optional<TableShape> resolve(TableConfig config, Metadata cluster, Problems problems) {
        Problems found = new Problems();
        Optional<TableMetadata> table = table(config, cluster, found);
        List<Column> columns = table.map(known -> columns(config, known, found)).orElse(List.of());
        problems.addAll(found);
        return found.isEmpty() ? Optional.of(new TableShape(config, columns)) : Optional.empty();
    }

    private static Optional<TableMetadata> table(TableConfig config, Metadata cluster, Problems problems) {
        var keyspace = cluster.getKeyspace(CqlIdentifier.fromInternal(config.keyspace()));
        if (keyspace.isEmpty()) {
            problems.add(config.mappingSetting(), "Keyspace " + config.keyspace() + " does not exist; create it");
            return Optional.empty();
        }
        var table = keyspace.get().getTable(CqlIdentifier.fromInternal(config.table()));
        if (table.isEmpty()) {
            problems.add(config.mappingSetting(), "Table " + config.qualifiedName() + " does not exist; create it");
        }
        return table;
    }

    private static List<Column> columns(TableConfig config, TableMetadata table, Problems problems) {
        Mapping mapping = config.mapping();
        mapping.columns().keySet().stream()
                .filter(name ->
                        table.getColumn(CqlIdentifier.fromInternal(name)).isEmpty())
                .forEach(name -> problems.add(
                        config.mappingSetting(),
                        "Table " + config.qualifiedName() + " has no column " + name + "; it has " + names(table)));
        List<Column> columns = new ArrayList<>();
        for (ColumnMetadata metadata : keyFirst(table)) {
            Optional<Source> source =
                    Optional.ofNullable(mapping.columns().get(metadata.getName().asInternal()));
            boolean key = table.getPrimaryKey().contains(metadata);
            if (key
                    && config.rules().deletesEnabled()
                    && source.filter(TableShape::isOfValue).isPresent()) {
                problems.add(
                        config.mappingSetting(),
                        "Column " + metadata.getName().asInternal()
                                + " of the primary key of " + config.qualifiedName()
                                + " comes from the value, which a delete "
                                + "does not have; map it from the key or a header, or set "
                                + config.setting(TableSetting.DELETES_ENABLED) + "=false");
            }
            if (source.isPresent() || mapping.everyField()) {
                column(metadata, key, source, config, problems).ifPresent(columns::add);
            } else if (key) {
                problems.add(
                        config.mappingSetting(),
                        "Column " + metadata.getName().asInternal() + " of the primary key of " + config.qualifiedName()
                                + " is not mapped");
            }
        }
        return columns;
    }

    private static boolean isOfValue(Source source) {
        return source.part() == Source.Part.VALUE;
    }

    private static Optional<Column> column(
            ColumnMetadata metadata, boolean key, Optional<Source> source, TableConfig config, Problems problems) {
        String name = metadata.getName().asInternal();
        if (metadata.isStatic()) {
            problems.add(
                    config.mappingSetting(),
                    "Column " + name + " of " + config.qualifiedName()
                            + " is static: it belongs to no single row, so a "
                            + "delete of one row would leave it; map the other columns one by one");
            return Optional.empty();
        }
        if (metadata.getType() instanceof ListType list && !list.isFrozen()) {
            problems.add(
                    config.mappingSetting(),
                    "Column " + name + " of " + config.qualifiedName() + " is a list "
                            + "that is not frozen: a repeated write would add its elements once more; make it frozen<"
                            + list.asCql(true, true) + "> or map the other columns one by one");
            return Optional.empty();
        }
        Optional<CqlEncoder> encoder =
                CqlEncoders.of(metadata.getType(), config.rules().conversion());
        if (encoder.isEmpty()) {
            String counter = metadata.getType().equals(DataTypes.COUNTER) ? ": a repeated write would count twice" : "";
            problems.add(
                    config.mappingSetting(),
                    "Column " + name + " of " + config.qualifiedName() + " is of the type "
                            + metadata.getType().asCql(true, true) + ", which is not supported" + counter);
        }
        return encoder.map(found -> new Column(metadata.getName(), metadata.getType(), key, source, found));
    }

    private static List<ColumnMetadata> keyFirst(TableMetadata table) {
        List<ColumnMetadata> columns = new ArrayList<>(table.getPrimaryKey());
        table.getColumns().values().stream()
                .filter(column -> !columns.contains(column))
                .forEach(columns::add);
        return columns;
    }

    private static String names(TableMetadata table) {
        return table.getColumns().keySet().stream()
                .map(CqlIdentifier::asInternal)
                .collect(Collectors.joining(", "));
    }

    /** The columns of the primary key. */
    List<Column> primaryKey() {
        return columns.stream().filter(Column::primaryKey).toList();
    }

    /** The names of the primary key, in its order. */
    public List<String> keyNames() {
        return primaryKey().stream().map(column -> column.name().asInternal()).toList();
    }

    /** The names of all columns. */
    public List<String> names() {
        return columns.stream().map(column -> column.name().asInternal()).toList();
    }

    /**
     * A full row: it always names every column, so that the row is what the record says and nothing older. It names
     * types, too, for a table that was made again with others: the driver prepares the same text only once, and a
     * server would take the bytes of a bigint for those of a double.
     */
    String insert() {
        String names = columns.stream().map(column -> column.name().asCql(true)).collect(Collectors.joining(", "));
        String marks = columns.stream().map(Column::marker).collect(Collectors.joining(", "));
        return "INSERT INTO " + tableName() + " (" + names + ") VALUES (" + marks + ") USING TIMESTAMP ?" + ttl();
    }

    /** A marker when the record says it; nothing leaves it to the table's default_time_to_live. */
    private String ttl() {
        return bindsTtl()
                ? " AND TTL ?"
                : config.rules().ttlSeconds().isPresent()
                        ? " AND TTL " + config.rules().ttlSeconds().getAsInt()
                        : "";
    }

    /** Tell whether each record has a life of its own, which is the last value to bind. */
    boolean bindsTtl() {
        return config.mapping().ttl().isPresent();
    }

    /** A delete with the version of the record, so that it cannot hide a newer row. */
    String delete() {
        String key = primaryKey().stream()
                .map(column -> column.name().asCql(true) + " = ?")
                .collect(Collectors.joining(" AND "));
        return "DELETE FROM " + tableName() + " USING TIMESTAMP ? WHERE " + key;
    }

    private String tableName() {
        return CqlIdentifier.fromInternal(config.keyspace()).asCql(true) + "."
                + CqlIdentifier.fromInternal(config.table()).asCql(true);
    }
}
