"""Signed notes (C2SP signed-note) and the Ed25519 signatures on them (RFC 8032), to verify only.

Nothing here is secret, so nothing has to take the same time whatever it is given.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_ROOT = pow(2, (_P - 1) // 4, _P)

_Point = tuple[int, int, int, int]


def _add(p: _Point, q: _Point) -> _Point:
    a = (p[1] - p[0]) * (q[1] - q[0]) % _P
    b = (p[1] + p[0]) * (q[1] + q[0]) % _P
    c = 2 * p[3] * q[3] * _D % _P
    d = 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(n: int, p: _Point) -> _Point:
    q: _Point = (0, 1, 1, 0)
    while n:
        if n & 1:
            q = _add(q, p)
        p, n = _add(p, p), n >> 1
    return q


def _point(text: bytes) -> _Point | None:
    y = int.from_bytes(text, "little")
    sign, y = y >> 255, y & (2**255 - 1)
    if y >= _P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if (x * x - square) % _P:
        x = x * _ROOT % _P
    if (x * x - square) % _P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = _P - x
    return x, y, 1, x * y % _P


_BASE = _point((4 * pow(5, _P - 2, _P) % _P).to_bytes(32, "little"))


def verifies(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether it is the Ed25519 signature of the message by the key (RFC 8032, 5.1.7)."""
    if len(public) != 32 or len(signature) != 64 or _BASE is None:
        return False
    a, r = _point(public), _point(signature[:32])
    s = int.from_bytes(signature[32:], "little")
    if a is None or r is None or s >= _L:
        return False
    hashed = hashlib.sha512(signature[:32] + public + message).digest()
    left = _times(s, _BASE)
    right = _add(r, _times(int.from_bytes(hashed, "little") % _L, a))
    return (left[0] * right[2] - right[0] * left[2]) % _P == 0 and (
        left[1] * right[2] - right[1] * left[2]
    ) % _P == 0


def base64_of(text: str, size: int) -> bytes | None:
    """The bytes that the text is the one spelling of in base64, or None."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return raw if len(raw) == size and base64.b64encode(raw).decode() == text else None


@dataclass(frozen=True)
class Key:
    """What verifies the signatures of a log: `name+hash+base64`."""

    name: str
    id: bytes
    public: bytes

    @classmethod
    def read(cls, text: str) -> Key:
        """Read the text form of golang.org/x/mod/sumdb/note; ValueError if it is none."""
        name, _, rest = text.partition("+")
        id_text, _, key_text = rest.partition("+")
        raw = base64_of(key_text, 33)
        if not name or raw is None or raw[0] != 1:
            raise ValueError(f"{text!r} is not the key of a log: name+hash+base64, of Ed25519")
        known = hashlib.sha256(name.encode() + b"\n" + raw).digest()[:4]
        if known.hex() != id_text:
            raise ValueError(f"{text!r} is not the key of a log: its hash is {known.hex()}")
        return cls(name, known, raw[1:])


def open_note(note: str, keys: list[Key]) -> str:
    """The text of a note that one of the keys has signed; ValueError if none has."""
    text, found, signatures = note.rpartition("\n\n")
    if not found or not signatures.endswith("\n"):
        raise ValueError("it is no signed note")
    text += "\n"
    good = False
    for line in signatures[:-1].split("\n"):
        name, _, encoded = line.removeprefix("\u2014 ").partition(" ")
        raw = base64_of(encoded, 68)
        if not line.startswith("\u2014 ") or not name:
            raise ValueError("it has a line of signatures that is none")
        for key in keys:
            if raw is None or key.name != name or key.id != raw[:4]:
                continue
            if not verifies(key.public, text.encode(), raw[4:]):
                raise ValueError(f"the signature of {name} is not one of this text")
            good = True
    if not good:
        raise ValueError("none of the keys that are known has signed it")
    return text
