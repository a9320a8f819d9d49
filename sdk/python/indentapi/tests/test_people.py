"""Members, identities, groups, service accounts, trusts: what is sent, and what is made of it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from fake_indent import SPACE, TOKEN, FakeIndent
from indentapi import (
    APIResponseError,
    AsyncIndentAPI,
    Event,
    IndentAPI,
    NotFoundError,
    confirmation_of,
)

ADA = "ada@example.com"
BASE = f"/v1/spaces/{SPACE}"


@pytest.fixture
def indent(fake: FakeIndent) -> IndentAPI:
    return IndentAPI(SPACE, TOKEN, transport=fake.transport())


def test_only_what_is_given_of_a_member_is_sent(fake: FakeIndent, indent: IndentAPI) -> None:
    indent.member.put(ADA, suspended=False)
    assert fake.requests[0].path == f"{BASE}/members/{ADA}"
    assert fake.requests[0].body == {"member": {"suspended": False}}
    got = indent.member.get(ADA)
    assert (got["suspended"], got["displayName"], got["owner"]) == (False, "", "")
    with pytest.raises(NotFoundError):
        indent.member.get("bob@example.com")


def test_a_change_of_a_member_is_sent_again_when_the_answer_was_lost(
    fake: FakeIndent, indent: IndentAPI
) -> None:
    fake.drop_after()
    assert indent.member.put(ADA, role="Editor")["role"] == "Editor"
    assert len(fake.requests) == 2


def test_an_identity_is_one_part_of_the_path(fake: FakeIndent, indent: IndentAPI) -> None:
    indent.identity.delete(ADA, "oidc:https://login.example.com|Ada:1")
    whole = "oidc%3Ahttps%3A%2F%2Flogin.example.com%7CAda%3A1"
    assert fake.requests[0].path == f"{BASE}/members/{ADA}/identities/{whole}"


def test_members_of_a_group_are_ids_or_resources(fake: FakeIndent, indent: IndentAPI) -> None:
    indent.group.add("on-call", [ADA, {"id": "core", "kind": "group", "labels": {}}])
    assert fake.requests[0].body == {"members": [{"id": ADA}, {"id": "core", "kind": "group"}]}
    assert [m["id"] for m in indent.group.list("on-call", effective=True)] == [ADA, "core"]
    assert fake.requests[1].query == {"effective": "true"}
    with pytest.raises(TypeError, match="list of members"):
        indent.group.add("on-call", ADA)


@pytest.mark.parametrize(
    ("grace", "sent"), [(0, 0), (90, 90), (60.0, 60), (timedelta(minutes=5), 300)]
)
def test_a_grace_is_sent_in_seconds(
    fake: FakeIndent, indent: IndentAPI, grace: float | timedelta, sent: int
) -> None:
    fake.answer({"refreshToken": "ind_x"})
    assert indent.token.rotate("old", grace=grace).get("refreshToken") == "ind_x"
    assert fake.requests[0].path == f"{BASE}/tokens/old:rotate"
    assert fake.requests[0].body == {"graceSeconds": sent}


def test_a_part_of_a_second_is_no_grace(fake: FakeIndent, indent: IndentAPI) -> None:
    for grace in (0.5, timedelta(milliseconds=1)):
        with pytest.raises(ValueError, match="whole seconds"):
            indent.token.rotate("old", grace=grace)
    assert not fake.requests


def test_what_makes_a_secret_is_not_sent_twice(fake: FakeIndent, indent: IndentAPI) -> None:
    fake.fail(500)
    with pytest.raises(Exception, match="made to fail"):
        indent.token.rotate("old")
    assert len(fake.requests) == 1


def test_a_service_account_is_changed_by_what_is_given(fake: FakeIndent, indent: IndentAPI) -> None:
    indent.service_account.update("ci", display_name="CI", suspended=False)
    account = {"suspended": False, "meta": {"displayName": "CI"}}
    assert fake.requests[0].body == {"serviceAccount": account}


PASSKEY = {
    "indent.com/claim/passkey/credential": "a",
    "indent.com/claim/passkey/publicKey": "b",
    "indent.com/claim/passkey/clientData": "c",
    "indent.com/claim/passkey/authenticatorData": "d",
    "indent.com/claim/passkey/signature": "e",
    "indent.com/petition/digest": "sha256:00",
}


def confirmed(fake: FakeIndent, indent: IndentAPI, labels: dict[str, str]) -> Event:
    fake.answer({"event": "access/approve", "meta": {"labels": labels}})
    return indent.claim.get("x", "y")


def test_what_confirms_a_claim(fake: FakeIndent, indent: IndentAPI) -> None:
    assert confirmation_of(confirmed(fake, indent, PASSKEY)) == {
        "credentialId": "a",
        "publicKey": "b",
        "clientDataJSON": "c",
        "authenticatorData": "d",
        "signature": "e",
        "digest": "sha256:00",
    }
    assert confirmation_of(confirmed(fake, indent, {"other": "x"})) is None


@pytest.mark.parametrize("label", [label for label in PASSKEY if "passkey" in label])
def test_a_part_of_a_confirmation_is_none(fake: FakeIndent, indent: IndentAPI, label: str) -> None:
    less = {name: value for name, value in PASSKEY.items() if name != label}
    with pytest.raises(APIResponseError, match="confirmation"):
        confirmation_of(confirmed(fake, indent, less))


def test_a_confirmation_goes_with_the_claim(fake: FakeIndent, indent: IndentAPI) -> None:
    pet = indent.petition.create(reason="why", resources=[{"kind": "action", "id": "x"}])
    signed = {"credentialId": "a", "clientDataJSON": "c", "authenticatorData": "d"}
    indent.claim.create(
        pet,
        event="access/approve",
        confirmation={
            "credentialId": "a",
            "clientDataJSON": "c",
            "authenticatorData": "d",
            "signature": "e",
        },
    )
    assert fake.requests[1].body["claim"]["confirmation"] == {**signed, "signature": "e"}


@pytest.mark.anyio
async def test_the_awaited_client_does_the_same(fake: FakeIndent) -> None:
    async with AsyncIndentAPI(SPACE, TOKEN, transport=fake.transport()) as indent:
        assert (await indent.whoami())["member"] == "quickstart"
        assert (await indent.member.put(ADA, role="Editor"))["role"] == "Editor"
        assert (await indent.member.get(ADA))["role"] == "Editor"
        assert [m["id"] for m in await indent.member.list(kind="user")] == [ADA]
        assert (await indent.identity.create(ADA, "slack:T/U"))["member"] == ADA
        assert [i["identity"] for i in await indent.identity.list(ADA)] == ["slack:T/U"]
        await indent.identity.delete(ADA, "slack:T/U")
        assert not await indent.identity.list(ADA)
        await indent.group.add("on-call", [ADA])
        assert [m["id"] for m in await indent.group.list("on-call")] == [ADA]
        await indent.group.remove("on-call", ADA)
        assert not await indent.group.list("on-call")
        made = await indent.trust.create("ci", issuer="https://i", audience="a", claims={"b": "c"})
        assert made["claims"] == {"b": "c"}
        assert len(await indent.trust.list("ci")) == 1
        await indent.trust.delete("ci", made["meta"]["name"])
        assert not await indent.trust.list("ci")
        assert (await indent.service_account.get("ci"))["serviceAccountId"] == "ci"
        assert (await indent.service_account.update("ci", role="Viewer"))["role"] == "Viewer"
        await indent.service_account.delete("ci")
        fake.answer({"refreshToken": "ind_x"})
        assert (await indent.token.rotate("old", grace=60)).get("refreshToken") == "ind_x"
        await indent.member.delete(ADA)
        assert not await indent.member.list()
