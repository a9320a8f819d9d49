"""Grants: what is sent, page by page, and what is made of it."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from fake_indent import SPACE, TOKEN, FakeIndent
from indentapi import APIResponseError, AsyncIndentAPI, IndentAPI

BASE = f"/v1/spaces/{SPACE}"


@pytest.fixture
def indent(fake: FakeIndent) -> IndentAPI:
    return IndentAPI(SPACE, TOKEN, transport=fake.transport())


def page(token: str, *names: str) -> dict[str, object]:
    return {"petitions": [{"petition": name} for name in names], "nextPageToken": token}


def test_a_time_is_sent_in_utc(fake: FakeIndent, indent: IndentAPI) -> None:
    fake.answer({"grants": [{"petition": "p1", "startTime": "2026-01-31T12:00:00Z"}]})
    at = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
    (grant,) = indent.grant.list(person="me", at=at, upcoming=True)
    assert fake.requests[0].path == f"{BASE}/grants"
    assert fake.requests[0].query == {
        "person": "me",
        "at": "2026-01-31T12:00:00Z",
        "upcoming": "true",
    }
    assert grant["resource"]["id"] == ""
    assert "endTime" not in grant


def test_a_beginning_is_sent_in_utc(fake: FakeIndent, indent: IndentAPI) -> None:
    at = datetime(2026, 1, 31, 12, tzinfo=timezone.utc)
    indent.petition.create(reason="r", resources=[{"id": "x"}], start_time=at)
    body = fake.requests[0].body
    assert body
    assert body["petition"]["startTime"] == "2026-01-31T12:00:00Z"


def test_all_pages_are_revoked_each_petition_once(fake: FakeIndent, indent: IndentAPI) -> None:
    fake.answer(page("more", "p1", "p2"))
    fake.answer(page("", "p2", "p3"))
    revoked = indent.grant.revoke(person="ada@example.com", reason="Ada has left")
    assert [r["petition"] for r in revoked] == ["p1", "p2", "p3"]
    assert revoked[0]["refused"] == ""
    assert [r.body for r in fake.requests] == [
        {"person": "ada@example.com", "reason": "Ada has left", "pageSize": 200},
        {
            "person": "ada@example.com",
            "reason": "Ada has left",
            "pageToken": "more",
            "pageSize": 200,
        },
    ]


def test_nothing_is_revoked_for_nobody(fake: FakeIndent, indent: IndentAPI) -> None:
    with pytest.raises(ValueError, match="name a person or a resource"):
        indent.grant.revoke(reason="everything")
    assert not fake.requests


def test_a_page_that_comes_again_and_again_is_refused(fake: FakeIndent, indent: IndentAPI) -> None:
    fake.answer(page("more", "p1"))
    fake.answer(page("more", "p1"))
    with pytest.raises(APIResponseError, match="again and again"):
        indent.grant.revoke(resource="production", preview=True)


@pytest.mark.anyio
async def test_awaited(fake: FakeIndent) -> None:
    fake.answer({"grants": []})
    fake.answer(page("more", "p1"))
    fake.answer(page("", "p2"))
    async with AsyncIndentAPI(SPACE, TOKEN, transport=fake.transport()) as indent:
        assert not await indent.grant.list(resource="production")
        assert len(await indent.grant.revoke(resource="production", preview=True)) == 2
