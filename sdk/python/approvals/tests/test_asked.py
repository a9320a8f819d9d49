"""What is asked: from a dict, from keywords, from both; copied, and compared as JSON."""

from __future__ import annotations

from typing import Any

import pytest
from approvals import Resource, approval_sync
from approvals._asked import asked, same_json

KEYWORDS: dict[str, Any] = dict.fromkeys(
    ("reason", "resources", "petitioners", "params", "duration", "labels")
)


def of(request: dict[str, Any] | None = None, **keywords: Any) -> dict[str, Any]:
    made = asked(request, **(KEYWORDS | keywords))
    return {k: v for k, v in vars(made).items() if v is not None}


def test_a_dict_keywords_or_both() -> None:
    whole: dict[str, Any] = {"reason": "why", "resources": [{"kind": "a", "id": "b"}]}
    assert of(whole) == whole
    assert of(**whole) == whole
    assert of({"reason": "why"}, resources=[Resource(kind="a", id="b")]) == whole


def test_a_petition_as_the_api_has_it_is_taken() -> None:
    got = of({"defaultDuration": "60s", "meta": {"labels": {"team": "core"}}})
    assert got == {"duration": "60s", "labels": {"team": "core"}}


def test_what_is_given_twice_is_refused() -> None:
    with pytest.raises(TypeError, match="reason is given twice"):
        of({"reason": "a"}, reason="b")


def test_an_unknown_field_is_named() -> None:
    with pytest.raises(TypeError, match=r"no field 'timeout'.*keywords beside the dict"):
        of({"timeout": 10})


def test_what_is_missing_is_named() -> None:
    with pytest.raises(TypeError, match="needs a reason and resources"):
        approval_sync({})
    with pytest.raises(TypeError, match="an approval needs resources"):
        approval_sync(reason="why")


def test_it_is_a_copy() -> None:
    params = {"list": [1]}
    resources = [{"kind": "a", "id": "b", "labels": {"x": "y"}}]
    made = asked(None, **(KEYWORDS | {"params": params, "resources": resources}))
    params["list"].append(2)
    resources[0]["id"] = "other"
    assert made.params == {"list": [1]}
    assert made.resources == [{"kind": "a", "id": "b", "labels": {"x": "y"}}]


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (1, 1.0, True),
        (True, 1, False),
        (False, 0, False),
        (None, False, False),
        ("1", 1, False),
        ([1, [2]], [1, [2]], True),
        ([1, 2], [2, 1], False),
        ([1], [1, 2], False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": 1}, {"a": 1, "b": None}, False),
        ({"a": {"b": [True]}}, {"a": {"b": [1]}}, False),
        ({}, None, False),
        ([], {}, False),
    ],
)
def test_the_same_json(a: object, b: object, same: bool) -> None:
    assert same_json(a, b) is same
    assert same_json(b, a) is same
