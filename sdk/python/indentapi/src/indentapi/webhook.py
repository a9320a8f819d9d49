"""For endpoints of webhooks: `verify` knows the server's calls, `Receiver` answers them.

>>> from indentapi.webhook import Receiver, Status
>>> def apply(update):
...     if update.target["kind"] != "role":
...         raise Status(5, "there is no such role")
>>> receiver = Receiver(["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], apply=apply)
>>> status, body = receiver.handle({}, b"{}")
>>> status
401
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from .errors import IndentError

TOLERANCE = 300.0
"""How far the time of a call may be from the receiver's, either way, in seconds."""

MAX_BODY = 8 << 20
"""The most that a call may send, in bytes."""

_MAX_SIGNATURES = 16
"""The most signatures of a call: each is tried with each secret, over the whole body."""


class SignatureError(IndentError):
    """The call is not the server's, or too old. The message says which part is wrong."""


class Status(Exception):
    """Why a call was not done, with a google.rpc code; the server reads and shows both.

    2 UNKNOWN, 8 RESOURCE_EXHAUSTED and 14 UNAVAILABLE are tried again; 3 INVALID_ARGUMENT,
    5 NOT_FOUND, 7 PERMISSION_DENIED, 9 FAILED_PRECONDITION are not.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(f"{message} ({code})")
        if not 1 <= code <= 16:
            raise ValueError("the codes of google.rpc that are errors are 1 to 16")
        self.code = code
        self.message = message


def verify(
    secrets: Sequence[str],
    headers: Mapping[str, str],
    body: bytes,
    *,
    accept_original: bool = False,
    now: float | None = None,
) -> None:
    """Raise `SignatureError` unless one of the secrets has signed the call within 5 minutes.

    It takes Standard Webhooks (`webhook-id`, `webhook-timestamp`, `webhook-signature`, of which
    `v1`). Comparisons take the same time whatever is wrong. Within the 5 minutes a call can be sent
    again: `webhook-id` is the same each time.

    Args:
        secrets: Those of the webhook as the server showed them: one, or two during a rotation.
            Without any no call is taken.
        headers: Of the request; the case of names does not matter.
        body: Of the request, as it came: read again from JSON it would be another one.
        accept_original: Take `X-Indent-Timestamp` and `X-Indent-Signature`, too, where a call has
            only these. They cover no `webhook-id`: whoever has seen a call can take the other
            headers off and send it again within the 5 minutes as one that was never seen.
        now: Unix seconds; default: the machine's clock.
    """
    if isinstance(secrets, str):
        raise TypeError("secrets is a list: write [secret]")
    sent = {name.lower(): value for name, value in headers.items()}
    at = int(time.time() if now is None else now)
    standard = sent.get("webhook-signature") or sent.get("webhook-id")
    if accept_original and not standard:
        _verify_original(secrets, sent, body, at)
    else:
        _verify_standard(secrets, sent, body, at)


def _verify_standard(
    secrets: Sequence[str], sent: Mapping[str, str], body: bytes, now: int
) -> None:
    identifier, stamp = sent.get("webhook-id", ""), sent.get("webhook-timestamp", "")
    if not identifier and sent.get("x-indent-signature"):
        raise SignatureError(
            "webhook-id is missing, and X-Indent-Signature alone is not taken (accept_original)"
        )
    if not identifier:
        raise SignatureError("webhook-id is missing")
    if not re.fullmatch(r"-?[0-9]{1,18}", stamp):
        raise SignatureError("webhook-timestamp is not Unix seconds")
    if abs(now - int(stamp)) > TOLERANCE:
        raise SignatureError("webhook-timestamp is more than 5 minutes from now")
    signatures = sent.get("webhook-signature", "").split()
    if len(signatures) > _MAX_SIGNATURES:
        raise SignatureError(f"webhook-signature has more than {_MAX_SIGNATURES} signatures")
    signed = f"{identifier}.{stamp}.".encode() + body
    for signature in signatures:
        version, _, text = signature.partition(",")
        if version == "v1" and _ours(secrets, _base64(text), signed, _standard_key):
            return
    raise SignatureError(
        "no signature v1 in webhook-signature is made with a secret of this webhook"
    )


def _verify_original(
    secrets: Sequence[str], sent: Mapping[str, str], body: bytes, now: int
) -> None:
    stamp = sent.get("x-indent-timestamp", "")
    if not stamp:
        raise SignatureError(
            "it is not signed: there is neither webhook-signature nor X-Indent-Signature"
        )
    at = _instant(stamp)
    if at is None:
        raise SignatureError("X-Indent-Timestamp is not a time of RFC 3339")
    if abs(now - at.timestamp()) > TOLERANCE:
        raise SignatureError("X-Indent-Timestamp is more than 5 minutes from now")
    try:
        signature = bytes.fromhex(sent.get("x-indent-signature", ""))
    except ValueError:
        signature = b""
    if not _ours(secrets, signature, f"v0:{stamp}:".encode() + body, str.encode):
        raise SignatureError("X-Indent-Signature is not made with a secret of this webhook")


def _ours(
    secrets: Sequence[str], sent: bytes, signed: bytes, key_of: Callable[[str], bytes]
) -> bool:
    found = False
    for secret in secrets:
        if not secret.removeprefix("whsec_"):
            continue  # anybody could sign with it
        made = hmac.new(key_of(secret), signed, hashlib.sha256).digest()
        found = hmac.compare_digest(made, sent) or found
    return found


def _standard_key(secret: str) -> bytes:
    if secret.startswith("whsec_"):
        return _base64(secret.removeprefix("whsec_")) or secret.encode()
    return secret.encode()


_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", re.ASCII)


def _instant(text: str) -> datetime | None:
    """A time of RFC 3339, which `fromisoformat` of Python 3.10 does not take in all its forms."""
    parts = _TIME.fullmatch(text)
    if parts is None:
        return None
    seconds, fraction, zone = parts.groups()
    try:
        return datetime.fromisoformat(
            f"{seconds}.{(fraction or '')[:6]:0<6}{'+00:00' if zone == 'Z' else zone}"
        )
    except ValueError:
        return None


def _base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""


@dataclass(frozen=True)
class Update:
    """What the server asks for: `grant` says whether `user` gets `target` or loses it."""

    id: str
    """The same each time that the call is made."""
    grant: bool
    user: Mapping[str, Any]
    target: Mapping[str, Any]
    expires: datetime | None
    """When access is to end by itself; None when it does not."""
    command: Mapping[str, Any]
    """The event access/grant or access/revoke; its `actor` is who approved or revoked."""
    events: Sequence[Mapping[str, Any]]
    """All of the petition so far, the command last."""


@dataclass(frozen=True)
class Access:
    """Whether somebody has access in the real system."""

    access: bool
    expires: datetime | None = None
    """When it ends there by itself, with a time zone; None when it does not, or nobody knows."""


class Receiver:
    """Answers the calls of the server to a webhook. It is a WSGI application, too.

    A function that is missing is answered as not implemented. A call can come twice and late:
    `apply` must make things so, and not add to them. It returns only when they are so, and raises
    `Status` to say why they cannot be. Any other exception is answered without its text, which may
    be nobody's business, and the call is made again.

    Args:
        secrets: Those of the webhook: one, or two while a secret is being rotated.
        apply: Called with an `Update`; grants or revokes access in the real system.
        pull: Called with the kinds and flags; returns the resources of these kinds.
        decide: Called with the events of a petition; returns claims such as
            `[{"event": "access/approve", "reason": "on call"}]`. None leaves it to people. A claim
            counts only if the webhook's bot may review the petition.
        state: Called with the user and the target; returns `Access`, read from the real system and
            not from memory.
        name: What `GetInfo` says that the endpoint is called.
        failed: Called with what went wrong where it is answered without its text, and with what
            was wrong with a call that is not the server's.
        accept_original: As in `verify`.
    """

    def __init__(
        self,
        secrets: Sequence[str],
        *,
        apply: Callable[[Update], None] | None = None,
        pull: Callable[[list[str], dict[str, str]], Iterable[Mapping[str, Any]]] | None = None,
        decide: Callable[[list[dict[str, Any]]], Iterable[Mapping[str, Any]]] | None = None,
        state: Callable[[Mapping[str, Any], Mapping[str, Any]], Access] | None = None,
        name: str = "",
        failed: Callable[[Exception], None] | None = None,
        accept_original: bool = False,
    ) -> None:
        if isinstance(secrets, str):
            raise TypeError("secrets is a list: write [secret]")
        self._secrets = list(secrets)
        self._apply, self._pull, self._decide, self._state = apply, pull, decide, state
        self._name = name
        self._failed = failed
        self._accept_original = accept_original

    def handle(
        self, headers: Mapping[str, str], body: bytes, *, now: float | None = None
    ) -> tuple[int, bytes]:
        """Answer one call: the HTTP status, and the body, which is JSON.

        200 with the code 0; 401 for a call that is not the server's; 500 with the code of what went
        wrong.
        """
        try:
            verify(self._secrets, headers, body, accept_original=self._accept_original, now=now)
        except SignatureError as error:
            self._tell(error)
            return 401, _refusal(16, str(error))
        # as `verify` reads it, where a name is there twice
        identifier = {n.lower(): v for n, v in headers.items()}.get("webhook-id", "")
        try:
            answer = self._serve(identifier, body)
            return 200, json.dumps({"status": {"code": 0}, **answer}).encode()
        except Status as status:
            return 500, _refusal(status.code, status.message)
        except Exception as error:
            self._tell(error)
            return 500, _refusal(2, "the endpoint failed: its own log may say why")

    def __call__(
        self, environ: Mapping[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        """Serve as a WSGI application."""
        headers = {
            name.removeprefix("HTTP_").replace("_", "-"): value
            for name, value in environ.items()
            if name.startswith("HTTP_")
        }
        try:
            length = min(int(environ.get("CONTENT_LENGTH") or 0), MAX_BODY + 1)
        except ValueError:
            length = 0
        body = environ["wsgi.input"].read(max(length, 0))
        if len(body) > MAX_BODY:
            code, answer = 500, _refusal(3, f"the call is larger than {MAX_BODY} bytes")
        else:
            code, answer = self.handle(headers, body)
        reason = {200: "OK", 401: "Unauthorized", 500: "Internal Server Error"}[code]
        start_response(
            f"{code} {reason}",
            [("Content-Type", "application/json"), ("Content-Length", str(len(answer)))],
        )
        return [answer]

    def _serve(self, identifier: str, body: bytes) -> dict[str, Any]:
        call = _call(body)
        if call.get("info") is True:
            return {"status": {"code": 0, "details": [self._info()]}}
        if isinstance(call.get("kinds"), list) and self._pull:
            return {"resources": [dict(r) for r in self._pull(call["kinds"], _flags(call))]}
        if call.get("state") is not None and self._state:
            user, target = _pair(call["state"])
            return _access(self._state(user, target))
        events = _events(call)
        commands = any(e.get("event") in _COMMANDS for e in events)
        if events and commands and self._apply:
            self._apply(_update(identifier, events))
            return {}
        if events and not commands and self._decide:
            return {"claims": [dict(c) for c in self._decide(events)]}
        raise Status(12, "this endpoint does not answer calls of this kind")

    def _info(self) -> dict[str, Any]:
        able = {
            "PullUpdate": self._pull,
            "GetDecision": self._decide,
            "ApplyUpdate": self._apply,
            "GetState": self._state,
        }
        return {"name": self._name, "capabilities": ["GetInfo", *(n for n, f in able.items() if f)]}

    def _tell(self, error: Exception) -> None:
        if self._failed:
            self._failed(error)


_COMMANDS = ("access/grant", "access/revoke")


def _call(body: bytes) -> dict[str, Any]:
    try:
        call: Any = json.loads(body)
    except ValueError:
        call = None
    if not isinstance(call, dict):
        raise Status(3, "the call's body is not one that this version knows")
    return cast("dict[str, Any]", call)


def _flags(call: Mapping[str, Any]) -> dict[str, str]:
    flags: Any = call.get("flags")
    return cast("dict[str, str]", flags) if isinstance(flags, dict) else {}


def _events(call: Mapping[str, Any]) -> list[dict[str, Any]]:
    events: Any = call.get("events") or []
    if not isinstance(events, list) or not all(
        isinstance(e, dict) for e in cast("list[Any]", events)
    ):
        raise Status(3, "events is not a list of events")
    return cast("list[dict[str, Any]]", events)


def _pair(state: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    named = cast("dict[str, Any]", state) if isinstance(state, dict) else {}
    resources: Any = named.get("resources")
    if isinstance(resources, list):
        pair = cast("list[Any]", resources)
        if len(pair) == 2 and all(isinstance(r, dict) for r in pair):
            return pair[0], pair[1]
    raise Status(3, "state must have the user and the target as its resources")


def _access(said: Access) -> dict[str, Any]:
    # None, or a text, must not be read as "no access"
    if not isinstance(cast("Any", said), Access) or not isinstance(cast("Any", said.access), bool):
        raise TypeError("the function `state` returns Access(True) or Access(False)")
    if said.expires is None:
        return {"access": said.access}
    if said.expires.tzinfo is None:
        raise TypeError("`expires` of Access has no time zone")
    return {"access": said.access, "expireTime": said.expires.isoformat()}


def _update(identifier: str, events: list[dict[str, Any]]) -> Update:
    command = events[-1]
    resources: list[dict[str, Any]] = command.get("resources") or []
    if command.get("event") not in _COMMANDS or len(resources) != 2:
        raise Status(
            3,
            "the last event must be access/grant or access/revoke with the user and the target "
            "as its resources",
        )
    grant = command["event"] == "access/grant"
    meta: dict[str, Any] = command.get("meta") or {}
    labels: dict[str, str] = meta.get("labels") or {}
    ends = labels.get("indent.com/time/expires") if grant else None
    expires = _instant(str(ends)) if ends else None
    if ends and expires is None:
        # to grant for ever what was to end would be worse than not to grant
        raise Status(3, "the label indent.com/time/expires is not a time of RFC 3339")
    return Update(identifier, grant, resources[0], resources[1], expires, command, events)


def _refusal(code: int, message: str) -> bytes:
    return json.dumps({"status": {"code": code, "message": message}}).encode()
