"""What a fill reads of a real Postgres, in ranges at one snapshot while all goes on, and asks of a real Kafka."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import psycopg2
import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]
from penstock_views.change.envelope import Writer
from penstock_views.output.contracts import contracts_of, view_type
from penstock_views.output.derive import Output
from penstock_views.running.fill import Changes, Filling
from penstock_views.snapshot.held import hold_snapshot
from penstock_views.snapshot.images import read_images
from penstock_views.snapshot.postgres import Postgres
from penstock_views.snapshot.ranges import Pages, Range, count_rows, read_parts, select_ranges
from penstock_views.snapshot.seen import Snapshot
from penstock_views.stream.session import local_session
from pyspark.sql import SparkSession

from penstock.config import Config, load_config
from penstock.contract import OFFSETS_PER_GENERATION
from penstock.postgres.catalogue import read_columns
from penstock.postgres.connection import connect
from penstock.topics.consumer import open_consumer
from penstock.views.resume import are_others
from tests.integration.servers import started
from tests.names import load_views
from tests.unit.engine import cdc
from tests.unit.engine.stand_in import registry_url

VIEW = """
from penstock_views import row, view


@view("public.fill_plain", key=["id"])
def fill_rows(r):
    return row(id=r.id, a=r.a, tenth=10 / r.id)
