"""What all tests and docstrings' examples have: a fake server, no settings of the machine."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest
from fake_indent import SPACE, TOKEN, FakeIndent


@pytest.fixture
def fake() -> FakeIndent:
    """An Indent server in memory. See testkit/fake_indent.py."""
    return FakeIndent()


@pytest.fixture(autouse=True)
def nothing_from_outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No INDENT_ variable and no .env of the machine reaches a test."""
    for name in ("INDENT_SPACE", "INDENT_API_TOKEN", "INDENT_API_URL", "INDENT_ALLOW_PLAIN_HTTP"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def documented(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, nothing_from_outside: None
) -> Generator[None]:
    """Docstrings' examples talk to a fake server on a real socket, where `approval` is granted."""
    if not isinstance(request.node, pytest.DoctestItem):
        yield
        return
    with FakeIndent().serve() as fake:
        if "approvals" in str(request.node.path):
            fake.on_create = fake.grant
        monkeypatch.setenv("INDENT_SPACE", SPACE)
        monkeypatch.setenv("INDENT_API_TOKEN", TOKEN)
        monkeypatch.setenv("INDENT_API_URL", fake.url)
        yield
