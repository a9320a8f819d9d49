"""`@requires_approval`: what runs is what was approved, or it does not run."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any

import pytest
from approvals import ApprovalDenied, ApprovalMismatch, Resource, requires_approval
from fake_indent import SPACE, TOKEN, FakeIndent
from indentapi import AsyncIndentAPI, IndentAPI

TOOL = [Resource(kind="tool", id="deploy")]


@pytest.fixture
def client(fake: FakeIndent) -> IndentAPI:
    fake.on_create = fake.grant
    return IndentAPI(SPACE, TOKEN, transport=fake.transport())


def sent(fake: FakeIndent) -> dict[str, Any]:
    return fake.requests[0].body["petition"]


def gate(client: IndentAPI, **more: Any) -> Callable[[Any], Any]:
    return requires_approval(reason="why", resources=TOOL, client=client, quiet=True, **more)


def test_the_arguments_are_what_is_approved(fake: FakeIndent, client: IndentAPI) -> None:
    @gate(client, params=True)
    def deploy(service: str, /, version: int, *parts: str, dry: bool = False, **more: int) -> str:
        """Deploys."""
        return f"{service} {version} {parts} {dry} {more}"

    assert deploy("api", 3, "a", "b", x=1) == "api 3 ('a', 'b') False {'x': 1}"
    assert sent(fake)["params"] == {
        "service": "api",
        "version": 3,
        "parts": ["a", "b"],
        "dry": False,
        "x": 1,
    }
    assert (deploy.__name__, deploy.__doc__) == ("deploy", "Deploys.")


@pytest.mark.anyio
async def test_a_function_with_async(fake: FakeIndent) -> None:
    def reason(ticket: str) -> str:
        return f"ticket {ticket}"

    def resources(**call: Any) -> list[Resource]:
        return [Resource(kind="user", id=str(call["user"]))]

    fake.on_create = fake.grant
    async with AsyncIndentAPI(SPACE, TOKEN, transport=fake.transport()) as client:

        @requires_approval(
            reason=reason,
            resources=resources,
            params=lambda user: {"user": user},  # pyright: ignore
            duration=60,
            labels={"team": "core"},
            idempotency_key=lambda ticket: f"key-{ticket}",  # pyright: ignore
            client=client,
            quiet=True,
        )
        async def reset(user: int, ticket: str = "T-1") -> str:
            return f"reset {user}"

        assert await reset(5) == "reset 5"
    assert sent(fake) == {
        "reason": "ticket T-1",
        "resources": [{"kind": "user", "id": "5"}],
        "params": {"user": 5},
        "defaultDuration": "60s",
        "meta": {"labels": {"team": "core"}},
    }
    assert fake.requests[0].headers["idempotency-key"] == "key-T-1"


def test_methods_leave_themselves_out(fake: FakeIndent, client: IndentAPI) -> None:
    class Deployer:
        @gate(client, params=True)
        def deploy(self, version: int) -> int:
            return version

    assert Deployer().deploy(3) == 3
    assert sent(fake)["params"] == {"version": 3}


def test_by_default_no_arguments_are_sent(fake: FakeIndent, client: IndentAPI) -> None:
    gate(client)(lambda password: None)("secret")  # pyright: ignore
    assert "params" not in sent(fake)


def test_a_denial_is_raised_and_the_function_does_not_run(
    fake: FakeIndent, client: IndentAPI
) -> None:
    ran: list[int] = []
    fake.on_create = lambda name: fake.decide(name, "access/deny")
    with pytest.raises(ApprovalDenied):
        gate(client)(lambda: ran.append(1))()
    assert ran == []


def test_arguments_that_change_meanwhile_are_not_run(fake: FakeIndent, client: IndentAPI) -> None:
    ran: list[list[int]] = []
    users = [1, 2]

    def grant(name: str) -> None:
        users.append(3)
        fake.grant(name)

    fake.on_create = grant
    guarded = gate(client, params=True)(lambda users: ran.append(users))  # pyright: ignore
    with pytest.raises(ApprovalMismatch, match="have changed"):
        guarded(users)
    assert ran == []


def test_what_cannot_be_sent_is_not_run(fake: FakeIndent, client: IndentAPI) -> None:
    with pytest.raises(TypeError, match=r"params\.connection is a object"):
        gate(client, params=True)(lambda connection: None)(object())  # pyright: ignore
    with pytest.raises(TypeError, match="missing a required argument"):
        gate(client)(lambda user: None)()  # pyright: ignore
    assert fake.requests == []


def test_a_name_that_the_function_lacks_is_refused_at_once(client: IndentAPI) -> None:
    def reason(ticket: str, user: int = 0, **more: int) -> str:
        return ticket

    decorate = requires_approval(reason=reason, resources=TOOL, client=client)
    with pytest.raises(TypeError, match="reason asks for the argument 'ticket'"):
        decorate(lambda user: None)  # pyright: ignore
    assert decorate(lambda **call: None)  # pyright: ignore


def test_generators_are_refused(client: IndentAPI) -> None:
    def numbers() -> Generator[int]:
        yield 1

    async def later() -> AsyncGenerator[int]:
        yield 1

    for function in (numbers, later):
        with pytest.raises(TypeError, match="is a generator"):
            gate(client)(function)
