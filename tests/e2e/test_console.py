"""The control center in a real browser: what it shows is what the systems say, and each action does what it says."""

from __future__ import annotations

import json
import os
import re
import signal
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from confluent_kafka import Producer
from playwright.sync_api import Browser, expect

from penstock.connect.api import ConnectApi
from penstock.stack.health import part_healths
from penstock.topics.admin import TopicAdmin
from penstock.wait import wait_until
from tests.browser import PAGES, Watched, chromium
from tests.e2e.oracle import wait_until_exact
from tests.patience import PATIENCE_S
from tests.stack import Stack

SINK = "cassandra-views-sink"
SOURCE = "users-postgres-source"
BEHIND = re.compile(r"Cassandra is .* behind")
# No test asserts a time: so long may anything take on a busy machine before it is lost.
SOON_MS = PATIENCE_S * 1000
INSERT = """
INSERT INTO public.users (id, email, first_name, last_name, registered, country)
VALUES (%s, 'console@example.com', %s, 'Console', '2022-02-02', 'Console')
"""
SCRIPT = "<script>window.hacked = 1</script><img src=x onerror='window.hacked = 1'>"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def tab(browser: Browser, stack: Stack) -> Iterator[Watched]:
    context = browser.new_context()
    yield Watched(context.new_page(), stack.config.console.url)
    context.close()


@pytest.fixture
def token(stack: Stack) -> str:
    return (stack.config.state_dir / "console" / "token").read_text()


def api(stack: Stack, path: str, **query: Any) -> Any:
    answer = requests.get(f"{stack.config.console.url}/api/v1{path}", params=query, timeout=40)
    assert answer.ok, answer.text
    return answer.json()


def insert(stack: Stack) -> str:
    key = str(uuid.uuid4())
    stack.sql(INSERT, key, "Ada")
    return key


@pytest.fixture(autouse=True)
def clean(stack: Stack) -> Iterator[None]:
    yield
    stack.sql("DELETE FROM public.users WHERE country = 'Console'")


@pytest.mark.parametrize("path", PAGES)
def test_every_page_works_and_asks_nobody_else(tab: Watched, path: str) -> None:
    page = tab.open(path)
    if path != "/docs":
        expect(page.get_by_text(BEHIND).first).to_be_visible(timeout=SOON_MS)
    assert (tab.faults, tab.foreign) == ([], [])


def test_every_figure_is_what_the_systems_say(stack: Stack) -> None:
    wait_until_exact(stack)
    admin = TopicAdmin(stack.config.kafka.bootstrap)
    held = admin.records({name: count for name, (count, _) in admin.topics().items()})
    ((users,),) = stack.sql("SELECT count(*) FROM public.users")
    # An estimate, which Postgres forgets when it crashes, until the table is analysed again.
    stack.sql("ANALYZE public.users")
    with ConnectApi(stack.config.connect.url) as connect:
        states = {name: found.status.summary for name, found in connect.connectors().items()}

    def is_right() -> bool:
        topics = {topic["name"]: topic["held"] for topic in api(stack, "/topics")}
        declared = {name: count for name, count in held.items() if not name.startswith(("__", "connect", "registry"))}
        seen = {each["name"]: each["state"] for each in api(stack, "/connectors")}
        rows = {table["name"]: table["rows"] for table in api(stack, "/postgres")["tables"]}
        # The statistics of Postgres are an estimate while it is at work, and right a moment later.
        return topics.items() >= declared.items() and seen == states and rows["public.users"] == users

    wait_until(is_right, timeout_s=PATIENCE_S, what="the console shows what Kafka, Connect and Postgres say")
    waiting = {reader["name"]: sum(lag["behind"] for lag in reader["lags"]) for reader in api(stack, "/readers")}
    assert waiting["views"] == waiting[f"connect-{SINK}"] == 0
    assert api(stack, "/pipeline")["freshness_s"] == 0


@pytest.mark.slow
def test_the_records_of_a_paused_view_make_nothing_late(stack: Stack) -> None:
    view = "users_by_country"

    def held() -> int:
        return int({topic["name"]: topic["held"] for topic in api(stack, "/topics")}[f"views.{view}"])

    stack.penstock(f"views pause {view}")
    try:
        before = held()
        insert(stack)
        wait_until(lambda: held() > before, timeout_s=PATIENCE_S, what="its record waits")
        wait_until(lambda: api(stack, "/pipeline")["freshness_s"] == 0, timeout_s=PATIENCE_S, what="nothing is late")
    finally:
        stack.penstock(f"views resume {view}")
    wait_until_exact(stack)


