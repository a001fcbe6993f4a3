"""The decoder beside the real registry: an id that it does not know yet is waited for, also while it starts."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from penstock_views.change.envelope import Writer
from penstock_views.change.source import Source, WriterSchemas
from penstock_views.output.derive import derive
from penstock_views.running.registry import Registry
from penstock_views.stream.session import local_session

from penstock.config import load_config
from penstock.project.workspace import Workspace
from penstock.registry.client import RegistryClient
from penstock.setup import actions as setup
from tests.integration.servers import started, written
from tests.patience import PATIENCE_S
from tests.unit.engine import cdc
from tests.unit.engine.conftest import SAMPLE, as_emitted, make_plan, raw_frame
from tests.unit.engine.output.test_derive import ANN

pytestmark = pytest.mark.slow

SUBJECT = f"{cdc.TOPIC}-value"
FILLING = 200
SMALL = '{{"type": "record", "name": "r{number}", "fields": [{{"name": "a", "type": "long"}}]}}'


def test_a_schema_is_found_as_soon_as_the_registry_has_read_its_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PENSTOCK_CONFIG", raising=False)
    config = load_config(written(tmp_path, "kafka", "registry"))
    spark, columns = local_session(), cdc.PEOPLE | {"nick": "string"}
    sample = make_plan(spark, SAMPLE, (Writer(1, cdc.schema_text(cdc.PEOPLE)),))
    with started(config, "kafka"):
        setup.create_topics(Workspace(config))
        with started(config, "registry"), RegistryClient(config.registry.url) as registry:
            for number in range(FILLING):
                registry.register(f"subject-{number}", SMALL.format(number=number))
            first = registry.register(SUBJECT, cdc.schema_text(cdc.PEOPLE))
            source = Source.of("public.people", cdc.TOPIC, Registry(config.registry.url).writers(SUBJECT))
            later = registry.register(SUBJECT, cdc.schema_text(columns))
        plan = replace(sample, source=source, schemas=WriterSchemas(config.registry.url, first))

        def topics_of(value: bytes) -> list[str]:
            frame = raw_frame(spark, [cdc.Record(7, value)])
            return sorted(as_emitted(row).topic for row in derive(frame, plan).collect())

        event = cdc.wire(later, cdc.envelope(columns), cdc.change("c", None, ANN | {"nick": "A"}))
        with ThreadPoolExecutor() as threads:
            reading = threads.submit(topics_of, event)
            with started(config, "registry"):
                assert reading.result(PATIENCE_S) == ["views.adults_by_name", "views.people_by_id"]
                for number in (0, later + 7, 2**31 - 1, 2**31, 2**32 - 1):
                    assert topics_of(b"\0" + number.to_bytes(4, "big") + b"body") == ["dead-letters.views"]
