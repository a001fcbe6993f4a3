"""Evaluates view functions on row images. The stream and `verify`'s batch use the very same functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from penstock.names import column_name, is_plain
from penstock_views.declaration.load import line_in
from penstock_views.declaration.views import (
    History,
    Image,
    NotedImage,
    Origin,
    Row,
    View,
    ViewInvalid,
    fields_read,
    is_as_read,
    name_as_read,
    names_needed,
    names_read,
)
from penstock_views.output.limits import beyond_cql, beyond_entry, beyond_key, beyond_record
from penstock_views.types.encodings import REFUSED, may_be_large, may_refuse
from penstock_views.types.key_form import normal_form
from penstock_views.types.try_eval import try_eval

GONE_TEXT = (
    "the column was dropped or renamed, or its type was replaced; after `penstock views check`, write the view without "
    "it and raise its revision, or let `penstock views apply` read the table again"
)
"""What is said of a column that a view reads and the writer of a record lacks, though an earlier one had it."""


@dataclass(frozen=True)
class Evaluation:
    """One evaluation to make: a view, on the images in a column, into a column of the frame.

    :param reports: whether the problem is wanted; one that nobody reads would be planned all the same.
    :param lacking: the frame's column that says why the view is stopped, or NULL; None where it never does.
    """

    view: View
    image: str
    into: str
    reports: bool = True
    lacking: str | None = None


def add_evaluations(frame: DataFrame, evaluations: Sequence[Evaluation]) -> DataFrame:
    """Add for each evaluation a column `struct<row, problem>`.

    `row` is the view's row, or NULL when the image is NULL, is filtered out, or has a problem. `problem` says why the
    view has no row for an image that should have one. Else it is NULL, always where the evaluation reports none.
    """
    # Two steps: what a second select uses often is computed once, in the first (Spark does not collapse the two).
    tried = frame.select("*", *[_try_row(frame, task).alias(_tried(task)) for task in evaluations])
    return tried.select(*frame.columns, *[_judge(tried, task).alias(task.into) for task in evaluations])


def call_view(view: View, image: Image) -> Row:
    """Run the view's function and put the key columns first.

    :raises ViewInvalid: with file and line, when the function fails or returns no usable row.
    """
    try:
        made = view.function(image)
    except ViewInvalid:
        raise
    except (Exception, SystemExit) as exc:  # a user's function may raise anything; it is reported with its line
        raise ViewInvalid(Origin(line_in(view.file, exc), view.name), f"{type(exc).__name__}: {exc}") from exc
    if not isinstance(made, Row):
        raise ViewInvalid(view.origin, f"the function must return row(...), not {type(made).__name__}")
    _refuse_values(view, made)
    missing = [name for name in view.key if name not in made.columns]
    if missing:
        raise ViewInvalid(view.origin, f"the row lacks the key column(s) {', '.join(missing)}")
    odd = next((name for name in made.columns if not is_plain(name)), None)
    if odd is not None:
        raise ViewInvalid(
            view.origin,
            f"column `{odd}` has more than letters (A to Z), digits and _ in its name: call it {column_name(odd)}, "
            "which a history's JSON shows as the former",
        )
    first = {name: made.columns[name] for name in view.key}
    return replace(made, columns=first | made.columns)


def _refuse_values(view: View, made: Row) -> None:
    """Refuse what is no column: Spark's own words for it name neither the column nor what to write."""
    parts = made.columns if made.condition is None else made.columns | {"where()": made.condition}
    for name, value in parts.items():
        if not isinstance(value, Column):
            what = (
                f"{name} is no column but {value!r}; a constant is lit(…), all else functions of pyspark.sql.functions"
            )
            raise ViewInvalid(view.origin, what)


@dataclass(frozen=True)
class Use:
    """What a view's function reads of its table.

    :param columns: all columns.
    :param needed: those without which there is no row; the others are parts of a whole row.
    :param is_whole: whether it keeps every column, whichever there are.
    """

    columns: frozenset[str]
    needed: frozenset[str]
    is_whole: bool


def use_of(view: View, fields: T.StructType) -> Use:
    """Say what a view's function reads of its table.

    :param fields: those of the table's image.
    :raises ViewInvalid: when the function fails or returns no usable row.
    """
    noted = NotedImage(view.table, F.col("image"), fields)
    made = call_view(view, noted)
    columns, needed = names_read(noted), names_needed(noted)
    return Use(columns, needed, made.is_whole or columns != needed)


def why_lacking(view: View, fields: T.StructType) -> Column | None:
    """Say why a view is stopped for a record whose writer lacks columns (the frame's `gone`): text, or NULL.

    :param fields: those of the table's image.
    :returns: None when no column can stop it.
    """
    names = sorted(map(column_name, use_of(view, fields).needed))
    if not names:
        return None
    needed = F.array(*map(F.lit, names))
    lacking = F.array_join(F.array_intersect(F.col("gone"), needed), ", ")
    said = F.concat(F.lit(f"view {view.name} cannot compute: "), lacking, F.lit(f": {GONE_TEXT}"))
    return F.when(F.arrays_overlap(F.col("gone"), needed), said)


def _image_in(frame: DataFrame, task: Evaluation) -> NotedImage:
    """Make the image that the frame's column holds."""
    return NotedImage(task.view.table, F.col(task.image), _struct(frame, task.image))


def _struct(frame: DataFrame, column: str) -> T.StructType:
    found = frame.schema[column].dataType
    if not isinstance(found, T.StructType):
        raise TypeError(f"column {column} holds no struct but {found.simpleString()}")
    return found


def _tried(task: Evaluation) -> str:
    return f"{task.into}__tried"


