package dev.penstock.decoder;

import java.util.List;
import org.apache.spark.sql.catalyst.expressions.Cast;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.objects.StaticInvoke;
import org.apache.spark.sql.catalyst.util.ArrayData;
import org.apache.spark.sql.types.AbstractDataType;
import org.apache.spark.sql.types.ArrayType;
import org.apache.spark.sql.types.BinaryType;
import org.apache.spark.sql.types.DataType;
import org.apache.spark.sql.types.StringType;
import org.apache.spark.unsafe.types.UTF8String;
import scala.Option;
import scala.jdk.javaapi.CollectionConverters;

/**
 * Makes a cast of bytes to text fail where they are no UTF-8. Spark takes any bytes for a text, and whoever reads it
 * next puts U+FFFD for those that are none: a value that is lost without a word.
 */
public final class ExactTexts {

    private ExactTexts() {}

    /** Finds the casts in an expression that is resolved, also those that Spark has added. */
    static Expression in(Expression found) {
        Expression exact = found.mapChildren(ExactTexts::in);
        if (!(found instanceof Cast cast && hasBytes(cast.child().dataType()) && hasTexts(cast.dataType()))) {
            return exact;
        }
        List<Expression> arguments = List.of(exact);
        return new StaticInvoke(
                ExactTexts.class,
                cast.dataType(),
                "exact",
                CollectionConverters.asScala(arguments).toSeq(),
                CollectionConverters.asScala(List.<AbstractDataType>of()).toSeq(),
                true,
                false,
                true,
                Option.empty());
    }

    private static boolean hasBytes(DataType type) {
        return type.existsRecursively(part -> part instanceof BinaryType);
    }

    private static boolean hasTexts(DataType type) {
        return (type instanceof ArrayType array ? array.elementType() : type) instanceof StringType;
    }

    /** Called by the code that Spark generates. */
    public static UTF8String exact(UTF8String text) {
        if (!text.isValid()) {
            throw new IllegalArgumentException("bytes that are no UTF-8 are no text");
        }
        return text;
    }

    /** The same for each text of an array. */
    public static ArrayData exact(ArrayData texts) {
        for (int place = 0; place < texts.numElements(); place++) {
            if (!texts.isNullAt(place)) {
                exact(texts.getUTF8String(place));
            }
        }
        return texts;
    }
}
