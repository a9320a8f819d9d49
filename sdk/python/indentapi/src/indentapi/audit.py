"""Prove that an exported log is what was logged: a verifier written apart from the server's.

`indent audit export` writes what `verify` reads. `python -m indentapi.audit FILE` does it in a
shell, with `--checkpoint` and `--key` as `indent audit verify` has them.

>>> from indentapi.audit import Fault, verify
>>> try:
...     verify([b"{}"])
... except ValueError as e:
...     print(e)
the first line of the export does not name the log
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

from ._note import Key, base64_of, open_note

MAX_EVENT = 1 << 20
"""The most that an event may have, in bytes."""

_MAX_SIZE = 1 << 62


class Fault(Exception):
    """The first thing that is wrong with a log.

    `kind` is one of "changed", "missing", "order", "extra", "cut" and "forked"; `index` is the
    place of the entry, or the size of the log from which on nothing is proved.
    """

    def __init__(self, kind: str, index: int, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.index = index


@dataclass(frozen=True)
class Report:
    """What was proved."""

    origin: str
    entries: int
    root: str
    checkpoints: int
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Checkpoint:
    """What a log says of itself: so many entries, and the hash of their tree."""

    origin: str
    size: int
    root: bytes


def verify(
    lines: Iterable[bytes], *, checkpoints: Sequence[str] = (), keys: Sequence[str] = ()
) -> Report:
    """Prove an export, line by line, or raise `Fault` for the first thing that is wrong.

    `checkpoints` are signed checkpoints that were kept, `keys` those of the log that are known from
    elsewhere; without any the export's own word is taken for them. ValueError is raised for what is
    no export at all, or no key.
    """
    rest = iter(lines)
    head = _head(next(rest, b""))
    trusted = tuple(keys) or head.keys
    known = [Key.read(k) for k in trusted]
    last = _open(head.checkpoint, known, "of the log itself")
    kept = [_open(c, known, "of the checkpoint that was kept") for c in checkpoints]
    all_kept = sorted([last, *kept], key=lambda c: c.size)
    if len({c.origin for c in all_kept}) > 1:
        raise Fault("forked", 0, "there are checkpoints of two logs")
    tree = _Tree()
    proved = _meet(tree, all_kept, 0)
    for line in rest:
        try:
            tree.add(_entry(line, tree.size))
        except _Missing as e:
            raise e.fault(rest) from None
        proved = _meet(tree, all_kept, proved)
    if all_kept:
        raise Fault(
            "cut",
            tree.size,
            f"the log ends after {tree.size} entries, and a checkpoint has {all_kept[-1].size}",
        )
    if tree.size > proved:
        raise Fault("extra", proved, f"entry {proved} and what follows is in no checkpoint")
    root = base64.b64encode(last.root).decode()
    return Report(last.origin, last.size, root, len(kept), trusted)


def read_checkpoint(text: str) -> Checkpoint:
    """Read the text of a checkpoint, whoever signed it; ValueError if it is none."""
    parts = text.split("\n", 3)
    if len(parts) < 4 or not parts[0]:
        raise ValueError("a checkpoint has three lines: a name, a size, a hash")
    digits = parts[1]
    size = int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 20 else -1
    root = base64_of(parts[2], 32)
    if str(size) != digits or size > _MAX_SIZE or root is None:
        raise ValueError(f"{parts[1]!r} and {parts[2]!r} are not the size and the hash of a log")
    return Checkpoint(parts[0], size, root)


def _open(signed: str, keys: list[Key], what: str) -> Checkpoint:
    try:
        checkpoint = read_checkpoint(open_note(signed, keys))
    except ValueError as e:
        raise Fault("forked", 0, f"{what}: the checkpoint is not what it should be: {e}") from None
    if checkpoint.origin not in {k.name for k in keys}:
        raise Fault("forked", 0, f"{what}: it is of {checkpoint.origin}, another log than the keys")
    return checkpoint


def _meet(tree: _Tree, kept: list[Checkpoint], proved: int) -> int:
    """Compare the tree with the checkpoints of its size, which are done with then."""
    while kept and kept[0].size == tree.size:
        if tree.root() != kept.pop(0).root:
            raise Fault(
                "forked",
                proved,
                f"the log has another history than the checkpoint of {tree.size} entries: "
                f"something from entry {proved} on was changed, and the tree was made anew",
            )
        proved = tree.size
    return proved


class _Tree:
    """The perfect trees that make up a Merkle tree (RFC 6962), the greatest first."""

    def __init__(self) -> None:
        self.size = 0
        self._perfect: list[tuple[int, bytes]] = []

    def add(self, leaf: bytes) -> None:
        width, node = 1, leaf
        while self._perfect and self._perfect[-1][0] == width:
            node = _node(self._perfect.pop()[1], node)
            width *= 2
        self._perfect.append((width, node))
        self.size += 1

    def root(self) -> bytes:
        if not self._perfect:
            return hashlib.sha256(b"").digest()
        node = self._perfect[-1][1]
        for _, left in reversed(self._perfect[:-1]):
            node = _node(left, node)
        return node


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


@dataclass(frozen=True)
class _Head:
    keys: tuple[str, ...]
    checkpoint: str


def _head(line: bytes) -> _Head:
    try:
        head = _object(_parsed(line))
        keys = cast("list[Any]", head["keys"])
        if head["origin"] and all(isinstance(k, str) for k in keys):
            return _Head(tuple(cast("list[str]", keys)), _text(head["checkpoint"]))
    except (KeyError, TypeError, ValueError):
        pass
    raise ValueError("the first line of the export does not name the log")


class _Missing(Exception):
    def __init__(self, place: int, instead: int) -> None:
        super().__init__()
        self._place, self._instead = place, instead

    def fault(self, rest: Iterator[bytes]) -> Fault:
        """What is wrong: whether the entry comes later tells what was done."""
        place = self._place
        for line in rest:
            try:
                if _object(_parsed(line)).get("index") == _Number(str(place)):
                    return Fault("order", place, f"entry {place} comes later than it should")
            except ValueError:
                continue
        return Fault(
            "missing", place, f"entry {place} is missing: {self._instead} comes instead of it"
        )


_MEMBERS = {"index", "leafHash", "event", "opening"}
_OPENING = {"seed", "salts", "erased"}


def _entry(line: bytes, place: int) -> bytes:
    """The hash of the leaf on the line, which is the one that stands at the place."""
    try:
        record = _object(_parsed(line))
        opening = _object(record["opening"])
        index = int(str(record["index"]))
        if set(record) - _MEMBERS or set(opening) - _OPENING:
            raise ValueError("it has members that no entry has")
    except (KeyError, TypeError, ValueError) as e:
        raise Fault("changed", place, f"entry {place} cannot be read: {e}") from None
    if index > place:
        raise _Missing(place, index)
    if index < place:
        raise Fault("order", place, f"entry {index} comes where entry {place} should")
    try:
        leaf = _leaf(_object(record["event"]), opening)
    except (KeyError, TypeError, ValueError) as e:
        raise Fault("changed", place, f"entry {place} is not what was logged: {e}") from None
    digest = hashlib.sha256(b"\0" + leaf).digest()
    if base64.b64encode(digest).decode() != record.get("leafHash"):
        raise Fault("changed", place, f"entry {place} is not what was logged")
    return digest


def _leaf(event: dict[str, Any], opening: dict[str, Any]) -> bytes:
    """The leaf's bytes: canonical JSON of what is public, and of a commitment to each field."""
    if len(_canonical(event)) > MAX_EVENT:
        raise ValueError("the event is too long")
    public = {name: _text(event[name]) for name in ("event", "id", "timestamp")}
    if not all(public.values()):
        raise ValueError("the event has no event, id or timestamp")
    fields = {p: v for p, v in _fields(event) if p not in ("/event", "/id", "/timestamp")}
    salts: Any = opening.get("salts") or cast("Any", {})
    erased: Any = opening.get("erased") or cast("Any", [])
    commitments: list[bytes] = []
    if salts or erased:
        if opening.get("seed") or set(_object(salts)) != set(fields):
            raise ValueError("the salts are not those of the event's fields")
        commitments = [_bytes(c, 32) for c in cast("list[Any]", erased)]
        commitments += [_commitment(_bytes(salts[p], 16), p, v) for p, v in fields.items()]
    else:
        seed = _bytes(opening.get("seed"), 32)
        for pointer, value in fields.items():
            salt = hashlib.sha256(seed + pointer.encode()).digest()[:16]
            commitments.append(_commitment(salt, pointer, value))
    listed = [base64.b64encode(c).decode() for c in sorted(commitments)]
    return _canonical({"commitments": listed, **public, "v": _Number("1")}).encode()


