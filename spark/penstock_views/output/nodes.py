"""Nodes of an analysed expression as plain values, and what Spark does not write when it writes the expression as SQL.

They are reached through Spark's JVM, as the expressions are (checked against PySpark 4.2).
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from py4j.java_gateway import is_instance_of
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

_VARIABLES = {"AttributeReference", "NamedLambdaVariable"}
_SHOWN = _VARIABLES | {
    "Alias",
    "BinaryPad",
    "BinaryPredicate",
    "Cast",
    "CommonExpressionDef",
    "CommonExpressionRef",
    "GetArrayStructFields",
    "GetStructField",
    "Invoke",
    "Literal",
    "MakeTimestamp",
    "NewInstance",
    "ParseToTimestamp",
    "RaiseError",
    "ResolvedCollation",
    "StaticInvoke",
    "TimestampAdd",
    "TimestampDiff",
}
"""Kinds of which SQL shows everything, or that stand for a function that it names."""

_MOMENT = re.compile(r"Current\w+|Now|LocalTimestamp|SparkVersion")
"""Kinds that Spark calls deterministic, since they are so within one query."""

_PRESENT = re.compile(r"\s*(now|today|tomorrow|yesterday)\b", re.IGNORECASE)
"""What Spark takes for a moment where a text becomes a date or a time."""

_LOOKED_AT = re.compile(
    r"aes|collat|csv|current|date|fields|json|lambda|like(?:all|any)|local|now|struct|time|user\(|variant|version|xml|zip",
    re.IGNORECASE,
)
"""What stands in the SQL of all that is refused, or that hides something."""

_WRITING = re.compile(r"#\d+L?|['`\s]")
"""What differs between the SQL and the text of an expression without a meaning."""

_NUMBERED = re.compile(r"[xyz]_\d+")
"""What PySpark calls the variables of a lambda."""

_OF_SESSION = {"evalContext", "evalMode", "escapeChar", "id", "timeZoneId"}
"""What SQL shows of others, and what is the same in every session."""


@dataclass
class Node:
    """A node of an expression.

    :param kind: the name of its class in Spark.
    :param said: what it was made of, without its children.
    """

    kind: str
    said: dict[str, Any]
    parent: Node | None
    position: int
    children: list[Node] = field(default_factory=list)

    @property
    def varies(self) -> bool:
        """Whether its value follows from the row, or from an element of an array."""
        below = [self]
        while below:
            node = below.pop()
            if node.kind in _VARIABLES:
                return True
            below += node.children
        return False

    def find(self, expression: Any) -> Any:
        """Return the same node in Spark's JVM."""
        path, node = [], self
        while node.parent is not None:
            path.append(node.position)
            node = node.parent
        for position in reversed(path):
            expression = expression.children().apply(position)
        return expression


def nodes_of(expression: Any) -> list[Node]:
    """Return the nodes of an expression, each before its children; none where its SQL shows all that matters here.

    With the nodes comes the type of the whole image, each time: 500 computed columns of a table took 26 s.
    """
    if _shows_all(str(expression.sql()), str(expression.toString())):
        return []
    nodes: list[Node] = []
    lacking: list[tuple[Node, int]] = []
    for said in json.loads(expression.toJSON()):
        while lacking and len(lacking[-1][0].children) == lacking[-1][1]:
            lacking.pop()
        parent = lacking[-1][0] if lacking else None
        kind, count = said.pop("class").rpartition(".")[2], said.pop("num-children")
        node = Node(kind, said, parent, len(parent.children) if parent else 0)
        if parent:
            parent.children.append(node)
        nodes.append(node)
        lacking.append((node, count))
    return nodes


def _shows_all(sql: str, text: str) -> bool:
    """Say whether Spark has no more to say of an expression than its SQL, and nothing there is of a kind to look at."""
    return not _LOOKED_AT.search(sql) and _WRITING.sub("", sql).lower() == _WRITING.sub("", text).lower()


def unsteady_in(expression: Any, nodes: Sequence[Node]) -> str | None:
    """Name what in an expression gives another value at another time or place; None where nothing does."""
    if not expression.deterministic():
        return str(expression.sql())
    for node in nodes:
        if _MOMENT.fullmatch(node.kind):
            return node.kind
        if node.kind == "AesEncrypt" and _is_salted(expression, node):
            return "aes_encrypt without iv, which takes one by chance"
        if _is_time(node) and _PRESENT.match(text := str(_constant(expression, node.children[0]))):
            return f"'{text}' as a time"
    return _named_by_spark(nodes)


def _is_time(node: Node) -> bool:
    if node.kind == "Cast":
        return str(node.said["dataType"]).startswith(("date", "timestamp"))
    return node.kind in {"ParseToDate", "ParseToTimestamp"}


