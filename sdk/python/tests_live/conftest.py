"""A server for the whole run, and one to mistreat for a single test."""

from __future__ import annotations

from collections.abc import Generator

import pytest
from indentapi import IndentAPI
from live_server import LiveServer


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[LiveServer]:
    """The server that tests share; they leave it running."""
    live = LiveServer(tmp_path_factory.mktemp("indent"))
    live.start()
    yield live
    live.stop()


@pytest.fixture
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Generator[LiveServer]:
    """A server that the test may kill and start again."""
    live = LiveServer(tmp_path_factory.mktemp("indent"))
    live.start()
    yield live
    live.kill()


@pytest.fixture
def requester(server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> Generator[IndentAPI]:
    """The one who asks; the environment is its, too."""
    for name, value in server.requester.items():
        monkeypatch.setenv(name, value)
    with server.client(server.requester) as client:
        yield client


@pytest.fixture
def reviewer(server: LiveServer) -> Generator[IndentAPI]:
    """The one who decides."""
    with server.client(server.reviewer) as client:
        yield client
