"""Words of a reviewer, or of a server that lies, command no terminal by a line or an error."""

from __future__ import annotations

import io
import sys
import traceback
from typing import Any

import pytest
from approvals import ApprovalDenied, ApprovalError, ApprovalEvent, approval_sync
from approvals._notice import on_terminal
from fake_indent import SPACE, TOKEN, FakeIndent

EVIL = "\x1b[2J\x1b]0;owned\x07\rfake\n\u009b31m\u202edesrever\u2066\u200b\u2028\U000e0041\ufeff"


def harmless(text: str) -> bool:
    return all(c == "\n" or c.isprintable() for c in text) and "\nfake" not in text


def denied(
    monkeypatch: pytest.MonkeyPatch, fake: FakeIndent, reason: str, shown: io.StringIO
) -> ApprovalDenied:
    fake.on_create = lambda name: fake.decide(name, "access/deny", reason=reason)
    monkeypatch.setenv("INDENT_SPACE", SPACE)
    monkeypatch.setenv("INDENT_API_TOKEN", TOKEN)
    monkeypatch.setattr(sys, "stderr", shown)
    with fake.serve():
        monkeypatch.setenv("INDENT_API_URL", fake.url)
        with pytest.raises(ApprovalDenied) as caught:
            approval_sync(reason="why", resources=[{"kind": "action", "id": "x"}])
    return caught.value


def test_a_denial_with_a_hostile_reason(monkeypatch: pytest.MonkeyPatch, fake: FakeIndent) -> None:
    shown = io.StringIO()
    error = denied(monkeypatch, fake, "no" + EVIL, shown)
    assert error.reason == "no" + EVIL  # a program gets what was said
    assert "Denied" in shown.getvalue()
    for text in (shown.getvalue(), str(error), "".join(traceback.format_exception(error))):
        assert harmless(text), text


def test_every_line_is_harmless(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = io.StringIO()
    monkeypatch.setattr(sys, "stderr", shown)
    petition: Any = {"name": "x" + EVIL}
    on_terminal(ApprovalEvent("denied", f"❌ Denied by {EVIL}: {EVIL}", petition, 0))
    assert shown.getvalue().count("\n") == 1
    assert harmless(shown.getvalue())


def test_a_server_that_refuses_with_hostile_words(
    monkeypatch: pytest.MonkeyPatch, fake: FakeIndent
) -> None:
    monkeypatch.setenv("INDENT_SPACE", SPACE)
    monkeypatch.setenv("INDENT_API_TOKEN", TOKEN)
    refusal = {"code": "invalid" + EVIL, "message": "no" + EVIL, "field": "a" + EVIL}
    fake.answer(refusal, status=400)
    with fake.serve():
        monkeypatch.setenv("INDENT_API_URL", fake.url)
        with pytest.raises(ApprovalError) as caught:
            approval_sync(reason="why", resources=[{"kind": "action", "id": "x"}])
    assert harmless("".join(traceback.format_exception(caught.value))), str(caught.value)
