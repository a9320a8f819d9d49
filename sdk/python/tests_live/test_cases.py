"""The cases of spec/cases, through the Python SDK, on a real server.

Each step is done by the blocking and by the awaiting client: what they send is held against the
case's requests, what they return or raise against its answers.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import anyio
import httpx
import pytest
from case_format import Json, Sent, Variables, by_hand, differences, events_of, load
from indentapi import APIStatusError, AsyncIndentAPI, IndentAPI, errors
from live_server import LiveServer

CASES = load()
STRANGER = "ind_" + "0" * 38

Client = IndentAPI | AsyncIndentAPI
Asking = Callable[..., Any]

OPERATIONS: dict[str, Callable[[Client], Asking]] = {
    "petition.create": lambda c: c.petition.create,
    "petition.get": lambda c: c.petition.get,
    "petition.wait": lambda c: c.petition.wait,
    "petition.list": lambda c: c.petition.list,
    "petition.replace": lambda c: c.petition.replace,
    "petition.withdraw": lambda c: c.petition.withdraw,
    "claim.create": lambda c: c.claim.create,
    "claim.list": lambda c: c.claim.list,
    "claim.get": lambda c: c.claim.get,
    "resource.list": lambda c: c.resource.list,
    "resource.get": lambda c: c.resource.get,
    "resource.create": lambda c: c.resource.create,
    "resource.update": lambda c: c.resource.update,
    "resource.delete": lambda c: c.resource.delete,
    "resource.bulkUpdate": lambda c: c.resource.bulk_update,
    "resource.bulkDelete": lambda c: c.resource.bulk_delete,
    "event.list": lambda c: c.event.list,
    "space.get": lambda c: c.space.get,
    "space.list": lambda c: c.space.list,
    "token.create": lambda c: c.token.create,
    "token.list": lambda c: c.token.list,
    "token.delete": lambda c: c.token.delete,
    "token.exchange": lambda c: c.token.exchange,
    "token.rotate": lambda c: c.token.rotate,
    "whoAmI": lambda c: c.whoami,
    "serviceAccount.create": lambda c: c.service_account.create,
    "serviceAccount.list": lambda c: c.service_account.list,
    "serviceAccount.get": lambda c: c.service_account.get,
    "serviceAccount.update": lambda c: c.service_account.update,
    "serviceAccount.delete": lambda c: c.service_account.delete,
    "trust.create": lambda c: c.trust.create,
    "trust.list": lambda c: c.trust.list,
    "trust.delete": lambda c: c.trust.delete,
    "delegation.create": lambda c: c.delegation.create,
    "delegation.list": lambda c: c.delegation.list,
    "delegation.get": lambda c: c.delegation.get,
    "delegation.end": lambda c: c.delegation.end,
    "delivery.list": lambda c: c.delivery.list,
    "delivery.get": lambda c: c.delivery.get,
    "delivery.replay": lambda c: c.delivery.replay,
    "delivery.resume": lambda c: c.delivery.resume,
    "delivery.settle": lambda c: c.delivery.settle,
    "policy.get": lambda c: c.policy.get,
    "policy.version": lambda c: c.policy.version,
    "policy.test": lambda c: c.policy.test,
    "policy.simulate": lambda c: c.policy.simulate,
    "policy.apply": lambda c: c.policy.apply,
    "policy.rollBack": lambda c: c.policy.roll_back,
    "member.list": lambda c: c.member.list,
    "member.get": lambda c: c.member.get,
    "member.put": lambda c: c.member.put,
    "member.delete": lambda c: c.member.delete,
    "identity.create": lambda c: c.identity.create,
    "identity.list": lambda c: c.identity.list,
    "identity.delete": lambda c: c.identity.delete,
    "webhookPolicy.create": lambda c: c.webhook_policy.create,
    "webhookPolicy.list": lambda c: c.webhook_policy.list,
    "webhookPolicy.get": lambda c: c.webhook_policy.get,
    "webhookPolicy.replace": lambda c: c.webhook_policy.replace,
    "webhookPolicy.update": lambda c: c.webhook_policy.update,
    "webhookPolicy.delete": lambda c: c.webhook_policy.delete,
    "webhookPolicy.test": lambda c: c.webhook_policy.test,
    "pullPolicy.create": lambda c: c.pull_policy.create,
    "pullPolicy.list": lambda c: c.pull_policy.list,
    "pullPolicy.get": lambda c: c.pull_policy.get,
    "pullPolicy.put": lambda c: c.pull_policy.put,
    "pullPolicy.delete": lambda c: c.pull_policy.delete,
    "pullPolicy.pull": lambda c: c.pull_policy.pull,
    "grant.list": lambda c: c.grant.list,
    "grant.revoke": lambda c: c.grant.revoke,
    "group.list": lambda c: c.group.list,
    "group.add": lambda c: c.group.add,
    "group.remove": lambda c: c.group.remove,
}

IN_PYTHON = {
    "idempotencyKey": "idempotency_key",
    "labelSelector": "label_selector",
    "pageSize": "page_size",
    "displayName": "display_name",
    "expiryDays": "expiry_days",
    "serviceAccountId": "service_account_id",
    "serviceAccount": "service_account",
    "decideWithin": "decide_within",
    "takeLabels": "take_labels",
    "takeIdentities": "take_identities",
    "refreshToken": "refresh_token",
    "graceSeconds": "grace",
    "claim": "claim_id",
    "from": "from_",
    "startTime": "start_time",
    "endTime": "end_time",
}

LISTS = ("resource.bulkUpdate", "grant.revoke", "pullPolicy.pull")
"""What answers the items of the answer's one member, beside the lists."""


