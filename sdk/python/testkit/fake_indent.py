"""A small Indent server in memory, for the packages' own tests and for the docstrings' examples.

It knows one space, answers the routes that the tests need, and does on purpose what a real server
does only on a bad day: `fail`, `drop`, `answer`. `transport()` plugs it into httpx without a socket
and `serve()` puts it behind a real one, which streams, too. What the real server does is proven by
tests_live.
"""

from __future__ import annotations

import collections
import contextlib
import hashlib
import http.server
import json
import threading
import uuid
from collections.abc import Callable, Generator, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import httpx
from fake_people import FakePeople
from fake_wire import Answer, Json, Request, page, problem

SPACE = "acmecorp"
TOKEN = "ind_CanaryTokenThatMustNeverBePrinted000000"
NOW = "2026-01-31T12:00:00Z"
OWNER = {"id": "you@acmecorp.example", "kind": "user", "email": "you@acmecorp.example"}
ROBOT = {"id": "quickstart", "kind": "serviceAccount", "displayName": "quickstart"}


class Drop(Exception):
    """The connection breaks instead of an answer."""


Fault = Callable[[Request], "Answer | None"]


class FakeIndent(FakePeople):
    def __init__(self) -> None:
        FakePeople.__init__(self)
        self.requests: list[Request] = []
        self.petitions: dict[str, Json] = {}
        self.resources: list[Json] = [_resource("Production"), _resource("Staging")]
        self.events: list[Json] = []
        self.tokens: dict[str, Json] = {}
        self.accounts: list[Json] = []
        self.groups: dict[str, list[Json]] = {}
        self.trusts: list[Json] = []
        self.faults: collections.deque[Fault] = collections.deque()
        self.on_create: Callable[[str], object] = lambda name: None
        self.on_wait: Callable[[str, float], object] = self._park
        """Called when somebody waits for an open petition: its name and the seconds, 0 for ever."""
        self.on_any: Callable[[Request], tuple[int, str] | None] = lambda request: None
        """Called with every request; what it answers is a refusal."""
        self.streams = True
        """Whether the server knows streams of petitions."""
        self.connections = 0
        self.most_connections = 0
        """How many connections there are now, and were at most at once."""
        self.url = "http://127.0.0.1:8080"
        self._keys: dict[str, tuple[str, Json]] = {}
        self._changed = threading.Condition()
        self._hang_ups = 0

    # ---- what a test makes it do ----

    def fail(self, status: int, code: str = "", **headers: str) -> None:
        """Refuse the next call."""
        answer = problem(status, code, f"made to fail with {status}", headers=headers)
        self.faults.append(lambda _: answer)

    def drop(self, times: int = 1) -> None:
        """Break the connection of the next calls, before anything is done."""
        self.faults.extend([_drop] * times)

    def hang_up(self) -> None:
        """End the streams that are open, in the middle."""
        with self._changed:
            self._hang_ups += 1
            self._changed.notify_all()

    def drop_after(self) -> None:
        """Do the next call, and break the connection before its answer."""

        def fault(request: Request) -> Answer:
            self._route(request)
            raise Drop

        self.faults.append(fault)

    def answer(self, body: Any, status: int = 200, **headers: str) -> None:
        """Answer the next call with this, whatever it was."""
        self.faults.append(lambda _: Answer(status, body, headers))

    def decide(self, name: str, event: str, *, reason: str = "", by: Json = OWNER) -> Json:
        """Make a claim on a petition, as a reviewer."""
        with self._changed:
            pet = self.petitions[name]
            claim = self._event(event, pet, reason, by)
            pet["state"]["claims"].append(claim)
            decided = {"claim": event, "actor": by, "reason": reason, "timestamp": NOW}
            pet["state"]["decision"] = decided
            if event == "access/approve":
                self.grant(name)
            else:
                denied = "withdrawn" if by is ROBOT else "denied"
                outcome = "revoked" if event == "access/revoke" else denied
                self.set_phase(name, "closed", outcome)
            return claim

    def grant(self, name: str, end: str = "9999-12-31T23:59:59Z") -> None:
        self.petitions[name]["state"]["grant"] = {"startTime": NOW, "endTime": end}
        self.set_phase(name, "granted")

    def set_phase(self, name: str, phase: str, outcome: str = "") -> None:
        with self._changed:
            status = {"phase": phase, "message": f"is {phase}"}
            status |= {"outcome": outcome} if outcome else {}
            self.petitions[name]["state"]["status"] = status
            self._changed.notify_all()

    # ---- how it is reached ----

    def transport(self) -> httpx.MockTransport:
        def handle(request: httpx.Request) -> httpx.Response:
            query = dict(request.url.params.items())
            headers = {k.lower(): v for k, v in request.headers.items()}
            body = json.loads(request.content) if request.content else None
            try:
                path = request.url.raw_path.decode().partition("?")[0]
                answer = self.handle(Request(request.method, path, query, headers, body))
            except Drop:
                raise httpx.ReadError("made to break", request=request) from None
            if answer.stream is not None:
                answer = problem(405, "invalid", "streams need a socket: use serve()")
            return httpx.Response(answer.status, headers=answer.headers, content=answer.content)

        return httpx.MockTransport(handle)

    @contextlib.contextmanager
    def serve(self, port: int = 0) -> Generator[FakeIndent]:
        """Listen on a real socket; `url` says where."""
        server = _Server(("127.0.0.1", port), _Handler)
        server.fake = self
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def handle(self, request: Request) -> Answer:
        self.requests.append(request)
        if self.faults:
            answer = self.faults.popleft()(request)
            if answer is not None:
                return answer
        refusal = self.on_any(request)
        return problem(*refusal, "made to fail") if refusal else self._route(request)

    # ---- the routes ----

    def _route(self, request: Request) -> Answer:
        if request.path == "/v1/auth/token":
            return Answer(200, _token("", accessToken="short.lived.token"))
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return problem(401, "unauthenticated", "the token is not known")
        if request.path == "/v1/auth/whoami":
            return Answer(200, {"space": SPACE, "member": ROBOT["id"], "kind": ROBOT["kind"]})
        if request.path == "/v1/spaces":
            return Answer(200, {"spaces": [{"name": SPACE, "displayName": "Acme"}]})
        prefix = f"/v1/spaces/{SPACE}"
        if request.path == prefix:
            return Answer(200, {"name": SPACE, "displayName": "Acme"})
        noun, *rest = request.path.removeprefix(prefix + "/").split("/")
        route = getattr(self, f"_{request.method.lower()}_{noun.replace(':', '_')}", None)
        if not request.path.startswith(prefix) or route is None:
            return problem(404, "not_found", f"there is no {request.method} {request.path}")
        return route(request, *map(unquote, rest))

    def _post_petitions(self, request: Request, *rest: str) -> Answer:
        if rest:
            return self._post_claim(request, rest[0])
        asked = request.body["petition"]
        key = request.headers.get("idempotency-key", "")
        if key in self._keys:
            name, before = self._keys[key]
            if before != asked:
                return problem(409, "conflict", "the idempotency key was used for another petition")
            return Answer(200, self.petitions[name], {"Idempotency-Replayed": "true"})
        for i, resource in enumerate(asked["resources"]):
            if unknown := set(resource) - {"id", "kind", "displayName", "labels"}:
                where = f"petition.resources[{i}].{unknown.pop()}"
                return problem(400, "invalid", "is not a known field", where)
        name = str(uuid.uuid4())
        self._keys[key] = name, asked
        self.petitions[name] = self._petition(name, asked)
        self.events.append(self._event("access/request", self.petitions[name], "", ROBOT))
        self.on_create(name)
        return Answer(200, self.petitions[name])

    def _petition(self, name: str, asked: Json) -> Json:
        digest = hashlib.sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()
        return {
            **{k: v for k, v in asked.items() if k != "meta"},
            "petitioners": [_member(p) for p in asked.get("petitioners", [ROBOT])],
            "name": name,
            "spaceName": SPACE,
            "meta": {"name": name, "space": SPACE, **asked.get("meta", {}), "createTime": NOW},
            "digest": f"sha256:{digest}",
            "createdBy": ROBOT,
            "state": {"status": {"phase": "open", "message": "waits"}, "claims": []},
        }

    def _get_petitions(self, request: Request, *rest: str) -> Answer:
        if not rest:
            phase = request.query.get("phase")
            found = [
                p for p in self.petitions.values() if phase in (None, p["state"]["status"]["phase"])
            ]
            return page(request, "petitions", found[::-1])
        if rest[0] not in self.petitions:
            return problem(404, "not_found", f"there is no petition {rest[0]}")
        petition = self.petitions[rest[0]]
        if rest[1:]:
            return page(request, "claims", petition["state"]["claims"])
        if "wait" in request.query and petition["state"]["status"]["phase"] == "open":
            self.on_wait(rest[0], go_seconds(request.query["wait"]))
        return Answer(200, petition)

    def _post_petitions_wait(self, request: Request) -> Answer:
        if not self.streams:
            return problem(405, "invalid", "POST is not for this path")
        told = self._told(request.body["names"])
        return Answer(200, headers={"Content-Type": "text/event-stream"}, stream=told)

    def _told(self, names: list[str]) -> Iterator[bytes]:
        """Each of these once, the moment it is not open."""
        left = dict.fromkeys(names)
        decided = self._decided(left)
        for name in names:
            if name not in decided:
                self.on_wait(name, 0)
        yield b"retry: 1000\n\n"
        hang_ups = self._hang_ups
        while left:
            if self._hang_ups != hang_ups:
                return
            with self._changed:
                ready = self._changed.wait_for(lambda: self._decided(left), timeout=0.1)
            for name in ready:
                del left[name]
                yield self._event_of(name)
            yield b": alive\n\n"  # who has left is noticed
        yield b"event: end\ndata: {}\n\n"

    def _decided(self, names: Mapping[str, None]) -> list[str]:
        there = self.petitions
        return [
            n for n in names if n not in there or there[n]["state"]["status"]["phase"] != "open"
        ]

    def _event_of(self, name: str) -> bytes:
        kind, body = "petition", self.petitions.get(name)
        if body is None:
            kind, body = "problem", problem(404, "not_found", f"there is no petition {name}").body
        return f"event: {kind}\nid: {name}\ndata: {json.dumps(body)}\n\n".encode()

    def _put_petitions(self, request: Request, name: str) -> Answer:
        self.decide(name, "access/deny", by=ROBOT)
        return self._post_petitions(request)

    def _delete_petitions(self, _: Request, name: str) -> Answer:
        self.decide(name, "access/deny", by=ROBOT)
        return Answer(200, self.petitions[name])

    def _post_claim(self, request: Request, name: str) -> Answer:
        claim, pet = request.body["claim"], self.petitions[name]
        if pet["state"]["status"]["phase"] == "closed":
            return problem(409, "conflict", f"petition {name} was already denied by {OWNER['id']}")
        made = self.decide(name, claim["event"], reason=claim.get("reason", ""))
        made["meta"]["labels"] |= claim.get("meta", {}).get("labels", {})
        return Answer(200, made)

    def _get_grants(self, request: Request) -> Answer:
        held = [
            {"petition": name, "person": person, "resource": resource}
            for name, pet in self.petitions.items()
            if pet["state"]["status"]["phase"] == "granted"
            for person in pet["petitioners"]
            for resource in pet["resources"]
        ]
        return page(request, "grants", held)

    def _get_resources(self, request: Request, *rest: str) -> Answer:
        if rest[1:]:
            return page(request, "members", self.groups.get(rest[0], []))
        if rest:
            found = [r for r in self.resources if r["labels"]["indent.com/block"] == rest[0]]
            missing = problem(404, "not_found", f"there is no resource {rest[0]}")
            return Answer(200, found[0]) if found else missing
        return page(request, "resources", self.resources)

    def _post_resources(self, request: Request, *rest: str) -> Answer:
        if rest:
            members = self.groups.setdefault(rest[0], [])
            members += request.body["members"]
            return Answer(200, {"members": members})
        self.resources.append(request.body["resource"])
        return Answer(200, self.resources[-1])

    def _put_resources(self, request: Request, _: str) -> Answer:
        return Answer(200, request.body["resource"])

    def _delete_resources(self, _: Request, name: str, *below: str) -> Answer:
        if below:
            self.groups[name] = [m for m in self.groups[name] if m["id"] != below[1]]
        return Answer(200, {})

    def _put_resources_bulkUpdate(self, request: Request) -> Answer:
        return Answer(200, {"resources": request.body["resources"]})

    def _post_resources_bulkDelete(self, _: Request) -> Answer:
        return Answer(200, {})

    def _get_events(self, request: Request) -> Answer:
        wanted = request.query.get("petition")
        found = [e for e in self.events if wanted in (None, e["meta"]["labels"]["petition"])]
        return page(request, "events", found)

    def _get_policy(self, _: Request, *rest: str) -> Answer:
        text = "version: 1\nrules: [{name: all, require: {reviewers: {roles: [Owner]}}}]\n"
        meta = {"space": SPACE, "createTime": NOW}
        return Answer(200, {"version": 1, "text": text, "createdBy": OWNER, "meta": meta})

    def _post_policy_simulate(self, _: Request) -> Answer:
        verdict = {"decision": "review", "rule": "all", "policyVersion": 1}
        return Answer(200, {"verdict": verdict, "petitioners": [ROBOT], "rules": []})

    def _post_tokens(self, request: Request, *_: str) -> Answer:
        made = _token(str(len(self.tokens)), refreshToken="ind_" + "0" * 38)
        self.tokens[made["meta"]["name"]] = made
        return Answer(200, made)

    def _get_tokens(self, request: Request) -> Answer:
        bare = [{k: v for k, v in t.items() if k != "refreshToken"} for t in self.tokens.values()]
        return page(request, "tokens", bare)

    def _delete_tokens(self, _: Request, name: str) -> Answer:
        return Answer(200, self.tokens.pop(name) and {})

    def _post_serviceAccounts(self, request: Request, *rest: str) -> Answer:
        if rest:
            self.trusts.append({**request.body, "meta": {"name": f"trust-{len(self.trusts)}"}})
            return Answer(200, self.trusts[-1])
        self.accounts.append(request.body["serviceAccount"])
        return Answer(200, self.accounts[-1])

    def _get_serviceAccounts(self, request: Request, *rest: str) -> Answer:
        if rest[1:]:
            return page(request, "trusts", self.trusts)
        if rest:
            return Answer(200, {"serviceAccountId": rest[0]})
        return page(request, "serviceAccounts", self.accounts)

    def _patch_serviceAccounts(self, request: Request, account: str) -> Answer:
        return Answer(200, {**request.body["serviceAccount"], "serviceAccountId": account})

    def _delete_serviceAccounts(self, _: Request, __: str, *rest: str) -> Answer:
        if rest:
            self.trusts = [t for t in self.trusts if t["meta"]["name"] != rest[1]]
        return Answer(200, {})

    # ---- helpers ----

    def _event(self, event: str, petition: Json, reason: str, actor: Json) -> Json:
        labels = {"petition": petition["name"]}
        return {
            "event": event,
            "id": str(uuid.uuid4()),
            "meta": {"space": SPACE, "labels": labels},
            "reason": reason,
            "timestamp": NOW,
            "actor": actor,
            "resources": petition["resources"],
        }

    def _park(self, name: str, seconds: float) -> None:
        def decided() -> bool:
            return self.petitions[name]["state"]["status"]["phase"] != "open"

        with self._changed:
            self._changed.wait_for(decided, timeout=seconds)


