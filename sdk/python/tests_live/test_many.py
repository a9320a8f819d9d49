"""Hundreds of approvals at once in one process, against a real server."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Generator

import anyio
import httpx
import pytest
from approvals import ApprovalDenied, ApprovalError, ApprovalEvent, ApprovalUnavailable, approval
from counting_proxy import CountingProxy, counting_proxy
from indentapi import IndentAPI
from live_server import LiveServer

MANY = 200
PATIENCE = 60
"""Seconds after which a test gives up; none of them waits for it."""
DOOR = [{"kind": "door", "id": "front"}]


@pytest.fixture
def proxy(own_server: LiveServer, monkeypatch: pytest.MonkeyPatch) -> Generator[CountingProxy]:
    """The way to the server, which the settings name."""
    with counting_proxy(own_server.url) as proxy:
        for name, value in {**own_server.requester, "INDENT_API_URL": proxy.url}.items():
            monkeypatch.setenv(name, value)
        yield proxy


class Crowd:
    """Approvals that are awaited at once."""

    def __init__(self, server: LiveServer) -> None:
        self.asked: list[str] = []
        self.granted: list[str] = []
        self.failed: list[ApprovalError] = []
        self._server = server

    @contextlib.asynccontextmanager
    async def waiting(self, many: int = MANY) -> AsyncGenerator[None]:
        """Inside, all wait; it ends when all have come to an end."""
        async with anyio.create_task_group() as group:
            for n in range(many):
                group.start_soon(self._one, f"number {n}")
            with anyio.fail_after(PATIENCE):
                while len(self.asked) < many:
                    await anyio.sleep(0.02)
                await self.attended_to()
            yield

    async def attended_to(self) -> None:
        """Returns when a stream stands."""
        async with httpx.AsyncClient(base_url=self._server.url) as client:
            while "\nindent_api_petition_streams 0\n" in (await client.get("/metrics")).text:
                await anyio.sleep(0.02)

    async def _one(self, reason: str) -> None:
        try:
            made = await approval(reason=reason, resources=DOOR, timeout=None, on_event=self._see)
            assert made.reason == reason, "each is told of its own"
            self.granted.append(made.name)
        except ApprovalError as error:
            self.failed.append(error)

    def _see(self, event: ApprovalEvent) -> None:
        if event.kind == "requested":
            self.asked.append(event.petition["name"])

    async def decide(self) -> None:
        """Every second one is granted, the others are denied."""
        await anyio.to_thread.run_sync(self._decide)

    def _decide(self) -> None:
        with self._server.client(self._server.reviewer) as reviewer:
            for n, name in enumerate(self.asked):
                (reviewer.petition.deny if n % 2 else reviewer.petition.approve)(name)

    def all_as_decided(self, reviewer: IndentAPI) -> None:
        assert sorted(self.granted) == sorted(self.asked[::2])
        denied = [e.petition["name"] for e in self.failed if isinstance(e, ApprovalDenied)]
        assert sorted(denied) == sorted(self.asked[1::2])
        assert len(reviewer.petition.list(page_size=200)) == len(self.asked), "none is doubled"


@pytest.mark.anyio
async def test_over_a_few_connections(own_server: LiveServer, proxy: CountingProxy) -> None:
    crowd = Crowd(own_server)
    async with crowd.waiting():
        await crowd.decide()
    assert proxy.most <= 20
    with own_server.client(own_server.reviewer) as reviewer:
        crowd.all_as_decided(reviewer)


@pytest.mark.anyio
@pytest.mark.parametrize("end", ["kill", "stop"])
async def test_a_server_that_ends_and_comes_back(
    own_server: LiveServer, proxy: CountingProxy, end: str
) -> None:
    crowd = Crowd(own_server)
    async with crowd.waiting():
        await anyio.to_thread.run_sync(getattr(own_server, end))
        assert not crowd.granted + crowd.failed, "nobody has decided"
        await anyio.to_thread.run_sync(own_server.start)
        await crowd.decide()
    with own_server.client(own_server.reviewer) as reviewer:
        crowd.all_as_decided(reviewer)


@pytest.mark.anyio
async def test_a_token_that_is_revoked_in_the_middle(
    own_server: LiveServer, proxy: CountingProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    with own_server.client(own_server.reviewer) as owner:
        made = owner.token.create(service_account_id="quickstart", display_name="short-lived")
        monkeypatch.setenv("INDENT_API_TOKEN", made.get("refreshToken", ""))
        crowd = Crowd(own_server)
        async with crowd.waiting(20):
            owner.token.delete(made["meta"]["name"])
            await anyio.to_thread.run_sync(own_server.stop)
            await anyio.to_thread.run_sync(own_server.start)  # all come back, and may not
        assert crowd.granted == []
        assert {type(e) for e in crowd.failed} == {ApprovalUnavailable}
        assert all("401" in str(e) for e in crowd.failed)