def _try_row(frame: DataFrame, task: Evaluation) -> Column:
    """Compute `struct<keep, row>`; NULL where the image is NULL or the function fails."""
    image = _image_in(frame, task)
    made = call_view(task.view, image)
    keep = F.lit(True) if made.condition is None else F.coalesce(made.condition, F.lit(False))
    row = F.when(keep, F.struct(*[column.alias(name) for name, column in made.columns.items()]))
    is_there = _is_there(task)
    if (large := _large_columns(image)) is not None:
        is_there &= ~F.coalesce(F.arrays_overlap(F.map_keys(F.col(task.image)[REFUSED.name]), large), F.lit(False))
    return F.when(is_there, try_eval(F.struct(keep.alias("keep"), row.alias("row")), is_exact=True))


def _is_there(task: Evaluation) -> Column:
    is_there = F.col(task.image).isNotNull()
    return is_there if task.lacking is None else is_there & F.col(task.lacking).isNull()


def _large_columns(image: NotedImage) -> Column | None:
    """Name the columns that were read of an image without a guard, though the source may have left them out.

    One question for all of them: a guard for each text of a wide view took as long to plan as its rest.
    """
    fields = [field for field in fields_read(image) if may_be_large(field) and not may_refuse(field)]
    return F.array(*[F.lit(column_name(field.name)) for field in fields]) if fields else None


def _judge(tried: DataFrame, task: Evaluation) -> Column:
    outcome, refusal, made = F.col(_tried(task)), _refuse_row(tried, task), _with_normal_key(tried, task)
    if not task.reports:
        row = F.when(refusal.isNull(), made)
        return F.struct(row.alias("row"), F.lit(None).cast("string").alias("problem"))
    problem = (
        F.when(~_is_there(task), None)
        .when(outcome.isNull(), _name_failures(tried, task))
        .when(outcome["keep"], refusal)
    )
    return F.struct(F.when(problem.isNull(), made).alias("row"), problem.alias("problem"))


def _with_normal_key(tried: DataFrame, task: Evaluation) -> Column:
    """Bring the key of a tried row into its normal form."""
    row, fields = F.col(_tried(task))["row"], _row_type(tried, task).fields
    forms = {field.name: normal_form(field, row[field.name]) for field in fields if field.name in task.view.key}
    if all(form is None for form in forms.values()):
        return row
    columns = {field: forms.get(field.name) for field in fields}
    values = {field: row[field.name] if form is None else form for field, form in columns.items()}
    struct = F.struct(*[value.alias(field.name, metadata=field.metadata) for field, value in values.items()])
    return F.when(row.isNotNull(), struct)


def _name_failures(frame: DataFrame, task: Evaluation) -> Column:
    """Say which columns cannot be computed, and why as far as known; only ever evaluated for a row that failed."""
    image = _image_in(frame, task)
    made = call_view(task.view, image)
    computed = {name: column for name, column in made.columns.items() if not is_as_read(image, column)}
    parts = computed | ({} if made.condition is None else {"where()": made.condition})
    tried = {name: try_eval(F.struct(column.alias("it")), is_exact=True) for name, column in parts.items()}
    failed = [F.when(one.isNull(), F.lit(name)) for name, one in tried.items()]
    if (large := _large_columns(image)) is not None:
        failed.append(F.array_intersect(F.map_keys(F.col(task.image)[REFUSED.name]), large))
    named = F.concat(F.lit(f"view {task.view.name} cannot compute: "), F.concat_ws(", ", *failed))
    if REFUSED not in _struct(frame, task.image):
        return named
    refused = F.map_entries(F.col(task.image)[REFUSED.name])
    # Spark generates no code for a function of a function, and here that is good: with this step in one stage with
    # those around it, the executor of ten views took 38 instead of 18 % of a core at 500 changes a second.
    held = F.transform(refused, lambda entry: F.concat(entry["key"], F.lit(" = "), entry["value"]))
    why = F.concat(F.lit(f"; {task.view.table} holds what no view can (docs/types.md): "), F.array_join(held, ", "))
    return F.concat(named, F.coalesce(why, F.lit("")))


def _refuse_row(tried: DataFrame, task: Evaluation) -> Column:
    """Say what the view table cannot hold: NULL in the key, a timestamp finer than milliseconds, and so on."""
    view, row = task.view, F.col(_tried(task))["row"]
    row_type = _row_type(tried, task)
    nulls = [F.when(row[name].isNull(), F.lit(f"view {view.name}: key column {name} is NULL")) for name in view.key]
    # A history holds the rest of the row as text, an aggregate only its key.
    columns = row_type.fields if type(view) is View else [row_type[name] for name in view.key]
    limits = [beyond_cql(view, field, row[field.name]) for field in columns]
    limits.append(_too_large(tried, task, row_type, row))
    too_long = beyond_key(view, row_type, row)
    return F.coalesce(*nulls, *too_long, *[limit for limit in limits if limit is not None])


def _too_large(frame: DataFrame, task: Evaluation, row_type: T.StructType, row: Column) -> Column | None:
    """Say that the row is larger than a record of the view may be; None when no row can be.

    The source sends no row that is: a row view has one only where the function computes a column, or takes one twice.
    """
    view, large = task.view, [field for field in row_type.fields if may_be_large(field)]
    if isinstance(view, History) and large:
        return beyond_entry(view.name, large, row, row_type)
    image = _image_in(frame, task)
    made = call_view(view, image)
    taken = [name_as_read(image, made.columns[field.name]) for field in large]
    if type(view) is not View or (None not in taken and len(set(taken)) == len(taken)):
        return None
    return beyond_record(view.name, large, row)


def _row_type(tried: DataFrame, task: Evaluation) -> T.StructType:
    return _struct(tried.select(F.col(_tried(task))["row"].alias("row")), "row")