@pytest.mark.parametrize("awaiting", [False, True], ids=["blocking", "awaiting"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_case(case: dict[str, Json], awaiting: bool, server: LiveServer) -> None:
    world = World(server, awaiting)
    for number, step in enumerate(case["steps"], 1):
        found = world.live(step)
        what = f"step {number} of {case['name']} ({step.get('do') or step['request']})"
        assert not found, f"{what}, {case['why']}\n" + "\n".join(found)


class World:
    """Lives through the steps of one case."""

    def __init__(self, server: LiveServer, awaiting: bool) -> None:
        self._server = server
        self._awaiting = awaiting
        self._variables = Variables(
            {
                "space": server.requester["INDENT_SPACE"],
                "requester": "quickstart",
                "reviewer": "you@acmecorp.example",
                "tomorrow": (datetime.now(timezone.utc) + timedelta(days=1)).strftime(
                    "%Y-%m-%dT%H:%M:%SZ"
                ),
                "run": "r" + uuid.uuid4().hex[:12],
            }
        )

    def live(self, step: dict[str, Json]) -> list[str]:
        """Do the step; answers what was not as the case says."""
        exchanges = step.get("exchanges") or [step]
        token = self._token(step["as"])
        space = self._variables.fill(step.get("in", "${space}"))
        if "do" not in step:
            return self._by_hand(step, token, space)
        recorder = Recorder()
        returned, raised = self._do(step, recorder, token, space)
        found: list[str] = []
        if len(recorder.seen) != len(exchanges):
            requests = [request.url.path for request, _ in recorder.seen]
            return [f"{len(requests)} requests, not {len(exchanges)}: {requests}; {raised!r}"]
        for exchange, (request, response) in zip(exchanges, recorder.seen, strict=True):
            found += self._compare(exchange, request, response)
        return found + self._result(step, exchanges, returned, raised)

    def _do(
        self, step: dict[str, Json], recorder: Recorder, token: str, space: str
    ) -> tuple[Json, APIStatusError | None]:
        do, arguments = str(step["do"]), self._variables.fill(step.get("with", {}))
        noun = do.partition(".")[0]
        by_place = {
            "petition": ("petition",),
            "claim": ("petition",),
            "resource": ("name", "names", "resource", "resources"),
            "policy": () if do == "policy.simulate" else ("version", "text"),
            "trust": ("serviceAccountId", "name"),
            "delivery": ("webhook", "name"),
            "grant": (),
            "webhookPolicy": (),
            "pullPolicy": (),
        }.get(noun, ("name",))
        positional = [arguments.pop(name) for name in by_place if name in arguments]
        named = {IN_PYTHON.get(str(name), str(name)): v for name, v in arguments.items()}

        def call(client: Client) -> Json:
            return OPERATIONS[do](client)(*positional, **named)

        try:
            if self._awaiting:
                return anyio.run(self._await, call, recorder, space, token), None
            with IndentAPI(
                space, token, api_url=self._server.url, max_retries=0, transport=recorder
            ) as client:
                returned = call(client)
                # the pages of a list are asked for when it is looked at
                return (returned[:] if do.endswith(".list") else returned), None
        except APIStatusError as error:
            return None, error

    async def _await(
        self, call: Callable[[Client], Json], recorder: Recorder, space: str, token: str
    ) -> Json:
        async with AsyncIndentAPI(
            space, token, api_url=self._server.url, max_retries=0, transport=recorder
        ) as client:
            return await call(client)

    def _compare(
        self, exchange: dict[str, Json], request: httpx.Request, response: httpx.Response
    ) -> list[str]:
        """What went over the wire, against the case."""
        want = Sent.of(
            self._variables.fill(exchange["request"]),
            self._variables.fill(exchange.get("headers", {})),
            self._variables.fill(exchange.get("body")),
        )
        body = json.loads(request.content) if request.content else None
        target = request.url.raw_path.decode()
        found = want.differences(Sent.of(f"{request.method} {target}", dict(request.headers), body))
        return found + self._compare_answer(exchange, response)

    def _compare_answer(self, exchange: dict[str, Json], response: httpx.Response) -> list[str]:
        if response.status_code != exchange["status"]:
            return [
                f"status {response.status_code}, not {exchange['status']}: {response.text[:500]}"
            ]
        if "events" in exchange:
            kind = response.headers.get("content-type")
            found = differences("text/event-stream", kind, "content-type")
            wanted = self._variables.fill(exchange["events"])
            return found + differences(wanted, events_of(response.text), "the events")
        body = response.json() if response.content else None
        headers = {k.lower(): v for k, v in response.headers.items()}
        for name, want in self._variables.fill(exchange.get("answerHeaders", {})).items():
            if found := differences(want, headers.get(name.lower()), f"the answer's {name}"):
                return found
        if error := exchange.get("error"):
            want = {"field": "<absent>", **self._variables.fill(error)}
            want |= {"status": exchange["status"], "type": "about:blank", "title": "<any>"}
            kind = differences(
                "application/problem+json", headers.get("content-type"), "content-type"
            )
            return kind + differences(want | {"detail": "<any>"}, body, "the problem")
        found = differences(self._variables.fill(exchange.get("answer", {})), body, "the answer")
        if "keep" in exchange:
            self._variables.known[exchange["keep"]] = body
        return found

    def _result(
        self,
        step: dict[str, Json],
        exchanges: list[dict[str, Json]],
        returned: Json,
        raised: APIStatusError | None,
    ) -> list[str]:
        """What the SDK returned or raised, against the case."""
        last = exchanges[-1]
        if error := last.get("error"):
            if type(raised) is not errors.class_for(last["status"]):
                return [f"raised {raised!r}"]
            want = {"field": "<absent>", **self._variables.fill(error)}
            return differences(want, vars(raised), "the error")
        if raised:
            return [f"raised {raised!r}"]
        answers = [self._variables.fill(e.get("answer", {})) for e in exchanges]
        if step["do"].endswith(".list") or step["do"] in LISTS:
            return self._listed(answers, returned)
        wanted = answers[0] or "<absent>"  # an answer of nothing is None
        return differences(wanted, returned, "the result")

    def _listed(self, answers: list[dict[str, Json]], returned: Json) -> list[str]:
        lists = [next(iter(answer.values())) for answer in answers if answer]
        if all(isinstance(items, list) for items in lists):
            return differences([item for items in lists for item in items], returned, "the result")
        return [d for items in lists for d in differences(items, returned, "the result")]

    def _by_hand(self, step: dict[str, Json], token: str, space: str) -> list[str]:
        """Send what no SDK would send."""
        want = Sent.of(
            self._variables.fill(step["request"]),
            by_hand(self._variables.fill(step.get("headers", {}))),
            self._variables.fill(step.get("body")),
        )
        headers = {"content-type": "application/json", "indent-space": space, **want.headers}
        if token:
            headers["authorization"] = f"Bearer {token}"
        target = self._server.url + self._variables.fill(step["request"]).partition(" ")[2]
        with httpx.Client(trust_env=False, verify=False) as client:
            content = self._raw(step) if "raw" in step else json.dumps(want.body)
            has_body = "raw" in step or "body" in step
            response = client.request(
                want.method, target, headers=headers, content=content if has_body else None
            )
        return self._compare_answer(step, response)

    def _raw(self, step: dict[str, Json]) -> str:
        raw = self._variables.fill(step["raw"])
        return raw if isinstance(raw, str) else "".join(raw)

    def _token(self, actor: Json) -> str:
        if isinstance(actor, dict):
            return self._variables.fill(actor["token"])  # pyright: ignore
        return {
            "requester": lambda: self._server.requester["INDENT_API_TOKEN"],
            "reviewer": lambda: self._server.reviewer["INDENT_API_TOKEN"],
            "stranger": lambda: STRANGER,
            "nobody": lambda: "",
        }[actor]()


class Recorder(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Sends over the network, and remembers what went there and back."""

    def __init__(self) -> None:
        self.seen: list[tuple[httpx.Request, httpx.Response]] = []
        self._sync = httpx.HTTPTransport(verify=False)
        self._async = httpx.AsyncHTTPTransport(verify=False)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = self._sync.handle_request(request)
        response.read()
        return self._seen(request, response)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._async.handle_async_request(request)
        await response.aread()
        return self._seen(request, response)

    def _seen(self, request: httpx.Request, response: httpx.Response) -> httpx.Response:
        self.seen.append((request, response))
        return httpx.Response(
            response.status_code, headers=response.headers, content=response.content
        )

    def close(self) -> None:
        self._sync.close()

    async def aclose(self) -> None:
        await self._async.aclose()
