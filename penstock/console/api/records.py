"""Routes of topics, their records, schemas and dead letters."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import asdict
from itertools import chain
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field

from penstock.console.api.caller import CallerOf
from penstock.console.hub import Hub
from penstock.console.records.filter import Filter, read_conditions
from penstock.console.records.messages import LIMIT_AT_MOST, Found, Search, Tail, read_cursor, search
from penstock.console.service import dead_letters, schemas, topics

_TAIL_S = 0.5


class _Kept(BaseModel):
    """Which records are kept, as a query string says it."""

    key: str = ""
    op: str = Field("", description="kinds of change, such as `ud`; no other record has one")
    where: list[str] | None = Field(
        None,
        description="`field = value`, with `and` between several; operators = != ~ > >= < <=; "
        "a value may stand in double quotes",
    )

    def filter(self, hub: Hub) -> Filter:
        """Return it as the services take it."""
        conditions = (read_conditions(text, hub.mask) for text in self.where or ())
        return Filter(self.key, self.op, tuple(chain.from_iterable(conditions)))


class _Asked(_Kept):
    """A search, as a query string says it."""

    start: str = Field("end-50", alias="from", description="end-N, beginning, offset:N or time:MILLISECONDS")
    partition: int | None = None
    limit: int = Field(50, ge=1, le=LIMIT_AT_MOST)
    budget_s: float = Field(5, gt=0, le=30)
    cursor: str | None = Field(None, description="the `next` of the answer before, as JSON")

    def search(self, hub: Hub, topic: str) -> Search:
        """Return it as the services take it."""
        places = None if self.cursor is None else read_cursor(self.cursor)
        return Search(topic, self.start, self.partition, self.filter(hub), self.limit, self.budget_s, places)


def routes(hub: Hub) -> APIRouter:
    """Return the routes."""
    api = APIRouter()
    _topics(api, hub)
    _schemas(api, hub)
    _letters(api, hub)
    return api


def _topics(api: APIRouter, hub: Hub) -> None:
    @api.get("/topics", tags=["topics"])
    def list_topics() -> list[topics.TopicRow]:
        """Return every topic."""
        return topics.list_topics(hub)

    @api.get("/topics/{name}", tags=["topics"])
    def topic(name: str) -> topics.TopicDetail:
        """Return everything of one topic."""
        return topics.topic_detail(hub, name)

    @api.get("/topics/{name}/messages", tags=["topics"])
    def messages(name: str, asked: Annotated[_Asked, Query()]) -> Found:
        """Search a topic, decoded; says how many records it looked at and where to go on."""
        where = {"bootstrap": hub.config.kafka.bootstrap, "group": hub.config.names.group("console")}
        return search(hub.kafka, hub.reader, **where, wanted=asked.search(hub, name))

    @api.get("/topics/{name}/tail", tags=["topics"])
    async def tail(request: Request, name: str, kept: Annotated[_Kept, Query()]) -> StreamingResponse:
        """Send what comes from now on, as server-sent events; 100 records a second at most."""
        # A topic that is not there is said before the stream begins.
        topics.topic_detail(hub, name, with_settings=False)
        keeps = kept.filter(hub)
        group = hub.config.names.group("console")
        made = await asyncio.to_thread(
            Tail, hub.config.kafka.bootstrap, hub.reader, group=group, topic=name, keeps=keeps
        )
        return StreamingResponse(_events(request, made), media_type="text/event-stream")


async def _events(request: Request, tail: Tail) -> AsyncIterator[str]:
    said = None
    with closing(tail):
        yield ": the tail begins\n\n"
        while not await request.is_disconnected():
            for record in await asyncio.to_thread(tail.poll):
                yield f"data: {json.dumps(asdict(record), ensure_ascii=False)}\n\n"
            if tail.trouble != said:
                said = tail.trouble
                yield f"event: trouble\ndata: {json.dumps(said)}\n\n"
            await asyncio.sleep(_TAIL_S)


def _schemas(api: APIRouter, hub: Hub) -> None:
    @api.get("/schemas", tags=["schemas"])
    def list_subjects() -> list[schemas.SubjectRow]:
        """Return every subject."""
        return schemas.list_subjects(hub)

    @api.get("/schemas/{name:path}", tags=["schemas"])
    def subject(name: str) -> schemas.SubjectDetail:
        """Return a subject's versions with what each changed."""
        return schemas.subject_detail(hub, name)

    @api.post("/schemas/{name:path}/check", tags=["schemas"])
    def check(name: str, schema: Annotated[dict[str, Any], Body()]) -> schemas.Verdict:
        """Ask whether a schema, which is the body, may follow the newest version; nothing is registered."""
        return schemas.check(hub, name, json.dumps(schema))


def _letters(api: APIRouter, hub: Hub) -> None:
    @api.get("/dead-letters", tags=["dead letters"])
    def letters() -> dead_letters.Letters:
        """Return the newest dead letters, grouped by cause."""
        return dead_letters.list_letters(hub)

    @api.post("/dead-letters/replay", tags=["dead letters"])
    def replay(
        caller: CallerOf, ids: Annotated[list[str], Body()], dry_run: Annotated[bool, Body()] = True
    ) -> dead_letters.Preview:
        """Write dead letters of the sink again; with `dry_run`, only say what would be written."""
        if dry_run:
            return dead_letters.preview(hub, ids)
        return dead_letters.replay(hub, ids, caller=caller)
