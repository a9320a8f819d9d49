"""Receivers of webhooks: which calls are taken for the server's, and what is answered."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
from collections.abc import Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from indentapi.webhook import MAX_BODY, Access, Receiver, SignatureError, Status, Update, verify

VECTORS = json.loads((Path(__file__).parents[4] / "spec/webhook/vectors.json").read_text())
CASES: list[dict[str, Any]] = [c for c in VECTORS["verify"] if not c.get("ed25519")]
NOW = 1614265330

ADA = {"id": "ada@example.com", "kind": "user"}
DB = {"id": "db", "kind": "database"}
ASKED = {"event": "access/request", "resources": [ADA, DB]}
GIVE = {
    "event": "access/grant",
    "meta": {"labels": {"indent.com/time/expires": "2030-01-02T03:04:05Z"}},
    "actor": {"id": "bob@example.com"},
    "resources": [ADA, DB],
}
TAKE = {"event": "access/revoke", "resources": [ADA, DB]}


@pytest.mark.parametrize("case", CASES, ids=[c["name"] for c in CASES])
def test_signatures(case: dict[str, Any]) -> None:
    now = datetime.fromisoformat(case["now"].replace("Z", "+00:00")).timestamp()
    original = case.get("acceptOriginal", False)

    def check() -> None:
        body = case["body"].encode()
        verify(case["secrets"], case["headers"], body, accept_original=original, now=now)

    if case["ok"]:
        check()
        return
    with pytest.raises(SignatureError) as refused:
        check()
    assert not any(s in str(refused.value) for s in case["secrets"] if len(s) > 6)


def test_there_are_cases_of_both_kinds() -> None:
    assert len(CASES) > 30
    assert {c["ok"] for c in CASES} == {True, False}


def test_an_old_call_is_refused_by_the_machines_clock() -> None:
    case = CASES[0]
    with pytest.raises(SignatureError, match="5 minutes"):
        verify(case["secrets"], case["headers"], case["body"].encode())


def test_one_secret_is_not_a_list_of_its_letters() -> None:
    with pytest.raises(TypeError):
        verify("secret", {}, b"")
    with pytest.raises(TypeError):
        Receiver("secret")


def signed(body: bytes) -> dict[str, str]:
    mac = hmac.new(b"secret", f"msg_1.{NOW}.".encode() + body, hashlib.sha256).digest()
    return {
        "Webhook-Id": "msg_1",
        "Webhook-Timestamp": str(NOW),
        "Webhook-Signature": "v1," + base64.b64encode(mac).decode(),
    }


def ask(receiver: Receiver, call: object) -> tuple[int, Any]:
    body = json.dumps(call).encode()
    code, answer = receiver.handle(signed(body), body, now=NOW)
    return code, json.loads(answer)


def test_a_receiver_answers_the_calls() -> None:
    updates: list[Update] = []
    receiver = Receiver(
        ["secret"],
        apply=updates.append,
        pull=lambda kinds, flags: [{"id": kinds[0] + flags["a"], "kind": "role"}],
        decide=lambda events: [{"event": "access/approve", "reason": str(len(events))}],
        name="postgres",
    )
    done = {"code": 0}
    info = {
        "name": "postgres",
        "capabilities": ["GetInfo", "PullUpdate", "GetDecision", "ApplyUpdate"],
    }
    assert ask(receiver, {"info": True}) == (200, {"status": {"code": 0, "details": [info]}})
    assert ask(receiver, {"kinds": ["x"], "flags": {"a": "1"}}) == (
        200,
        {"status": done, "resources": [{"id": "x1", "kind": "role"}]},
    )
    claim = {"event": "access/approve", "reason": "1"}
    assert ask(receiver, {"events": [ASKED]}) == (200, {"status": done, "claims": [claim]})
    assert ask(receiver, {"events": [ASKED, GIVE]}) == (200, {"status": done})
    assert ask(receiver, {"events": [ASKED, GIVE, TAKE]}) == (200, {"status": done})
    granted, revoked = updates
    assert (granted.id, granted.grant, granted.user, granted.target) == ("msg_1", True, ADA, DB)
    assert granted.expires == datetime(2030, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
    assert granted.command["actor"]["id"] == "bob@example.com"
    assert (revoked.grant, revoked.expires, len(revoked.events)) == (False, None, 3)


def test_a_receiver_takes_the_original_way_when_told() -> None:
    case = next(c for c in CASES if c["name"] == "the original way alone")
    now = datetime.fromisoformat(case["now"].replace("Z", "+00:00")).timestamp()
    for told, status in ((False, 401), (True, 500)):  # 500: it is no call that a receiver knows
        receiver = Receiver(case["secrets"], accept_original=told)
        assert receiver.handle(case["headers"], case["body"].encode(), now=now)[0] == status


def test_a_receiver_tells_who_has_access() -> None:
    ends = datetime(2030, 1, 2, 3, 4, 5, tzinfo=timezone.utc)

    def state(user: Mapping[str, Any], target: Mapping[str, Any]) -> Access:
        if target["id"] != "db":
            raise Status(5, "there is no such role")
        return Access(True, ends) if user["id"] == "ada@example.com" else Access(False)

    receiver = Receiver(["secret"], state=state)
    has = {"status": {"code": 0}, "access": True, "expireTime": "2030-01-02T03:04:05+00:00"}
    assert ask(receiver, {"state": {"resources": [ADA, DB]}}) == (200, has)
    eve = {"id": "eve"}
    has_not = {"status": {"code": 0}, "access": False}
    assert ask(receiver, {"state": {"resources": [eve, DB]}}) == (200, has_not)
    assert ask(receiver, {"state": {"resources": [ADA, ADA]}})[1]["status"]["code"] == 5
    wrong: list[Any] = [{}, None, [ADA], ["a", "b"], [ADA, DB, DB]]
    for resources in wrong:
        bad: dict[str, Any] = {"resources": resources}
        assert ask(receiver, {"state": bad})[1]["status"]["code"] == 3
    assert ask(receiver, {"state": True})[1]["status"]["code"] == 3
    without = Receiver(["secret"])
    assert ask(without, {"state": {"resources": [ADA, DB]}})[1]["status"]["code"] == 12
    details = ask(receiver, {"info": True})[1]["status"]["details"]
    assert details[0]["capabilities"] == ["GetInfo", "GetState"]


@pytest.mark.parametrize("said", [None, True, Access(None), Access(True, datetime(2030, 1, 1))])  # type: ignore[arg-type]
def test_what_is_no_answer_is_not_read_as_no_access(said: Any) -> None:
    receiver = Receiver(["secret"], state=lambda user, target: said)
    code, answer = ask(receiver, {"state": {"resources": [ADA, DB]}})
    assert (code, answer["status"]["code"]) == (500, 2)


def test_what_a_receiver_cannot_do_is_said() -> None:
    told: list[Exception] = []

    def apply(update: Update) -> None:
        raise Status(5, "no such role")

    def decide(events: object) -> list[dict[str, str]]:
        raise RuntimeError("password of the database")

    receiver = Receiver(["secret"], apply=apply, decide=decide, failed=told.append)
    refused = {"code": 5, "message": "no such role"}
    assert ask(receiver, {"events": [GIVE]}) == (500, {"status": refused})
    code, answer = ask(receiver, {"events": [ASKED]})
    assert (code, answer["status"]["code"]) == (500, 2)
    assert "password" not in str(answer)
    assert [str(e) for e in told] == ["password of the database"]
    calls: list[tuple[object, int]] = [
        ({"kinds": []}, 12),
        ({}, 12),
        ({"events": []}, 12),
        ({"events": ["x"]}, 3),
        ([], 3),
        (None, 3),
    ]
    for call, code in calls:
        assert ask(receiver, call)[1]["status"]["code"] == code
    assert ask(receiver, {"events": [GIVE, ASKED]})[1]["status"]["code"] == 3
    assert ask(receiver, {"events": [{**GIVE, "resources": [ADA]}]})[1]["status"]["code"] == 3
    endless = {**GIVE, "meta": {"labels": {"indent.com/time/expires": "tomorrow"}}}
    assert ask(receiver, {"events": [endless]})[1]["status"]["code"] == 3
    with pytest.raises(ValueError, match="1 to 16"):
        Status(0, "fine")


@pytest.mark.parametrize("fraction", ["", ".5", ".123456", ".123456789"])
def test_the_end_of_a_grant_is_read_in_every_form(fraction: str) -> None:
    updates: list[Update] = []
    ends = {"labels": {"indent.com/time/expires": f"2030-01-02T03:04:05{fraction}Z"}}
    receiver = Receiver(["secret"], apply=updates.append)
    assert ask(receiver, {"events": [{**GIVE, "meta": ends}]})[0] == 200
    assert updates[0].expires
    assert updates[0].expires.replace(microsecond=0).isoformat() == "2030-01-02T03:04:05+00:00"


def test_it_serves_as_wsgi() -> None:
    receiver = Receiver(["secret"])
    body = b'{"info":true}'
    heads: list[tuple[str, list[tuple[str, str]]]] = []

    def start(status: str, headers: list[tuple[str, str]]) -> None:
        heads.append((status, headers))

    def environ(body: bytes, length: str) -> dict[str, Any]:
        headers = {f"HTTP_{n.upper().replace('-', '_')}": v for n, v in signed(body).items()}
        return {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": length, **headers}

    # the call is of long ago: the machine's clock says so
    assert b"5 minutes" in b"".join(receiver(environ(body, str(len(body))), start))
    assert heads[0][0] == "401 Unauthorized"
    large = b" " * (MAX_BODY + 1)
    assert b"larger" in b"".join(receiver(environ(large, str(len(large))), start))
    assert heads[1][0] == "500 Internal Server Error"
    assert b'"code": 16' in b"".join(receiver(environ(body, "x"), start))
    assert ("Content-Type", "application/json") in heads[2][1]
