package dev.penstock.decoder;

import java.io.Serializable;
import java.util.List;
import org.apache.spark.sql.catalyst.InternalRow;
import org.apache.spark.sql.catalyst.expressions.ConditionalExpression;
import org.apache.spark.sql.catalyst.expressions.Expression;
import org.apache.spark.sql.catalyst.expressions.codegen.Block;
import org.apache.spark.sql.catalyst.expressions.codegen.CodeGenerator;
import org.apache.spark.sql.catalyst.expressions.codegen.CodegenContext;
import org.apache.spark.sql.catalyst.expressions.codegen.ExprCode;
import org.apache.spark.sql.types.DataType;
import scala.StringContext;
import scala.collection.immutable.IndexedSeq;
import scala.collection.immutable.Seq;
import scala.jdk.javaapi.CollectionConverters;

/**
 * NULL where a part of a row cannot be computed. Catalyst's own TryEval differs in two ways, and with each of them one
 * row would stop all tables.
 *
 * <p>It lets Spark compute what stands in it twice once, before it and so outside of it. To Spark this one is a
 * condition, none of whose parts is sure to be computed. And it lets a StackOverflowError pass, which a regular
 * expression throws on a long text, and which ends an executor.
 */
@SuppressWarnings("serial") // of Spark's expressions javac does not know that they can be serialized
public final class TryRow extends Expression implements ConditionalExpression, Serializable {

    private static final long serialVersionUID = 1L;

    private final Expression child;
    private final boolean isExact;
    private transient Expression computed;

    /**
     * Used by Spark, too, which copies expressions by their constructors.
     *
     * @param isExact whether bytes that are cast to text must be UTF-8
     */
    public TryRow(Expression child, boolean isExact) {
        this.child = child;
        this.isExact = isExact;
    }

    /** The child as it is computed: only when Spark asks for that is it resolved, with all casts. */
    private Expression computed() {
        if (computed == null) {
            computed = isExact ? ExactTexts.in(child) : child;
        }
        return computed;
    }

    @Override
    public Object eval(InternalRow input) {
        try {
            return computed().eval(input);
        } catch (Exception | StackOverflowError failure) {
            return null;
        }
    }

    @Override
    public ExprCode doGenCode(CodegenContext context, ExprCode made) {
        ExprCode of = computed().genCode(context);
        String type = CodeGenerator.javaType(dataType());
        String none = CodeGenerator.defaultValue(dataType(), false);
        List<String> parts = List.of(
                "\nboolean ",
                " = true;\n" + type + " ",
                " = " + none + ";\ntry {\n",
                "\n",
                " = ",
                ";\n",
                " = ",
                ";\n} catch (Exception failure) {\n} catch (StackOverflowError failure) {\n}\n");
        List<Object> between =
                List.of(made.isNull(), made.value(), of.code(), made.isNull(), of.isNull(), made.value(), of.value());
        Block code = Block.BlockHelper$.MODULE$.code$extension(new StringContext(seq(parts)), seq(between));
        return made.copy(code, made.isNull(), made.value());
    }

    @Override
    public DataType dataType() {
        return child.dataType();
    }

    @Override
    public boolean nullable() {
        return true;
    }

    @Override
    public boolean foldable() {
        return child.foldable();
    }

    @Override
    public Seq<Expression> children() {
        return seq(List.of(child));
    }

    @Override
    public Expression withNewChildrenInternal(IndexedSeq<Expression> children) {
        return new TryRow(children.head(), isExact);
    }

    @Override
    public Seq<Expression> alwaysEvaluatedInputs() {
        return seq(List.of());
    }

    @Override
    public ConditionalExpression withNewAlwaysEvaluatedInputs(Seq<Expression> inputs) {
        return this;
    }

    @Override
    public Seq<Seq<Expression>> branchGroups() {
        return seq(List.of());
    }

    @Override
    public int productArity() {
        return 2;
    }

    @Override
    public Object productElement(int place) {
        return place == 0 ? child : isExact;
    }

    @Override
    public boolean canEqual(Object other) {
        return other instanceof TryRow;
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof TryRow tried && isExact == tried.isExact && child.equals(tried.child);
    }

    @Override
    public int hashCode() {
        return 31 * child.hashCode() + Boolean.hashCode(isExact);
    }

    private static <T> Seq<T> seq(List<T> values) {
        return CollectionConverters.asScala(values).toSeq();
    }
}