"""
TABLES = """
CREATE TABLE public.fill_plain (id int PRIMARY KEY, a text);
CREATE TABLE public.fill_parted (id int, a text, PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE public.fill_low PARTITION OF public.fill_parted FOR VALUES FROM (0) TO (4000);
CREATE TABLE public.fill_none PARTITION OF public.fill_parted FOR VALUES FROM (4000) TO (4001);
CREATE TABLE public.fill_other_order (a text, gone int, id int NOT NULL);
ALTER TABLE public.fill_other_order DROP COLUMN gone;
ALTER TABLE public.fill_parted ATTACH PARTITION public.fill_other_order FOR VALUES FROM (4001) TO (20000);
"""
KEEP_CHANGES = """
CREATE TABLE public.fill_changes (number serial, before int, id int, a text);
CREATE OR REPLACE FUNCTION public.keep_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.fill_changes (before, id, a) VALUES (OLD.id, NEW.id, NEW.a);
    RETURN NULL;
END
$$;
CREATE TRIGGER kept AFTER INSERT OR UPDATE OR DELETE ON public.fill_{}
    FOR EACH ROW EXECUTE FUNCTION public.keep_change();
"""
ROWS = "INSERT INTO public.fill_{} SELECT n, 'row ' || n FROM generate_series(0, 9999) n WHERE n <> 4000"


@pytest.fixture(scope="module")
def spark() -> SparkSession:
    return local_session()


@pytest.fixture
def cursor(config: Config) -> Iterator[Any]:
    with closing(psycopg2.connect(config.postgres.dsn)) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute(TABLES)
        yield cursor
        cursor.execute("DROP TABLE public.fill_plain, public.fill_parted")
        cursor.execute("DROP TABLE IF EXISTS public.fill_changes")


def postgres(config: Config) -> Postgres:
    section = config.postgres
    return Postgres(section.host, section.port, section.database, section.user)


def change_all_the_while(cursor: Any, kind: str) -> None:
    """Move rows to other pages, delete, insert, and let VACUUM make room where there was something else."""
    cursor.execute(f"UPDATE public.fill_{kind} SET a = 'later' WHERE id % 3 = 0")
    cursor.execute(f"DELETE FROM public.fill_{kind} WHERE id % 3 = 1")
    cursor.execute(
        f"INSERT INTO public.fill_{kind} SELECT n, 'new' FROM generate_series(10000, 10999) n ON CONFLICT DO NOTHING"
    )
    cursor.execute(f"VACUUM public.fill_{kind}")


@pytest.mark.parametrize("kind", ["plain", "parted"])
def test_ranges_of_pages_hold_each_row_of_the_snapshot_once_while_all_changes(
    spark: SparkSession, config: Config, cursor: Any, kind: str
) -> None:
    cursor.execute(ROWS.format(kind))
    table, found, counted = f"public.fill_{kind}", [], 0
    with connect(config) as connection:
        columns = read_columns(connection, table)
    with hold_snapshot(postgres(config), table=table) as held:
        pages = Pages(read_parts(cursor, table))
        while ranges := pages.take(pages.total // 3, 2):
            counted += count_rows(cursor, ranges)
            images = read_images(spark, table, replace(postgres(config), snapshot=held.name), columns, ranges)
            found += [(row["id"], row["a"]) for row in images.collect()]
            change_all_the_while(cursor, kind)
    assert sorted(found) == [(n, f"row {n}") for n in range(10000) if n != 4000]
    assert counted > 0


@pytest.mark.parametrize("kind", ["plain", "parted"])
def test_pages_of_two_snapshots_and_the_changes_since_the_first_give_the_table(
    spark: SparkSession, config: Config, cursor: Any, kind: str
) -> None:
    """What a fill that was cut off and goes on writes, with the stream's later versions above it.

    A history needs each row that has not changed, and once.
    """
    cursor.execute(ROWS.format(kind))
    cursor.execute(KEEP_CHANGES.format(kind))
    table, view, done, read = f"public.fill_{kind}", dict[int, str](), 0, Counter[int]()
    with connect(config) as connection:
        columns = read_columns(connection, table)
    parts = read_parts(cursor, table)
    for share in (3, 1):
        with hold_snapshot(postgres(config), table=table) as held:
            pages = Pages(parts)
            pages.take(done, 1)
            change_all_the_while(cursor, kind)
            ranges = pages.take((pages.total - done) // share, 2)
            done += sum(each.pages for each in ranges)
            images = read_images(spark, table, replace(postgres(config), snapshot=held.name), columns, ranges)
            found = {row["id"]: row["a"] for row in images.collect()}
            view |= found
            read.update(found.keys())
        change_all_the_while(cursor, kind)
    assert done == pages.total
    cursor.execute("SELECT before, id, a FROM public.fill_changes ORDER BY number")
    changes = cursor.fetchall()
    unchanged = set(range(10000)) - {4000} - {before for before, _, _ in changes}
    assert len(unchanged) > 3000
    assert {number: (read[number], view[number]) for number in unchanged} == {
        number: (1, f"row {number}") for number in unchanged
    }
    for before, number, a in changes:
        view.pop(before, None)
        if number is not None:
            view[number] = a
    cursor.execute(f"SELECT id, a FROM {table}")
    assert view == dict(cursor.fetchall())


def test_postgres_reads_only_the_pages_of_a_range(cursor: Any) -> None:
    cursor.execute(ROWS.format("parted"))
    low, high = (part for part in read_parts(cursor, "public.fill_parted") if part.pages)
    ranges = [Range(low, 2, 4), Range(high, 0, 2)]
    query = f"SELECT c1 FROM ({select_ranges('id AS c1', ranges)}) AS images WHERE {ranges[0].condition(ranges)}"
    cursor.execute(f"EXPLAIN {query}")
    plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Tid Range Scan on fill_low" in plan
    assert "fill_other_order" not in plan
    cursor.execute(query)
    per_page = len(cursor.fetchall()) / 2
    cursor.execute("SELECT count(*) FROM public.fill_low")
    assert per_page == pytest.approx(cursor.fetchone()[0] / low.pages, rel=0.2)


def test_a_table_that_is_written_anew_has_other_files(cursor: Any) -> None:
    cursor.execute(ROWS.format("plain"))
    then = read_parts(cursor, "public.fill_plain")
    change_all_the_while(cursor, "plain")
    assert not are_others(read_parts(cursor, "public.fill_plain"), then)
    cursor.execute("VACUUM FULL public.fill_plain")
    assert are_others(read_parts(cursor, "public.fill_plain"), then)


def test_a_role_that_may_read_the_parent_alone_reads_it_whole(cursor: Any) -> None:
    cursor.execute("CREATE ROLE fill_reader; GRANT SELECT ON public.fill_parted TO fill_reader; SET ROLE fill_reader")
    (part,) = read_parts(cursor, "public.fill_parted")
    assert (part.source, part.is_divisible) == ('"public"."fill_parted"', False)
    cursor.execute("RESET ROLE; REVOKE ALL ON public.fill_parted FROM fill_reader; DROP ROLE fill_reader")


@pytest.mark.usefixtures("cursor")
@pytest.mark.parametrize("kind", ["plain", "parted"])
def test_only_who_writes_to_the_table_can_straddle_its_snapshot(config: Config, kind: str) -> None:
    insert = "INSERT INTO public.fill_{} VALUES (%s, 'open') RETURNING pg_current_xact_id()::text::bigint"
    with closing(psycopg2.connect(config.postgres.dsn)) as one, closing(psycopg2.connect(config.postgres.dsn)) as two:
        writer, other = one.cursor(), two.cursor()
        writer.execute(insert.format(kind), (1,))
        (tx_id,) = writer.fetchone() or (None,)
        other.execute(insert.format("plain" if kind == "parted" else "parted"), (1,))
        other.execute(f"SELECT * FROM public.fill_{kind}")
        with hold_snapshot(postgres(config), table=f"public.fill_{kind}") as held:
            assert held.straddling == [tx_id]
        with hold_snapshot(postgres(config)) as held:
            assert len(held.straddling) == 2
        one.commit()
        two.commit()
        with hold_snapshot(postgres(config), table=f"public.fill_{kind}") as held:
            assert held.straddling == []


@pytest.fixture(scope="module")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Config]:
    """Run a Kafka alone, with the topics of a table and a view."""
    folder = tmp_path_factory.mktemp("kafka")
    file = folder / "penstock.toml"
    file.write_text(f'state = "{folder / "var"}"\nkafka.port = 24892\nkafka.controller_port = 24893\n')
    config = load_config(file)
    with started(config, "kafka"):
        client = AdminClient({"bootstrap.servers": config.kafka.bootstrap})
        topics = [NewTopic(name, 1, 1) for name in (cdc.TOPIC, "views.fill_rows", "dead-letters.views")]
        for made in client.create_topics(topics).values():
            made.result()
        yield config


@pytest.fixture(scope="module")
def changes(kafka: Config) -> Changes:
    """Write two transactions of Postgres in two of Kafka: offsets 0 and 1, a marker at 2, then 3 and its marker."""
    producer = Producer({"bootstrap.servers": kafka.kafka.bootstrap, "transactional.id": "a source"})
    producer.init_transactions()
    events = [[cdc.change("c", None, person(1), 70, 700), cdc.change("r", None, person(2), 71, 700)]]
    events += [[cdc.change("u", person(1), person(3), 80, 701)]]
    for together in events:
        producer.begin_transaction()
        for event in together:
            producer.produce(cdc.TOPIC, cdc.wire(6, cdc.envelope(cdc.PEOPLE), event), headers={"epoch": b"1"})
        producer.commit_transaction()
    writers = (Writer(6, cdc.schema_text(cdc.PEOPLE)),)
    return Changes("public.people", cdc.TOPIC, kafka.kafka.bootstrap, registry_url(writers), writers)


def identity(number: int) -> str:
    return f"00000000-0000-4000-8000-00000000000{number}"


def person(number: int) -> dict[str, Any]:
    return {"id": identity(number), "name": "Ann"} | dict.fromkeys(("age", "score", "born", "seen", "note"))


def at(offset: int) -> dict[tuple[str, int], int]:
    return {(cdc.TOPIC, 0): offset}


def test_a_change_of_a_transaction_is_found_between_offsets(spark: SparkSession, changes: Changes) -> None:
    assert changes.any_of(spark, [700], at(0), at(3))
    assert changes.any_of(spark, [5, 701], at(3), at(5))
    assert not changes.any_of(spark, [701], at(0), at(3))
    assert not changes.any_of(spark, [700], at(1), at(5))  # a read is no change


def test_the_keys_are_those_of_changes_that_the_snapshot_holds(spark: SparkSession, changes: Changes) -> None:
    def keys(seen: Snapshot, begin: int) -> list[str]:
        return [row["id"] for row in changes.keys_seen(spark, seen, ["id"], at(begin), at(5)).collect()]

    assert sorted(keys(Snapshot(702, (), 90), 0)) == [identity(1), identity(3)]
    assert keys(Snapshot(702, (701,), 90), 0) == [identity(1)]
    assert keys(Snapshot(702, (), 90), 3) == [identity(3)]
    assert keys(Snapshot(701, (), 75), 3) == []


def test_rows_are_written_to_their_topic_and_those_that_fail_to_the_dead_letters(
    spark: SparkSession, config: Config, kafka: Config, cursor: Any, tmp_path: Any
) -> None:
    cursor.execute(ROWS.format("plain"))
    (tmp_path / "v.py").write_text(VIEW)
    (view,) = load_views(tmp_path)
    with connect(config) as connection:
        columns = read_columns(connection, view.table)
    pages = Pages(read_parts(cursor, view.table))
    ranges = pages.take(pages.total, 2)
    image = read_images(spark, view.table, postgres(config), columns, ranges)
    key, value = contracts_of(view, view_type(spark, view, image.schema))
    place = (("app.public.fill_plain", 0), 41)
    outputs = [Output(view, key, value, 5, 6)]
    filling = Filling(view.table, columns, postgres(config), outputs, "dead-letters.views", 3, place, 77, 1)
    two = spark.createDataFrame([(7,), (8,)], "id int")
    filling.write(spark, kafka.kafka.bootstrap, ranges, without=two)
    written, letters = read(kafka, view.topic), read(kafka, "dead-letters.views")
    rows = [cdc.unwire(value.schema, record.value())[1] for record in written]
    assert sorted((row["id"], row["a"]) for row in rows) == [
        (n, f"row {n}") for n in range(10000) if n not in (0, 7, 8, 4000)
    ]
    assert {dict(record.headers())["version"] for record in written} == {b"%d" % (3 * OFFSETS_PER_GENERATION + 41)}
    (letter,) = letters
    assert dict(letter.headers())["__connect.errors.exception.message"] == (
        b"view fill_rows cannot compute: tenth; the row: id=0"
    )


def read(config: Config, topic: str) -> list[Any]:
    """Read a topic to its end."""
    with closing(open_consumer(config.kafka.bootstrap, group="test-fill")) as consumer:
        _, end = consumer.get_watermark_offsets(TopicPartition(topic, 0), timeout=30)
        consumer.assign([TopicPartition(topic, 0, 0)])
        found: list[Any] = []
        while len(found) < end:
            # Asked for more than there is, it would wait for it.
            found += consumer.consume(min(1000, end - len(found)), timeout=30)
        return found