def _named_by_spark(nodes: Sequence[Node]) -> str | None:
    """Name a field that is written under the name of a lambda's variable: each process numbers these in its own way."""
    if not any(node.kind in {"StructsToJson", "StructsToXml"} for node in nodes):
        return None
    for node in nodes:
        parent = node.parent
        if node.kind == "NamedLambdaVariable" and parent and parent.kind == "CreateNamedStruct":
            name = parent.children[node.position - 1].said.get("value")
            if name == node.said["name"] and _NUMBERED.fullmatch(str(name)):
                return f"a field named {name} by Spark, to which alias() gives a name"
    return None


def _constant(expression: Any, node: Node) -> Any:
    """Compute what follows from no row; None for anything else."""
    if node.kind == "Literal":
        return node.said["value"]
    if node.varies:
        return None
    try:
        return node.find(expression).canonicalized().eval(None)
    except (Py4JError, PySparkException):  # only a query can compute it
        return None


def _is_salted(expression: Any, node: Node) -> bool:
    _, _, mode, _, iv, _ = node.children
    return not iv.varies and not _constant(expression, iv) and str(_constant(expression, mode)).upper() != "ECB"


def hidden_in(spark: SparkSession, expression: Any, nodes: Sequence[Node]) -> list[str]:
    """Write what the SQL of an expression does not show: schemas, options, names of fields, which variable of a lambda.

    What is as it would be without a word is left out, so that most expressions hide nothing.
    """
    found = [*_variables(nodes)]
    for node in nodes:
        if node.kind == "CreateNamedStruct":
            named = [(name.said.get("value"), value) for name, value in zip(*[iter(node.children)] * 2, strict=True)]
            found += _names([(name, value, f"col{at + 1}") for at, (name, value) in enumerate(named)], node, expression)
        elif node.kind == "ArraysZip":
            names = [each[0].get("value") for each in node.said["names"]]
            found += _names([(name, node.children[at], str(at)) for at, name in enumerate(names)], node, expression)
        elif node.kind not in _SHOWN:
            found += [f"{node.kind}.{name}={value}" for name, value in _state(spark, expression, node)]
    return found


def _variables(nodes: Sequence[Node]) -> list[str]:
    """Say which variable of a lambda stands where: SQL names all of them alike.

    They are numbered from the innermost lambda outwards. By turns is the order that needs no word.
    """
    uses, turns, is_by_turns = [], Counter[tuple[int, ...]](), True
    scopes: dict[int, tuple[int, ...]] = {}
    for node in nodes:
        scope = scopes.get(id(node.parent), ())
        if node.parent and node.parent.kind == "LambdaFunction":
            if node.position:
                continue  # where the lambda names its variables
            scope = (*map(_id, node.parent.children[1:]), *scope)
        scopes[id(node)] = scope
        if node.kind == "NamedLambdaVariable" and len(scope) > 1:
            uses.append(scope.index(_id(node)))
            is_by_turns &= uses[-1] == turns[scope] % len(scope)
            turns[scope] += 1
    return [] if is_by_turns else [f"variables {' '.join(map(str, uses))}"]


def _id(variable: Node) -> int:
    return int(variable.said["exprId"]["id"])


def _names(fields: Sequence[tuple[str, Node, str]], node: Node, expression: Any) -> Iterator[str]:
    """Write the names of fields that do not follow from the values; `named_struct` shows them."""
    given = [None if name == value.said.get("name", otherwise) else name for name, value, otherwise in fields]
    if any(name is not None for name in given) and node.find(expression).prettyName() != "named_struct":
        yield f"{node.kind} {json.dumps(given)}"


def _state(spark: SparkSession, expression: Any, node: Node) -> Iterator[tuple[str, str]]:
    """Return what a node was made of, aside from expressions, flags and numbers."""
    for name, value in node.said.items():
        if name in _OF_SESSION:
            continue
        if isinstance(value, str | dict):
            yield name, json.dumps(value, sort_keys=True)
        elif value is None and (shown := _collection(spark, node.find(expression), name)):
            yield name, shown


def _collection(spark: SparkSession, node: Any, name: str) -> str | None:
    """Write a map or a list of texts, which Spark leaves out of its JSON."""
    jvm: Any = spark._jvm
    try:
        value = getattr(node, name)()
    except Py4JError:
        return None
    gateway = spark.sparkContext._gateway
    if not is_instance_of(gateway, value, jvm.scala.collection.Iterable):
        return None
    parts = [str(value.toSeq().apply(at).toString()) for at in range(value.size())]
    return json.dumps(sorted(parts) if is_instance_of(gateway, value, jvm.scala.collection.Map) else parts) * bool(
        parts
    )