def _commitment(salt: bytes, pointer: str, value: Any) -> bytes:
    return hashlib.sha256(salt + _canonical([pointer, value]).encode()).digest()


def _fields(event: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The parts that an event is committed to in, by JSON Pointer (RFC 6901)."""
    for name, value in event.items():
        pointer = _pointer("", name)
        if pointer == "/meta" and isinstance(value, dict):
            for inner, part in cast("dict[str, Any]", value).items():
                if inner == "labels" and isinstance(part, dict):
                    for label, text in cast("dict[str, Any]", part).items():
                        yield _pointer("/meta/labels", label), text
                else:
                    yield _pointer("/meta", inner), part
        elif pointer == "/resources" and isinstance(value, list):
            for i, part in enumerate(cast("list[Any]", value)):
                yield f"/resources/{i}", part
        else:
            yield pointer, value


def _pointer(at: str, name: str) -> str:
    return at + "/" + name.replace("~", "~0").replace("/", "~1")


class _Number(str):
    """A number as it is written."""

    __slots__ = ()


def _parsed(line: bytes) -> Any:
    """What the line says; ValueError if it is no JSON, or says something twice."""

    def members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            raise ValueError("an object has two members of one name")
        return found

    def never(text: str) -> Any:
        raise ValueError(f"{text} is no JSON")

    text = line.decode()  # a UnicodeDecodeError is a ValueError
    try:
        value = json.loads(
            text,
            object_pairs_hook=members,
            parse_int=_Number,
            parse_float=_Number,
            parse_constant=never,
        )
        json.dumps(value, ensure_ascii=False).encode()  # a surrogate alone is no text
    except RecursionError:
        raise ValueError("it is too deep") from None
    return value


def _canonical(value: Any) -> str:
    """RFC 8785."""
    if isinstance(value, _Number):
        return _canonical_number(value)
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        order = sorted(members, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(f"{_quoted(n)}:{_canonical(members[n])}" for n in order) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_canonical, cast("list[Any]", value))) + "]"
    return _quoted(value)


def _quoted(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _canonical_number(text: str) -> str:
    """As ECMAScript writes the double that is nearest (RFC 8785, 3.2.2.3)."""
    number = float(text)
    if math.isinf(number):
        number = math.copysign(sys.float_info.max, number)
    if number == 0:
        return "0"
    _, figures, exponent = Decimal(repr(abs(number))).normalize().as_tuple()
    digits = "".join(map(str, figures))
    point = len(digits) + int(exponent)
    sign = "-" if number < 0 else ""
    if len(digits) <= point <= 21:
        return sign + digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    fraction = "." + digits[1:] if len(digits) > 1 else ""
    return f"{sign}{digits[0]}{fraction}e{point - 1:+d}"


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("it is no JSON object")
    return cast("dict[str, Any]", value)


def _text(value: Any) -> str:
    if not isinstance(value, str) or isinstance(value, _Number):
        raise ValueError(f"{value!r} is no text")
    return value


def _bytes(value: Any, size: int) -> bytes:
    raw = base64_of(_text(value), size)
    if raw is None:
        raise ValueError(f"{value!r} is not {size} bytes in base64")
    return raw


def main(arguments: Sequence[str] | None = None) -> int:
    """`python -m indentapi.audit`: 0 for a log that is whole, 16 for one that is not."""
    parser = argparse.ArgumentParser(prog="python -m indentapi.audit", description=__doc__)
    parser.add_argument("file", type=Path, help="what indent audit export has written")
    parser.add_argument("--checkpoint", type=Path, action="append", default=[])
    parser.add_argument("--key", action="append", default=[])
    given = parser.parse_args(arguments)
    kept = [cast("Path", c).read_text("utf-8") for c in given.checkpoint]
    try:
        with cast("Path", given.file).open("rb") as export:
            report = verify(export, checkpoints=kept, keys=given.key)
    except Fault as e:
        print(f"{e.kind} at {e.index}: {e}", file=sys.stderr)
        return 16
    except ValueError as e:
        print(e, file=sys.stderr)
        return 1
    print(f"{report.origin} is whole: {report.entries} entries under the hash {report.root}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
