"""What each method sends, and what it makes of the answer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from fake_indent import SPACE, TOKEN, FakeIndent
from indentapi import (
    APIResponseError,
    AsyncIndentAPI,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    IndentAPI,
    NotFoundError,
)

NEW_YEAR = datetime(2030, 1, 1, tzinfo=timezone.utc)
DOOR = {"kind": "door", "id": "front"}
BASE = f"/v1/spaces/{SPACE}"


@pytest.fixture
def indent(fake: FakeIndent) -> IndentAPI:
    return IndentAPI(SPACE, TOKEN, transport=fake.transport())


def test_every_call_carries_who_and_where(fake: FakeIndent, indent: IndentAPI) -> None:
    indent.space.get()
    headers = fake.requests[0].headers
    assert headers["authorization"] == f"Bearer {TOKEN}"
    assert headers["indent-space"] == SPACE
    assert headers["user-agent"].startswith("indentapi-python/")
    assert "content-type" not in headers


def test_the_quickstart(fake: FakeIndent, indent: IndentAPI) -> None:
    resources = indent.resource.list(view="requestable")
    pet = indent.petition.create(
        reason="to debug production",
        resources=[r for r in resources if r["displayName"] == "Production"],
    )
    assert f"{pet['spaceName']}/{pet['name']}" == f"acmecorp/{next(iter(fake.petitions))}"
    assert indent.petition.url(pet) == f"http://127.0.0.1:8080/access/acmecorp/{pet['name']}"
    assert fake.requests[0].query == {"view": "requestable"}


def test_a_petition_is_sent_as_the_api_has_it(fake: FakeIndent, indent: IndentAPI) -> None:
    indent.petition.create(
        reason="why",
        resources=[{**DOOR, "displayName": "", "labels": {}}],
        petitioners=[{"id": "ada@acmecorp.example"}],
        params={"n": 1, "list": (1, 2), "deep": {"x": None}},
        duration=timedelta(hours=1),
        labels={"team": "core"},
        wait_for_reviewable=False,
        idempotency_key="once",
    )
    request = fake.requests[0]
    assert (request.method, request.path) == ("POST", f"{BASE}/petitions")
    assert request.headers["idempotency-key"] == "once"
    assert request.body == {
        "petition": {
            "reason": "why",
            "resources": [DOOR],
            "petitioners": [{"id": "ada@acmecorp.example"}],
            "params": {"n": 1, "list": [1, 2], "deep": {"x": None}},
            "defaultDuration": "3600s",
            "meta": {"labels": {"team": "core"}},
        },
        "waitForReviewable": False,
    }


def test_what_the_server_leaves_out_is_put_back(indent: IndentAPI) -> None:
    pet = indent.petition.create(reason="why", resources=[DOOR])
    assert pet["resources"][0]["displayName"] == ""
    assert pet["resources"][0]["altIds"] == []
    assert pet["meta"]["labels"] == {}
    assert pet["state"]["eventHistory"] == []
    assert "params" not in pet
    assert "decision" not in pet["state"]


CALLS: list[tuple[Callable[[IndentAPI, Any], object], str, str, Any]] = [
    (lambda i, p: i.petition.get(p["name"]), "GET", "petitions/{name}", None),
    (lambda i, p: i.petition.withdraw(p["name"]), "DELETE", "petitions/{name}", None),
    (
        lambda i, p: i.petition.replace(p["name"], reason="new", resources=[DOOR]),
        "PUT",
        "petitions/{name}",
        {"petition": {"reason": "new", "resources": [DOOR]}},
    ),
    (
        lambda i, p: i.petition.approve(p, duration=timedelta(hours=3)),
        "POST",
        "petitions/{name}/claims",
        {
            "claim": {
                "event": "access/approve",
                "meta": {
                    "labels": {
                        "indent.com/time/duration": "10800s",
                        "indent.com/petition/digest": "{digest}",
                    }
                },
            }
        },
    ),
    (
        lambda i, p: i.petition.approve(p["name"], indefinite=True, reason="ok"),
        "POST",
        "petitions/{name}/claims",
        {
            "claim": {
                "event": "access/approve",
                "reason": "ok",
                "meta": {"labels": {"indent.com/time/indefinite": "true"}},
            }
        },
    ),
    (
        lambda i, p: i.petition.approve(
            p["name"], expires=datetime(2030, 1, 1, tzinfo=timezone.utc)
        ),
        "POST",
        "petitions/{name}/claims",
        {
            "claim": {
                "event": "access/approve",
                "meta": {"labels": {"indent.com/time/expires": "2030-01-01T00:00:00Z"}},
            }
        },
    ),
    (
        lambda i, p: i.petition.deny(p["name"], reason="no", digest="sha256:x"),
        "POST",
        "petitions/{name}/claims",
        {
            "claim": {
                "event": "access/deny",
                "reason": "no",
                "meta": {"labels": {"indent.com/petition/digest": "sha256:x"}},
            }
        },
    ),
    (
        lambda i, p: i.petition.revoke(p["name"]),
        "POST",
        "petitions/{name}/claims",
        {"claim": {"event": "access/revoke"}},
    ),
    (lambda i, p: i.claim.list(p["name"])[:], "GET", "petitions/{name}/claims", None),
    (lambda i, _: i.resource.get("production"), "GET", "resources/production", None),
    (lambda i, _: i.resource.create(DOOR), "POST", "resources", {"resource": DOOR}),
    (
        lambda i, _: i.resource.update("a b/c", DOOR),
        "PUT",
        "resources/a%20b%2Fc",
        {"resource": DOOR},
    ),
    (lambda i, _: i.resource.delete("front"), "DELETE", "resources/front", None),
    (
        lambda i, _: i.resource.bulk_update([DOOR]),
        "PUT",
        "resources:bulkUpdate",
        {"resources": [DOOR]},
    ),
    (lambda i, _: i.resource.bulk_delete(["a"]), "POST", "resources:bulkDelete", {"names": ["a"]}),
    (
        lambda i, _: i.token.create(service_account_id="quickstart", expiry_days=7),
        "POST",
        "tokens",
        {"serviceAccountId": "quickstart", "expiryDays": 7},
    ),
    (lambda i, _: i.token.list()[:], "GET", "tokens", None),
    (
        lambda i, _: i.service_account.create("ci", display_name="CI", role="Viewer"),
        "POST",
        "serviceAccounts",
        {
            "serviceAccount": {
                "serviceAccountId": "ci",
                "role": "Viewer",
                "meta": {"displayName": "CI"},
            }
        },
    ),
    (lambda i, _: i.service_account.list()[:], "GET", "serviceAccounts", None),
]


@pytest.mark.parametrize(("do", "method", "path", "body"), CALLS)
def test_calls(
    fake: FakeIndent,
    indent: IndentAPI,
    do: Callable[[IndentAPI, Any], object],
    method: str,
    path: str,
    body: Any,
) -> None:
    pet = indent.petition.create(reason="why", resources=[DOOR])
    do(indent, pet)
    request = fake.requests[-1]
    assert request.method == method
    assert request.path == f"{BASE}/{path}".replace("{name}", pet["name"])
    assert request.body == _filled(body, pet)


def _filled(body: Any, pet: Any) -> Any:
    if isinstance(body, dict):
        return {k: _filled(v, pet) for k, v in body.items()}  # pyright: ignore
    return pet["digest"] if body == "{digest}" else body


def test_list_queries(fake: FakeIndent, indent: IndentAPI) -> None:
    indent.petition.list(phase="open", search="a b", reviewer="me", full=True, page_size=2)[:]
    assert fake.requests[-1].query == {
        "phase": "open",
        "search": "a b",
        "reviewer": "me",
        "full": "true",
        "pageSize": "2",
    }
    indent.event.list(since=datetime(2026, 1, 1, tzinfo=timezone.utc), ascending=True)[:]
    assert fake.requests[-1].query == {"since": "2026-01-01T00:00:00Z", "ascending": "true"}
    with pytest.raises(ValueError, match="time zone"):
        indent.event.list(since=datetime(2026, 1, 1))


def test_a_refresh_token_is_exchanged_without_ours(fake: FakeIndent, indent: IndentAPI) -> None:
    token = indent.token.exchange("ind_x")
    assert token.get("accessToken") == "short.lived.token"
    request = fake.requests[0]
    assert request.body == {"grantType": "refresh_token", "refreshToken": "ind_x"}
    assert "authorization" not in request.headers


@pytest.mark.parametrize("text", ["", "1", "1d", "-1h", "1h x", "h"])
def test_what_is_no_duration_is_not_sent(indent: IndentAPI, text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        indent.petition.create(reason="why", resources=[DOOR], duration=text)


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_name_never_reaches_another_route(indent: IndentAPI, name: str) -> None:
    with pytest.raises(ValueError, match="cannot be a name"):
        indent.petition.get(name)


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"a": {1: 2}}, r"params\.a has the key 1"),
        ({"a": [object()]}, r"params\.a\[0\] is a object"),
        ({"a": b"x"}, r"params\.a is a bytes"),
    ],
)
def test_params_that_json_would_change_are_refused(
    fake: FakeIndent, indent: IndentAPI, params: dict[str, Any], says: str
) -> None:
    with pytest.raises(TypeError, match=says):
        indent.petition.create(reason="why", resources=[DOOR], params=params)
    with pytest.raises(ValueError, match="JSON"):
        indent.petition.create(reason="why", resources=[DOOR], params={"a": float("nan")})
    assert fake.requests == []


def test_a_lone_surrogate_reaches_the_server_that_refuses_it(
    fake: FakeIndent, indent: IndentAPI
) -> None:
    indent.petition.create(reason="\ud800", resources=[DOOR])
    assert fake.requests[0].body["petition"]["reason"] == "\ud800"


def test_one_resource_is_no_list_of_resources(indent: IndentAPI) -> None:
    with pytest.raises(TypeError, match="list of resources"):
        indent.petition.create(reason="why", resources=DOOR)  # pyright: ignore
    with pytest.raises(TypeError, match="list of names"):
        indent.resource.bulk_delete("front")


def test_at_most_one_end_of_a_grant(indent: IndentAPI) -> None:
    with pytest.raises(TypeError, match="one of duration, expires and indefinite"):
        indent.petition.approve("x", duration=1, indefinite=True)


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 201])
def test_an_idempotency_key_fits_a_header(indent: IndentAPI, key: str) -> None:
    with pytest.raises(ValueError, match="idempotency key"):
        indent.petition.create(reason="why", resources=[DOOR], idempotency_key=key)


def test_errors_by_status(fake: FakeIndent, indent: IndentAPI) -> None:
    with pytest.raises(BadRequestError) as raised:
        indent.petition.create(reason="why", resources=[{**DOOR, "colour": "red"}])
    error = raised.value
    assert (error.status, error.code, error.field) == (
        400,
        "invalid",
        "petition.resources[0].colour",
    )
    assert str(error) == "petition.resources[0].colour: is not a known field (400 invalid)"
    with pytest.raises(NotFoundError):
        indent.petition.get("nowhere")
    with pytest.raises(AuthenticationError):
        IndentAPI(SPACE, "wrong", transport=fake.transport()).space.get()


def test_a_second_decision_says_who_was_first(indent: IndentAPI) -> None:
    pet = indent.petition.create(reason="why", resources=[DOOR])
    indent.petition.deny(pet)
    with pytest.raises(ConflictError, match=r"already denied by you@acmecorp\.example"):
        indent.petition.approve(pet)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({}, "petition.name is missing"),
        ({"name": "x", "spaceName": "y", "state": {}}, "petition.state.status.phase is missing"),
        ({"name": 1}, "petition.name is int, not str"),
        ({"name": "x", "spaceName": "y", "resources": {}}, "petition.resources is dict, not list"),
        ([], "petition is list, not dict"),
        (b"<html>\x1b[31mhello</html>", r"not JSON: '<html>\\\\x1b\[31mhello"),
        (b'{"name": "a", "name": "b"}', "not JSON"),
        (b'{"name": NaN}', "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"\xff", "not JSON"),
    ],
)
def test_a_malformed_answer_is_no_answer(
    fake: FakeIndent, indent: IndentAPI, body: Any, says: str
) -> None:
    fake.answer(body)
    with pytest.raises(APIResponseError, match=says):
        indent.petition.get("x")


@pytest.mark.anyio
async def test_the_awaited_client_does_the_same(fake: FakeIndent) -> None:
    async with AsyncIndentAPI(SPACE, TOKEN, transport=fake.transport()) as indent:
        pet = await indent.petition.create(reason="why", resources=await indent.resource.list())
        assert (await indent.petition.get(pet["name"]))["name"] == pet["name"]
        claim = await indent.petition.approve(pet)
        assert [c["id"] for c in await indent.claim.list(pet)] == [claim["id"]]
        assert (await indent.petition.wait(pet["name"]))["state"]["status"]["phase"] == "granted"
        await indent.petition.revoke(pet)
        with pytest.raises(ConflictError):
            await indent.petition.deny(pet)
        assert [p["name"] async for p in indent.petition.list()] == [pet["name"]]
        assert len(await indent.event.list()) == 1
        assert (await indent.space.get())["name"] == SPACE
        assert [s["name"] for s in await indent.space.list()] == [SPACE]
        made = await indent.token.create(service_account_id="quickstart")
        assert "refreshToken" not in (await indent.token.list())[0]
        await indent.token.delete(made["meta"]["name"])
        assert "accessToken" in await indent.token.exchange("ind_x")
        account = await indent.service_account.create("ci")
        assert [a["serviceAccountId"] for a in await indent.service_account.list()] == ["ci"]
        assert account["serviceAccountId"] == "ci"
        assert (await indent.resource.get("production"))["displayName"] == "Production"
        assert await indent.resource.update("x", DOOR) == await indent.resource.create(DOOR)
        assert len(await indent.resource.bulk_update([DOOR])) == 1
        await indent.resource.delete("x")
        await indent.resource.bulk_delete(["x"])
        other = await indent.petition.create(reason="why", resources=[DOOR])
        new = await indent.petition.replace(other["name"], reason="new", resources=[DOOR])
        assert (await indent.petition.withdraw(new["name"]))["state"]["status"]["phase"] == "closed"
        assert indent.petition.url(new).endswith(new["name"])
