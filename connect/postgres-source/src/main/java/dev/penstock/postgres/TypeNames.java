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
 * Gives each type of a database a name that no other has, in Debezium's reading of them.
 *
 * <p>Debezium finds the type of a column by its name, first in the schema of the table. But each table is a type of its
 * own name, and two schemas may have an enum or a domain of one name: a value was then read as what it is not, or as
 * NULL. So the row types of tables are left out, as no view uses them, and the name of what users make has before it
 * what it is made of, and its schema: {@code enum:public.mood}, {@code citext:public.email} of a domain. It is in the
 * schemas of the records (spark/penstock_views/types/canonical.py reads it there).
 */
final class TypeNames {

    private static final Pattern ALL = Pattern.compile("FROM pg_catalog\\.pg_type\\b(\\s+t\\b)?");

    private static final String NAMED =
            """
            FROM (
                WITH RECURSIVE type AS (
                    SELECT t.*, s.nspname AS schema, coalesce(e.typrelid, t.typrelid) AS relation,
                        coalesce(e.typtype, t.typtype) AS kind
                    FROM pg_catalog.pg_type AS t
                    JOIN pg_catalog.pg_namespace s ON s.oid = t.typnamespace
                    LEFT JOIN pg_catalog.pg_type AS e ON e.oid = t.typelem AND t.typcategory = 'A'
                ), below AS (
                    SELECT oid, oid AS root FROM type
                  UNION ALL
                    SELECT below.oid, type.typbasetype FROM below JOIN type ON type.oid = root AND type.typtype = 'd'
                ), base AS (
                    SELECT below.oid, CASE kind
                        WHEN 'b' THEN typname::text WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' ELSE 'other' END AS word
                    FROM below JOIN type ON type.oid = root AND type.typtype <> 'd'
                )
                SELECT type.oid, typnamespace, typelem, typbasetype, typtypmod, typcategory, typtype, typinput,
                    CASE WHEN kind = 'b' OR schema = 'pg_catalog' THEN typname::text
                        ELSE word || ':' || schema || '.' || typname END AS typname
                FROM type JOIN base USING (oid) LEFT JOIN pg_catalog.pg_class c ON c.oid = relation
                WHERE c.relkind IS NULL OR c.relkind = 'c'
            ) AS\s""";

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
