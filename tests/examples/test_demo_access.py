"""`make demo-access` with endpoints that lie: what it says is so must be so."""

from __future__ import annotations

import shutil
from pathlib import Path

import demo_access
import pytest

GRANT = "roles.grant(login, role, update.expires)"
REVOKE = "roles.revoke(login, role)"


@pytest.mark.parametrize(
    ("line", "instead", "says"),
    [
        (GRANT, "pass", "Ada, who has access, got"),
        (REVOKE, "pass", "a session that was open at the end goes on"),
        (REVOKE, "roles._end_sessions(login)", "may Ada log in, and is she a member"),
    ],
    ids=["no grant", "no revoke", "a revoke of sessions only"],
)
def test_an_endpoint_that_lies_is_found_out(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    line: str,
    instead: str,
    says: str,
) -> None:
    monkeypatch.setattr(demo_access, "LASTS_SECONDS", 2)
    monkeypatch.setattr(demo_access, "LATE_SECONDS", 5)
    example = tmp_path / "example"
    shutil.copytree(demo_access.EXAMPLE, example)
    text = (example / "endpoint.py").read_text()
    assert text.count(line) == 1
    (example / "endpoint.py").write_text(text.replace(line, instead))
    assert demo_access.main(example) == 1
    assert f"NOT as promised: {says}" in capsys.readouterr().out
