"""The format of spec/cases, as spec/README.md describes it: variables, repetition, matching."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

CASES = Path(__file__).resolve().parents[3] / "spec" / "cases"

Json = Any


def load() -> list[dict[str, Json]]:
    """All cases, by name."""
    cases = [json.loads(path.read_text()) for path in sorted(CASES.glob("*.json"))]
    assert cases, f"there are no cases in {CASES}"
    return cases


@dataclass
class Variables:
    """What `${…}` stands for."""

    known: dict[str, Json]

    def fill(self, value: Json) -> Json:
        """The value with its variables put in and its repetitions written out."""
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, list):
            return [self.fill(item) for item in cast("list[Json]", value)]
        if isinstance(value, dict):
            pairs = cast("dict[str, Json]", value)
            if "<times>" in pairs:
                return _repeated(self.fill(pairs.get("<text>", pairs.get("<list>"))), pairs)
            return {self.fill(k): self.fill(v) for k, v in pairs.items()}
        return value

    def _text(self, text: str) -> Json:
        if whole := re.fullmatch(r"\$\{([^}]+)\}", text):
            return self._value(whole[1])
        return re.sub(r"\$\{([^}]+)\}", lambda m: str(self._value(m[1])), text)

    def _value(self, path: str) -> Json:
        value: Json = self.known
        for part in path.split("."):
            assert part in value, f"${{{path}}} is not known"
            value = value[part]
        return value


def _repeated(value: Json, how: Mapping[str, Json]) -> Json:
    return value * how["<times>"] if "<text>" in how else [value] * how["<times>"]


_WORDS = {
    "<uuid>": r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}",
    "<time>": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z",
    "<digest>": r"sha256:[0-9a-f]{64}",
    "<token>": r"ind_[0-9A-Za-z]{38}",
    "<jwt>": r"[\w-]+\.[\w-]+\.[\w-]+",
}
EMPTY: tuple[Json, ...] = (None, "", [], {}, 0, False)


def differences(want: Json, got: Json, at: str = "") -> list[str]:
    """Where `got` is not as `want` says; nothing when it matches."""
    if want == "<absent>":
        return [] if got in EMPTY else [f"{at}: {got!r} should not be there"]
    if want == "<any>":
        return [f"{at}: is empty or missing"] if got in EMPTY else []
    if isinstance(want, dict):
        return _in_object(cast("dict[str, Json]", want), got, at)
    if isinstance(want, list):
        return _in_list(cast("list[Json]", want), got, at)
    if isinstance(want, str) and _text_matches(want, got):
        return []
    same = want == got and isinstance(want, bool) == isinstance(got, bool)
    return [] if same else [f"{at}: {_short(got)}, not {_short(want)}"]


def _in_object(want: dict[str, Json], got: Json, at: str) -> list[str]:
    for word, all_found in (("<some>", True), ("<none>", False)):
        if word in want:
            return [
                f"{at}: {'no' if all_found else 'an'} item is {_short(item)}"
                for item in want[word]
                if _contains(got, item) is not all_found
            ]
    if not isinstance(got, Mapping):
        return [f"{at}: {_short(got)} is no object"]
    there = cast("Mapping[str, Json]", got)
    return [d for k, v in want.items() for d in differences(v, there.get(k), f"{at}.{k}")]


def _contains(got: Json, want: Json) -> bool:
    return isinstance(got, list) and any(
        not differences(want, item) for item in cast("list[Json]", got)
    )


def _in_list(want: list[Json], got: Json, at: str) -> list[str]:
    if not isinstance(got, list):
        return [f"{at}: {_short(got)} is no list"]
    there = cast("list[Json]", got)
    if len(want) != len(there):
        return [f"{at}: {len(there)} items, not {len(want)}: {_short(there)}"]
    pairs = enumerate(zip(want, there, strict=True))
    return [d for i, (w, g) in pairs for d in differences(w, g, f"{at}[{i}]")]


def _text_matches(want: str, got: Json) -> bool:
    if not isinstance(got, str):
        return False
    if want in _WORDS:
        return re.fullmatch(_WORDS[want], got) is not None
    if has := re.fullmatch(r"<has (.*)>", want, re.DOTALL):
        return has[1].lower() in got.lower()
    return False


def events_of(stream: str) -> list[dict[str, Json]]:
    """The server-sent events of a stream that has ended, with their data read as JSON."""
    found: list[dict[str, Json]] = []
    for text in stream.split("\n\n"):
        lines = (line.partition(": ") for line in text.split("\n"))
        fields = {name: value for name, _, value in lines if name in ("event", "id", "data")}
        if fields:
            found.append(fields | {"data": json.loads(fields.get("data", "null"))})
    return found


def _short(value: Json) -> str:
    text = repr(value)
    return text if len(text) < 300 else text[:300] + "…"


@dataclass(frozen=True)
class Sent:
    """A request, as a step writes it or as an SDK has sent it."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: Json = None

    @classmethod
    def of(cls, request: str, headers: Mapping[str, str], body: Json) -> Sent:
        """From `"GET /path?query"`."""
        method, _, target = request.partition(" ")
        parts = urlsplit(target)
        query = sorted(parse_qsl(parts.query, keep_blank_values=True))
        return cls(method, parts.path, query, {k.lower(): v for k, v in headers.items()}, body)

    def differences(self, got: Sent) -> list[str]:
        """Where another request is not this one."""
        found = [
            f"the request's {what}: {_short(there)}, not {_short(here)}"
            for what, here, there in (
                ("method", self.method, got.method),
                ("path", self.path, got.path),
                ("query", self.query, got.query),
                ("body", self.body, got.body),
            )
            if here != there
        ]
        return found + differences(dict(self.headers), got.headers, "the request's headers")


def by_hand(value: Json) -> Json:
    """Headers of a step that is sent by hand: a matcher becomes something that it matches."""
    return {k: str(uuid.uuid4()) if v == "<any>" else v for k, v in value.items()}
