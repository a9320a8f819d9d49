"""The format itself: a runner that sees no difference proves nothing."""

from __future__ import annotations

import pytest
from case_format import Json, Sent, Variables, differences, events_of


@pytest.mark.parametrize(
    ("want", "got"),
    [
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": {"b": [1, {"c": 2}]}}, {"a": {"b": [1, {"c": 2, "d": 3}]}}),
        ("<any>", "x"),
        ({"a": "<absent>"}, {}),
        ({"a": "<absent>"}, {"a": ""}),
        ("<uuid>", "11111111-2222-4333-8444-555555555555"),
        ("<time>", "2026-01-31T12:00:00.123456Z"),
        ("<digest>", "sha256:" + "0" * 64),
        ("<token>", "ind_" + "0" * 38),
        ("<jwt>", "a.b.c-_"),
        ("<has Denied by>", "was denied by bob"),
        ({"<some>": [{"a": 1}, {"b": 2}]}, [{"b": 2}, {"a": 1}, {}]),
        ({"<none>": [{"a": 1}]}, [{"a": 2}]),
    ],
)
def test_a_match(want: Json, got: Json) -> None:
    assert differences(want, got) == []


@pytest.mark.parametrize(
    ("want", "got"),
    [
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {}),
        ({"a": 1}, None),
        ({"a": 1}, {"a": True}),
        ([1, 2], [1]),
        ([1], [1, 2]),
        ([1, 2], [2, 1]),
        ([], None),
        ("<any>", ""),
        ({"a": "<any>"}, {}),
        ({"a": "<absent>"}, {"a": "x"}),
        ("<uuid>", "x"),
        ("<time>", "2026-01-31 12:00"),
        ("<digest>", "sha256:0"),
        ("<token>", "ind_"),
        ("<jwt>", "a.b"),
        ("<has bob>", "alice"),
        ("<has bob>", None),
        ({"<some>": [{"a": 1}, {"b": 2}]}, [{"a": 1}]),
        ({"<some>": [{"a": 1}]}, None),
        ({"<none>": [{"a": 1}]}, [{"a": 1, "b": 2}]),
    ],
)
def test_no_match(want: Json, got: Json) -> None:
    assert differences(want, got) != []


def test_variables_and_repetition() -> None:
    variables = Variables({"run": "r1", "pet": {"name": "n", "meta": {"labels": {"x": "y"}}}})
    assert variables.fill(
        {
            "k-${run}": "${pet.name}/${pet.meta.labels.x}",
            "whole": "${pet.meta}",
            "text": {"<times>": 3, "<text>": "ab"},
            "list": {"<times>": 2, "<list>": {"id": "${run}"}},
        }
    ) == {
        "k-r1": "n/y",
        "whole": {"labels": {"x": "y"}},
        "text": "ababab",
        "list": [{"id": "r1"}, {"id": "r1"}],
    }
    with pytest.raises(AssertionError, match="not known"):
        variables.fill("${nobody.name}")


def test_requests() -> None:
    one = Sent.of("GET /a?x=1&y=a+b", {"K": "<any>"}, {"n": 1})
    assert one.differences(Sent.of("GET /a?y=a%20b&x=1", {"k": "v", "more": "x"}, {"n": 1})) == []
    for other in (
        Sent.of("PUT /a?x=1&y=a+b", {"k": "v"}, {"n": 1}),
        Sent.of("GET /b?x=1&y=a+b", {"k": "v"}, {"n": 1}),
        Sent.of("GET /a?x=1", {"k": "v"}, {"n": 1}),
        Sent.of("GET /a?x=1&y=a+b", {}, {"n": 1}),
        Sent.of("GET /a?x=1&y=a+b", {"k": "v"}, {"n": 1, "m": 2}),
    ):
        assert one.differences(other) != []


def test_events_of_a_stream() -> None:
    stream = (
        'retry: 1000\n\n: alive\n\nevent: petition\nid: x\ndata: {"a": "\u2028"}\n\n'
        "event: end\ndata: {}\n\n"
    )
    assert events_of(stream) == [
        {"event": "petition", "id": "x", "data": {"a": "\u2028"}},
        {"event": "end", "data": {}},
    ]