def test_a_search_finds_every_change_and_says_what_it_looked_at(stack: Stack) -> None:
    keys = {insert(stack) for _ in range(30)}
    stack.sql("UPDATE public.users SET city = 'Konsole' WHERE country = 'Console'")
    wait_until_exact(stack)
    query = {"from": "beginning", "where": "after.city = Konsole", "op": "u", "limit": 500, "budget_s": 30}
    found = api(stack, "/topics/app.public.users/messages", **query)
    assert {record["key"]["id"] for record in found["records"]} == keys
    assert all(record["changed"] == ["city"] for record in found["records"])
    assert found["next"] is None and found["looked_at"] <= found["of"]


def test_a_search_that_ends_early_goes_on_where_it_ended(stack: Stack) -> None:
    keys = {insert(stack) for _ in range(7)}
    wait_until_exact(stack)
    seen, cursor = [], None
    while True:
        query = {"from": "beginning", "key": "", "where": "country = Console", "op": "c", "limit": 3, "cursor": cursor}
        found = api(stack, "/topics/app.public.users/messages", **{k: v for k, v in query.items() if v is not None})
        seen += [record["key"]["id"] for record in found["records"]]
        if found["next"] is None:
            break
        cursor = str(found["next"]).replace("'", '"')
    assert keys <= set(seen)
    assert len(seen) == len(set(seen))


def test_a_row_is_followed_to_where_it_is_held_up(stack: Stack, tab: Watched) -> None:
    key = insert(stack)
    wait_until_exact(stack)
    page = tab.open(f"/follow?table=public.users&key={key}")
    expect(page.get_by_text("the newest change is everywhere")).to_be_visible(timeout=SOON_MS)
    with ConnectApi(stack.config.connect.url) as connect:
        connect.pause(SINK)
        try:
            wait_until(
                lambda: connect.status(SINK).summary == "PAUSED", timeout_s=PATIENCE_S, what="the sink is paused"
            )
            stack.sql("UPDATE public.users SET first_name = 'Grace' WHERE id = %s", key)
            newest = {"from": "end-1", "where": "first_name = Grace"}
            found = "/topics/views.users_by_id/messages"
            wait_until(
                lambda: api(stack, found, **newest)["records"], timeout_s=PATIENCE_S, what="Spark has the change"
            )
            page.get_by_role("button", name="Follow").click()
            expect(page.get_by_text(re.compile("not everywhere yet: penstock"))).to_be_visible(timeout=SOON_MS)
        finally:
            connect.resume(SINK)
    wait_until_exact(stack)
    page.get_by_role("button", name="Follow").click()
    expect(page.get_by_text("the newest change is everywhere")).to_be_visible(timeout=SOON_MS)
    stack.sql("DELETE FROM public.users WHERE id = %s", key)
    wait_until_exact(stack)
    page.get_by_role("button", name="Follow").click()
    expect(page.get_by_text("deleted, and gone everywhere")).to_be_visible(timeout=SOON_MS)
    assert tab.faults == []


def test_what_kafka_holds_is_text_never_html(stack: Stack, tab: Watched) -> None:
    key = insert(stack)
    stack.sql("UPDATE public.users SET first_name = %s WHERE id = %s", SCRIPT, key)
    wait_until_exact(stack)
    page = tab.open(f"/topics/app.public.users?key={key}")
    expect(page.get_by_text("<script>").first).to_be_visible(timeout=SOON_MS)
    page.get_by_role("button", name=re.compile("Open the record")).first.click()
    expect(page.get_by_role("dialog").get_by_text(SCRIPT)).to_be_visible(timeout=SOON_MS)
    page.keyboard.press("Escape")
    page = tab.open(f"/follow?table=public.users&key={key}")
    expect(page.get_by_text(SCRIPT).first).to_be_visible(timeout=SOON_MS)
    assert page.evaluate("window.hacked") is None
    assert (tab.faults, tab.foreign) == ([], [])


