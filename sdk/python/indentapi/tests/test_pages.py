"""Lists: lazily page by page, and still like a list."""

from __future__ import annotations

import pytest
from fake_indent import SPACE, TOKEN, FakeIndent
from indentapi import APIResponseError, AsyncIndentAPI, IndentAPI, InternalServerError


@pytest.fixture
def seven(fake: FakeIndent) -> FakeIndent:
    fake.resources = [{"id": str(n), "kind": "thing"} for n in range(7)]
    return fake


@pytest.fixture
def indent(seven: FakeIndent) -> IndentAPI:
    return IndentAPI(SPACE, TOKEN, transport=seven.transport(), max_retries=0)


def test_nothing_is_asked_before_it_is_needed(seven: FakeIndent, indent: IndentAPI) -> None:
    things = indent.resource.list(page_size=3)
    assert seven.requests == []
    assert next(iter(things))["id"] == "0"
    assert len(seven.requests) == 1
    assert things[4]["id"] == "4"
    assert len(seven.requests) == 2
    assert [t["id"] for t in things] == list("0123456")
    assert len(seven.requests) == 3
    assert seven.requests[-1].query == {"pageSize": "3", "pageToken": "6"}


def test_it_is_a_sequence(seven: FakeIndent, indent: IndentAPI) -> None:
    things = indent.resource.list(page_size=3)
    assert len(things) == 7
    assert things[-1]["id"] == "6"
    assert [t["id"] for t in things[1:6:2]] == ["1", "3", "5"]
    assert [t["id"] for t in reversed(things)] == list("6543210")
    assert things[0] in things
    assert bool(things)
    with pytest.raises(IndexError):
        things[7]
    assert len(seven.requests) == 3, "what was read is kept"


@pytest.mark.parametrize(
    ("part", "requests"),
    [(slice(2), 1), (slice(1, 3), 1), (slice(3, 4), 2), (slice(-2, None), 3), (slice(None), 3)],
)
def test_a_slice_reads_as_far_as_it_needs(
    seven: FakeIndent, indent: IndentAPI, part: slice, requests: int
) -> None:
    assert [t["id"] for t in indent.resource.list(page_size=3)[part]] == list("0123456")[part]
    assert len(seven.requests) == requests


def test_an_empty_list(seven: FakeIndent, indent: IndentAPI) -> None:
    seven.resources = []
    things = indent.resource.list()
    assert not things
    assert list(things) == []
    assert len(seven.requests) == 1


def test_a_failure_in_the_middle_is_no_end(seven: FakeIndent, indent: IndentAPI) -> None:
    """A list that breaks off must not look like a shorter list."""
    things = indent.resource.list(page_size=3)
    assert things[0]
    seven.fail(500)
    with pytest.raises(InternalServerError):
        list(things)
    assert len(things) == 7, "the next look goes on where it broke off"


def test_a_server_that_turns_in_circles_is_noticed(seven: FakeIndent, indent: IndentAPI) -> None:
    for _ in range(2):
        seven.answer({"resources": [{"id": "x"}], "nextPageToken": "again"})
    with pytest.raises(APIResponseError, match="same page"):
        list(indent.resource.list())


def test_two_walks_at_once(indent: IndentAPI) -> None:
    things = indent.resource.list(page_size=2)
    assert [(a["id"], b["id"]) for a, b in zip(things, things, strict=True)][-1] == ("6", "6")


def test_pages_one_by_one(seven: FakeIndent, indent: IndentAPI) -> None:
    things = indent.resource.list(page_size=3)
    assert [len(page.items) for page in things.pages()] == [3, 3, 1]
    assert "0 read so far" in repr(things), "nothing is kept"


@pytest.mark.anyio
async def test_awaited(seven: FakeIndent) -> None:
    async with AsyncIndentAPI(SPACE, TOKEN, transport=seven.transport()) as indent:
        assert len(await indent.resource.list(page_size=3)) == 7
        async for thing in indent.resource.list(page_size=3):
            assert thing["id"] == "0"
            break
        assert len(seven.requests) == 4
        sizes = [len(p.items) async for p in indent.resource.list(page_size=3).pages()]
        assert sizes == [3, 3, 1]
