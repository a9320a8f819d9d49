"""How Python values are written on the wire: durations, times, labels, parts of paths."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, TypeAlias, cast
from urllib.parse import quote

Duration: TypeAlias = float | timedelta | str
"""Seconds, a timedelta, or a Go duration such as `"1h30m"`, `"90s"` or `"250ms"`."""


def segment(name: str) -> str:
    """A name as one segment of a path. Nothing that is sent as a name reaches another route."""
    if name in ("", ".", "..") or len(name) > 1024:
        raise ValueError(f"{name[:80]!r} cannot be a name")
    return quote(name, safe="@")


def seconds(duration: Duration) -> str:
    """A duration as `defaultDuration` has it.

    >>> seconds(3600), seconds(timedelta(minutes=1.5)), seconds("1h30m")
    ('3600s', '90s', '5400s')
    """
    if isinstance(duration, str):
        duration = _parsed(duration)
    return f"{_plain(duration)}s"


def go_duration(duration: Duration) -> str:
    """A duration as labels and query parameters have it.

    >>> go_duration(30), go_duration(0.25), go_duration(timedelta(hours=3)), go_duration("1h30m")
    ('30s', '250ms', '10800s', '1h30m')
    """
    if isinstance(duration, str):
        return duration
    value = _plain(duration)
    return f"{_plain(float(value) * 1000)}ms" if 0 < float(value) < 1 else f"{value}s"


_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6}


def _parsed(text: str) -> float:
    """Seconds of a Go duration."""
    number_and_unit = r"(\d+(?:\.\d+)?)(h|ms|us|µs|m|s)"
    if not re.fullmatch(f"(?:{number_and_unit})+", text):
        raise ValueError(f"{text[:80]!r} is not a duration such as '1h30m'")
    return sum(float(n) * _UNITS[unit] for n, unit in re.findall(number_and_unit, text))


def _plain(duration: float | timedelta) -> str:
    value = duration.total_seconds() if isinstance(duration, timedelta) else duration
    # neither 1e-05 nor 30.0, and nothing finer than a microsecond
    text = f"{Decimal(str(round(value, 6))):f}"
    return re.sub(r"\.0*$|(\.\d*?)0+$", r"\1", text)


def moment(time: datetime | str) -> str:
    """A time as the API has it: RFC 3339 in UTC.

    >>> moment(datetime(2026, 1, 31, 12, tzinfo=timezone.utc))
    '2026-01-31T12:00:00Z'
    """
    if isinstance(time, str):
        return time
    if time.tzinfo is None:
        raise ValueError("a time needs a time zone: datetime(…, tzinfo=timezone.utc)")
    return time.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")


def sent(**fields: Any) -> dict[str, Any]:
    """The fields that have a value."""
    return {name: value for name, value in fields.items() if value is not None}


def query(**fields: str | float | bool | None) -> dict[str, str]:
    """Query parameters: those that have a value, as text."""
    return {name: _text(value) for name, value in fields.items() if value not in (None, "", False)}


def _text(value: str | float | bool | None) -> str:
    return "true" if value is True else str(value)


def resources(given: Iterable[Mapping[str, Any]] | None) -> list[dict[str, Any]] | None:
    """Resources as they are sent: fields that are empty are left out, as the server does."""
    if given is None:
        return None
    if isinstance(given, Mapping | str):
        raise TypeError("resources is a list of resources: [{'kind': …, 'id': …}]")
    return [resource(r) for r in given]


def resource(given: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in given.items() if v not in (None, "", [], {})}


def json_object(given: Mapping[str, Any] | None, at: str) -> dict[str, Any] | None:
    """A deep copy, so that what is sent is what was meant when it was sent.

    Raises TypeError, naming the place, for what JSON cannot carry unchanged.
    """
    return None if given is None else cast("dict[str, Any]", _json(given, at))


def _json(value: object, at: str) -> object:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Mapping):
        pairs = cast("Mapping[object, object]", value)
        for key in pairs:
            if not isinstance(key, str):
                raise TypeError(f"{at} has the key {key!r}: keys are text in JSON")
        return {key: _json(v, f"{at}.{key}") for key, v in pairs.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        items = cast("Sequence[object]", value)
        return [_json(v, f"{at}[{i}]") for i, v in enumerate(items)]
    raise TypeError(
        f"{at} is a {type(value).__name__}, which JSON cannot carry: send text, numbers, "
        "True, False, None, lists or dicts of them"
    )


def key(given: str) -> str:
    """An idempotency key, checked: it travels in a header."""
    if not re.fullmatch(r"[!-~]{1,200}", given):
        raise ValueError("an idempotency key is 1 to 200 visible ASCII characters, such as a UUID")
    return given


def printable(text: str) -> str:
    r"""`text` with everything escaped that could command a terminal or fake a line of a log.

    >>> printable("green \x1b[32m") == "green \\x1b[32m"
    True
    """
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)