def test_the_live_tail_shows_what_comes_and_can_be_paused(stack: Stack, tab: Watched) -> None:
    page = tab.open("/topics/app.public.users")
    expect(page.get_by_text("shown, looked at")).to_be_visible(timeout=SOON_MS)
    page.get_by_role("button", name="Live").click()
    expect(page.get_by_text("live: 0 records came")).to_be_visible(timeout=SOON_MS)
    first = insert(stack)
    expect(page.get_by_text(first).first).to_be_visible(timeout=SOON_MS)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text(re.compile("^paused: "))).to_be_visible(timeout=SOON_MS)
    second = insert(stack)
    wait_until_exact(stack)
    expect(page.get_by_text(second)).to_have_count(0)
    page.get_by_role("button", name="Go on").last.click()
    expect(page.get_by_text(second).first).to_be_visible(timeout=SOON_MS)


def test_a_connector_is_paused_and_resumed_by_whoever_has_the_token(stack: Stack, tab: Watched, token: str) -> None:
    page = tab.open(f"/connectors/{SINK}")
    expect(page.get_by_text(re.compile(f"{SINK} · sink · RUNNING"))).to_be_visible(timeout=SOON_MS)
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_text("writing needs the token")).to_be_visible(timeout=SOON_MS)
    page.get_by_role("button", name="Token for writing").click()
    page.get_by_label("Token", exact=True).fill(token)
    page.get_by_role("button", name="Use it").click()
    expect(page.get_by_text("This tab may write now")).to_be_visible(timeout=SOON_MS)
    try:
        page.get_by_role("button", name="Pause").click()
        expect(page.get_by_text(re.compile(f"{SINK} · sink · PAUSED"))).to_be_visible(timeout=SOON_MS)
    finally:
        page.get_by_role("button", name="Resume").click()
    expect(page.get_by_text(re.compile(f"{SINK} · sink · RUNNING"))).to_be_visible(timeout=SOON_MS)
    done = [(entry["action"], entry["outcome"][:7]) for entry in api(stack, "/audit")[:3]]
    assert done == [("connector resume", "done"), ("connector pause", "done"), ("connector pause", "refused")]


@pytest.mark.slow
def test_a_source_that_has_stalled_is_reported_whatever_it_calls_itself(stack: Stack) -> None:
    """Paused, Connect asks the task for nothing, as when it hangs, while the task keeps its slot active."""
    wait_until_exact(stack)
    with ConnectApi(stack.config.connect.url) as connect:
        connect.pause(SOURCE)
        try:
            insert(stack)
            wait_until(
                lambda: (api(stack, "/pipeline")["freshness_s"] or 0) > 30, timeout_s=PATIENCE_S, what="it is behind"
            )
            assert "source connector" in api(stack, "/pipeline")["why"]
            (source,) = [reading for reading in flow(stack) if reading["name"] == "Postgres → change topics"]
            assert not source["is_well"] and "has stalled" in source["seen"]
        finally:
            connect.resume(SOURCE)
    wait_until(lambda: api(stack, "/pipeline")["freshness_s"] == 0, timeout_s=PATIENCE_S, what="it has caught up")
    assert [reading for reading in flow(stack) if "last written" in reading["seen"] and reading["is_well"]]


def flow(stack: Stack) -> list[Any]:
    # It exits with 1 when there are dead letters, and another test makes some.
    readings: list[Any] = json.loads(stack.run(".venv/bin/penstock status --json", check=False).stdout)["flow"]
    return readings


def test_the_api_writes_for_nobody_without_the_token(stack: Stack) -> None:
    url = f"{stack.config.console.url}/api/v1"
    posts = [
        (f"/connectors/{SINK}/restart", None),
        ("/views/verify", {}),
        ("/loads", {"users": 1}),
        ("/dead-letters/replay", {"ids": ["dead-letters.sink/0/0"], "dry_run": False}),
        (f"/connectors/{SINK}/validate", {"config": {"connector.class": "X"}}),
    ]
    answers = [requests.post(url + path, json=body, timeout=30).status_code for path, body in posts]
    assert answers == [401] * len(posts)
    other = requests.post(f"{url}/loads", json={"users": 1}, headers={"Origin": "http://evil.example"}, timeout=30)
    assert other.status_code == 403