def go_seconds(text: str) -> float:
    return float(text[:-2]) / 1000 if text.endswith("ms") else float(text[:-1])


def _drop(_: Request) -> Answer:
    raise Drop


def _resource(name: str) -> Json:
    labels = {"indent.com/block": name.lower(), "indent.com/requestable": "true"}
    return {"id": name.lower(), "kind": "environment", "displayName": name, "labels": labels}


def _member(petitioner: Json) -> Json:
    """As the real server, which answers the member that is meant."""
    email = petitioner.get("email", "").lower()
    return {**petitioner, "id": email, "email": email, "kind": "user"} if email else petitioner


def _token(number: str, **secrets: str) -> Json:
    return {**secrets, "meta": {"name": f"token-{number}", "createTime": NOW}, "createdBy": OWNER}


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128
    fake: FakeIndent
    counting = threading.Lock()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length", 0))
        assert isinstance(self.server, _Server)
        request = Request(
            self.command,
            parts.path,
            {k: v[0] for k, v in parse_qs(parts.query).items()},
            {k.lower(): v for k, v in self.headers.items()},
            json.loads(self.rfile.read(length)) if length else None,
        )
        try:
            answer = self.server.fake.handle(request)
        except Drop:
            self.close_connection = True
            return
        with contextlib.suppress(ConnectionError):
            self.send_response(answer.status)
            for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                self.send_header(name, value)
            if answer.stream is not None:
                self._send_pieces(answer.stream)
                return
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

    do_POST = do_PUT = do_DELETE = do_GET

    def setup(self) -> None:
        super().setup()
        self._count(1)

    def finish(self) -> None:
        self._count(-1)
        with contextlib.suppress(ConnectionError):
            super().finish()

    def _count(self, more: int) -> None:
        assert isinstance(self.server, _Server)
        fake = self.server.fake
        with self.server.counting:
            fake.connections += more
            fake.most_connections = max(fake.most_connections, fake.connections)

    def _send_pieces(self, pieces: Iterator[bytes]) -> None:
        self.send_header("Connection", "close")
        self.end_headers()
        for piece in pieces:
            self.wfile.write(piece)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
