package dev.penstock.postgres;

import io.debezium.data.SpecialValueDecimal;
import java.lang.reflect.InvocationTargetException;
import java.math.BigDecimal;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;

/**
 * A connection as the driver makes it, with seven differences: a primary key has no columns but its own, while the
 * driver counts those of INCLUDE among them; no two types have one name ({@link TypeNames}); generated columns are
 * columns, which Debezium leaves out of what it reads itself although they are in the stream; a number that Debezium
 * reads from a key is compared as that very number; what Postgres refuses can be told later; a value that the driver
 * cannot read is {@link Unreadable}; and of a source without a list, the tables are those that are published and known
 * ({@link PublishedTables}).
 */
final class ExactConnection {
    private static final String PRIMARY_KEY =
            """
            SELECT NULL, n.nspname, c.relname, a.attname, k.place, i.relname
            FROM pg_catalog.pg_index x
            JOIN pg_catalog.pg_class c ON c.oid = x.indrelid
            JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
            JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
            CROSS JOIN LATERAL unnest(x.indkey) WITH ORDINALITY AS k (attnum, place)
            JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
            WHERE x.indisprimary AND k.place <= x.indnkeyatts AND n.nspname = ? AND c.relname = ?
            ORDER BY k.place
            """;

    /** The places of TYPE_NAME and IS_GENERATEDCOLUMN in what {@link DatabaseMetaData#getColumns} returns. */
    private static final int TYPE_NAME = 6;

    private static final int IS_GENERATED = 24;

    private static final ThreadLocal<String> LAST_REFUSAL = new ThreadLocal<>();

    private ExactConnection() {}

    /** Reads the tables of a source without a list. */
    @FunctionalInterface
    interface Tables {
        PublishedTables read() throws SQLException;
    }

    /** A connection over one of the driver's; the tables are null where a list says which there are. */
    static Connection over(Connection connection, Tables published) {
        return proxy(Connection.class, (method, arguments) -> switch (method.getName()) {
            case "getMetaData" -> metaData(connection, published);
            case "createStatement" -> statement((Statement) method.invoke(connection, arguments));
            case "prepareStatement" -> {
                arguments[0] = TypeNames.in((String) arguments[0]);
                yield prepared((PreparedStatement) method.invoke(connection, arguments));
            }
            default -> method.invoke(connection, arguments);
        });
    }

    /** What Postgres said when it last refused a statement of this thread; null when it never did. */
    static String lastRefusal() {
        return LAST_REFUSAL.get();
    }

    private static DatabaseMetaData metaData(Connection connection, Tables published) throws SQLException {
        DatabaseMetaData metaData = connection.getMetaData();
        return proxy(DatabaseMetaData.class, (method, arguments) -> switch (method.getName()) {
            case "getPrimaryKeys" -> primaryKey(connection, (String) arguments[1], (String) arguments[2]);
            case "getColumns" -> asWritten((ResultSet) method.invoke(metaData, arguments));
            case "getTables" -> published(published, (ResultSet) method.invoke(metaData, arguments));
            default -> method.invoke(metaData, arguments);
        });
    }

    /** Columns of which none is generated; a table with one that is not published is never read. */
    private static ResultSet asWritten(ResultSet columns) throws SQLException {
        TypeNames types = new TypeNames(columns.getStatement().getConnection());
        return proxy(ResultSet.class, (method, arguments) -> {
            Object place = method.getName().equals("getString") ? arguments[0] : null;
            if (Integer.valueOf(IS_GENERATED).equals(place)) {
                return "NO";
            }
            Object found = method.invoke(columns, arguments);
            return Integer.valueOf(TYPE_NAME).equals(place) ? types.of((String) found) : found;
        });
    }

    private static ResultSet published(Tables of, ResultSet tables) throws SQLException {
        if (of == null) {
            return tables;
        }
        PublishedTables published = of.read();
        return proxy(
                ResultSet.class,
                (method, arguments) ->
                        method.getName().equals("next") ? published.next(tables) : method.invoke(tables, arguments));
    }

    private static ResultSet primaryKey(Connection connection, String schema, String table) throws SQLException {
        PreparedStatement statement = connection.prepareStatement(PRIMARY_KEY);
        statement.closeOnCompletion();
        statement.setString(1, schema);
        statement.setString(2, table);
        return statement.executeQuery();
    }

    private static Statement statement(Statement statement) {
        return proxy(Statement.class, (method, arguments) -> {
            if (method.getName().equals("executeQuery")) {
                arguments[0] = TypeNames.in((String) arguments[0]);
            }
            return careful(method.invoke(statement, arguments));
        });
    }

    private static PreparedStatement prepared(PreparedStatement statement) {
        return proxy(PreparedStatement.class, (method, arguments) -> {
            String text = method.getName().equals("setObject") ? text(arguments[1]) : null;
            if (text != null) {
                statement.setString((int) arguments[0], text);
                return null;
            }
            return careful(method.invoke(statement, arguments));
        });
    }

    /** What a statement returned; of rows, those whose values can all be read. */
    private static Object careful(Object returned) {
        return returned instanceof ResultSet rows
                ? Proxies.of(ResultSet.class, (method, arguments) -> {
                    try {
                        return method.invoke(rows, arguments);
                    } catch (InvocationTargetException failed) {
                        if (method.getName().equals("getObject") && isOfValue(failed.getCause())) {
                            return Unreadable.VALUE;
                        }
                        throw failed;
                    }
                })
                : returned;
    }

    /** Whether reading failed at what the value is: the driver parses an interval, and wraps what it meets there. */
    private static boolean isOfValue(Throwable failed) {
        return failed instanceof NumberFormatException || failed.getCause() instanceof NumberFormatException;
    }

    /**
     * A value as Postgres reads it; null for one that the driver knows how to send.
     *
     * <p>It sends a `real` as a double of the same digits, which is another number: the last chunk would come for ever.
     */
    private static String text(Object value) {
        if (value instanceof SpecialValueDecimal number) {
            return number.getDecimalValue()
                    .map(BigDecimal::toPlainString)
                    .orElseGet(() -> String.valueOf(number.toDouble()));
        }
        return value instanceof Float ? value.toString() : null;
    }

    private static <T> T proxy(Class<T> type, Proxies.Handler handler) {
        return Proxies.of(type, (method, arguments) -> {
            try {
                return handler.call(method, arguments);
            } catch (InvocationTargetException failed) {
                if (failed.getCause() instanceof SQLException refused) {
                    LAST_REFUSAL.set(refused.getMessage());
                }
                throw failed;
            }
        });
    }
}
