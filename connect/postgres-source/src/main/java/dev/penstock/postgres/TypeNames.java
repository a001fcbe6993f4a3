package dev.penstock.postgres;

import java.sql.Connection;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The types of a database as Debezium gets to know them: those that a view can use, each with a name that no other has.
 *
 * <p>A column of any other type is not sent. Nobody would read it, and at some values of such a type Debezium stops,
 * for all tables.
 *
 * <p>Debezium finds the type of a column by its name, first in the schema of the table. But each table is a type of its
 * own name, and two schemas may have an enum or a domain of one name: a value was then read as what it is not, or as
 * NULL. So the name of what users make has before it what it is made of, and its schema: {@code enum:public.mood},
 * {@code int4:public.positive} of a domain. It is in the schemas of the records, and
 * spark/penstock_views/types/canonical.py reads it there.
 */
final class TypeNames {

    private static final Pattern ALL = Pattern.compile("FROM pg_catalog\\.pg_type\\b(\\s+t\\b)?");

    /** By the name that Postgres has for each; canonical.py knows the same (tests/contract/test_types_table.py). */
    static final String USABLE =
            "int2 int4 int8 float4 float8 numeric text varchar bpchar bool uuid date time timestamp "
                    + "timestamptz interval bytea json jsonb inet cidr macaddr macaddr8 "
                    + "_int2 _int4 _int8 _float4 _float8 _numeric _text _varchar _bpchar _bool _uuid _date _timestamp "
                    + "_timestamptz _bytea _json _jsonb _inet _cidr _macaddr _macaddr8 enum";

    /**
     * As which Debezium looks for a type that it does not know, at each value: it asks Postgres for one that is not
     * here.
     */
    private static final String UNKNOWN = "unknown";

    private static final String NAMED =
            """
            FROM (
                WITH RECURSIVE type AS (
                    SELECT t.*, s.nspname AS schema, coalesce(e.typtype, t.typtype) AS kind
                    FROM pg_catalog.pg_type AS t
                    JOIN pg_catalog.pg_namespace s ON s.oid = t.typnamespace
                    LEFT JOIN pg_catalog.pg_type AS e ON e.oid = t.typelem AND t.typcategory = 'A'
                    WHERE t.typrelid = 0 AND coalesce(e.typrelid, 0) = 0
                ), below AS (
                    SELECT oid, oid AS root FROM type WHERE kind IN ('b', 'e') OR typtype = 'd' OR typname = '%2$s'
                  UNION ALL
                    SELECT below.oid, type.typbasetype FROM below JOIN type ON type.oid = root AND type.typtype = 'd'
                ), base AS (
                    SELECT below.oid, CASE kind WHEN 'e' THEN 'enum' ELSE typname::text END AS word
                    FROM below JOIN type ON type.oid = root AND (kind = 'e' OR schema = 'pg_catalog')
                    WHERE kind IN ('b', 'e') OR typname = '%2$s'
                )
                SELECT type.oid, typnamespace, typelem, typbasetype, typtypmod, typcategory, typtype, typinput,
                    CASE WHEN schema = 'pg_catalog' THEN typname::text ELSE word || ':' || schema || '.' || typname
                        END AS typname
                FROM type JOIN base USING (oid)
                WHERE word IN ('%1$s', '%2$s')
            ) AS\s"""
                    .formatted(USABLE.replace(" ", "', '"), UNKNOWN);

    private static final String ONE = "SELECT t.typname " + NAMED + "t WHERE t.oid = pg_catalog.to_regtype(?)";

    private final Connection connection;
    private final Map<String, String> known = new HashMap<>();

    /** Of the types in the catalogue of now. */
    TypeNames(Connection connection) {
        this.connection = connection;
    }

    /** The statement, with the names as they are here if it reads the types. */
    static String in(String statement) {
        Matcher types = ALL.matcher(statement);
        return types.find() ? types.replaceFirst(NAMED + (types.group(1) == null ? "pg_type" : "t")) : statement;
    }

    /** The name of a type that the driver names with its schema, both in quotes; any other is a built-in one. */
    String of(String byDriver) throws SQLException {
        if (!byDriver.startsWith("\"")) {
            return byDriver;
        }
        String name = known.get(byDriver);
        if (name == null) {
            name = ask(byDriver);
            known.put(byDriver, name);
        }
        return name;
    }

    private String ask(String byDriver) throws SQLException {
        try (PreparedStatement statement = connection.prepareStatement(ONE)) {
            statement.setString(1, byDriver);
            ResultSet name = statement.executeQuery();
            return name.next() ? name.getString(1) : byDriver;
        }
    }
}
