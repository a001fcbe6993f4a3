"""Who may use a server of ours that has a password."""

from __future__ import annotations

import pytest
from fastapi import FastAPI, WebSocket
from fastapi.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from penstock.login import Login


@pytest.fixture
def client() -> TestClient:
    web = FastAPI()

    @web.get("/")
    def page() -> str:
        return "shown"

    @web.websocket("/live")
    async def live(socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text("shown")
        await socket.close()

    web.add_middleware(Login, user="penstock", password="s3cret", is_token="t0ken".__eq__)  # noqa: S106 - of a test
    return TestClient(web)


def test_who_knows_the_password_or_the_token_is_let_in(client: TestClient) -> None:
    assert client.get("/", auth=("penstock", "s3cret")).json() == "shown"
    assert client.get("/", headers={"Authorization": "Bearer t0ken"}).json() == "shown"


@pytest.mark.parametrize("shown", ["", "Basic", "Basic !!", "Bearer", "Bearer x", "Basic cGVuc3RvY2s6", "Digest t0ken"])
def test_nobody_else_is(client: TestClient, shown: str) -> None:
    answer = client.get("/", headers={"Authorization": shown})
    assert answer.status_code == 401
    assert "Basic" in answer.headers["www-authenticate"]


@pytest.mark.parametrize("shown", ["Basic", "Basic cGVuc3RvY2s6"])
def test_an_empty_password_is_none(shown: str) -> None:
    web = FastAPI()
    web.add_middleware(Login, user="penstock", password="")
    assert TestClient(web).get("/", headers={"Authorization": shown}).status_code == 401


def test_a_websocket_asks_too(client: TestClient) -> None:
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/live"):
        pass
    known = {"Authorization": "Bearer t0ken"}
    with client.websocket_connect("/live", headers=known) as socket:
        assert socket.receive_text() == "shown"