def test_a_dead_letter_of_the_sink_is_written_again(stack: Stack, token: str) -> None:
    key = uuid.uuid4().hex.encode()
    producer = Producer({"bootstrap.servers": stack.config.kafka.bootstrap})
    producer.produce("views.users_by_id", key=key, value=b"no Avro at all", headers=[("version", b"1")])
    producer.flush(30)

    def letters() -> list[dict[str, Any]]:
        causes = api(stack, "/dead-letters")["causes"]
        return [letter for cause in causes for letter in cause["letters"] if letter["record"]["key"] == key.decode()]

    wait_until(lambda: len(letters()) == 1, timeout_s=PATIENCE_S, what="the sink refuses the record")
    (letter,) = letters()
    assert letter["origin_topic"] == "views.users_by_id"
    body = {"ids": [letter["id"]], "dry_run": False}
    headers = {"Authorization": f"Bearer {token}"}
    url = f"{stack.config.console.url}/api/v1/dead-letters/replay"
    preview = requests.post(url, json={**body, "dry_run": True}, timeout=30).json()
    assert preview["targets"] == {"views.users_by_id": 1}
    assert requests.post(url, json=body, headers=headers, timeout=30).ok
    # Nobody mended the cause, so it is refused again: it went the whole way.
    wait_until(lambda: len(letters()) == 2, timeout_s=PATIENCE_S, what="the record is refused again")


def test_a_verify_runs_and_its_outcome_is_shown(stack: Stack, tab: Watched, token: str) -> None:
    wait_until_exact(stack)
    before = {view["view"]["name"]: (view["last"] or {}).get("at") for view in api(stack, "/views")}
    headers = {"Authorization": f"Bearer {token}"}
    url = f"{stack.config.console.url}/api/v1/views/verify"
    assert requests.post(url, json={"view": "users_by_id"}, headers=headers, timeout=30).ok
    page = tab.open("/views")
    expect(page.get_by_text("verify runs: users_by_id")).to_be_visible(timeout=SOON_MS)
    wait_until(lambda: api(stack, "/views/verify")["running"] is None, timeout_s=PATIENCE_S, what="the verify ends")
    last = {view["view"]["name"]: view["last"] for view in api(stack, "/views")}["users_by_id"]
    ((users,),) = stack.sql("SELECT count(*) FROM public.users")
    assert last["equal"] and last["actual_rows"] == users and last["at"] != before["users_by_id"]


@pytest.mark.slow
def test_a_part_that_is_killed_is_red_and_green_again_by_itself(stack: Stack, tab: Watched) -> None:
    page = tab.open("/")
    boxes = page.locator(".box.is-down")
    expect(boxes).to_have_count(0, timeout=SOON_MS)
    (connect,) = [part for part in part_healths(stack.config) if part.name == "connect"]
    os.kill(connect.pid, signal.SIGKILL)
    expect(boxes).to_have_count(2, timeout=SOON_MS)
    # Its next process can be at its port within a second.
    away = re.compile("does not answer|still starting")
    expect(boxes.filter(has_text="Debezium")).to_contain_text(away)
    expect(boxes.filter(has_text="Cassandra sink")).to_contain_text(away)
    expect(boxes).to_have_count(0, timeout=SOON_MS)
    expect(page.get_by_text(BEHIND).first).to_be_visible(timeout=SOON_MS)
    insert(stack)
    wait_until_exact(stack)
    assert tab.faults == []


def test_the_menu_and_a_page_work_by_keyboard(tab: Watched) -> None:
    page = tab.open("/")
    link = page.get_by_role("link", name="Connectors", exact=True)
    link.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name=SINK)).to_be_visible(timeout=SOON_MS)
    page.get_by_role("link", name=SINK).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_text(re.compile(f"{SINK} · sink"))).to_be_visible(timeout=SOON_MS)


@pytest.mark.parametrize("width", [390, 1280, 1920])
def test_the_first_page_fits_a_phone_and_a_wide_screen(browser: Browser, stack: Stack, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme="dark")
    page = Watched(context.new_page(), stack.config.console.url).open("/")
    expect(page.get_by_text("Kafka: changes")).to_be_visible(timeout=SOON_MS)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate("document.body.classList.contains('body--dark')")
    context.close()
