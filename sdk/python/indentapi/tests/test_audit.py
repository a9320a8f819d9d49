"""The verifier of logs finds in each export what the server's own finds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from indentapi.audit import Fault, Report, main, verify

VECTORS = json.loads((Path(__file__).parents[4] / "spec/log/vectors.json").read_text("utf-8"))
CASES: list[dict[str, Any]] = VECTORS["cases"]


def lines_of(case: dict[str, Any]) -> list[bytes]:
    whole: list[str] = VECTORS["lines"]
    texts = [whole[line] if isinstance(line, int) else line for line in case["lines"]]
    return [text.encode() + b"\n" for text in texts]


def verified(case: dict[str, Any], lines: list[bytes]) -> Report:
    kept = [VECTORS["kept"]] if case["kept"] else []
    return verify(lines, checkpoints=kept, keys=VECTORS["keys"] if case["known"] else [])


@pytest.mark.parametrize("case", CASES, ids=[c["name"] for c in CASES])
def test_what_is_found_in_an_export(case: dict[str, Any]) -> None:
    lines = lines_of(case)
    if not case["fault"]:
        report = verified(case, lines)
        assert (report.origin, report.entries) == ("indent.test/log/acme", len(lines) - 1)
        return
    with pytest.raises(Fault) as found:
        verified(case, lines)
    assert (found.value.kind, found.value.index) == (case["fault"], case["index"])


def test_flipped_bits_of_an_entry_are_found() -> None:
    """One bit of every other byte, each in its turn: a verifier without C takes 10 ms for a key."""
    lines = lines_of(CASES[0])
    missed: list[str] = []
    for at in range(0, len(lines[2]) - 1, 2):
        changed = bytearray(lines[2])
        changed[at] ^= 1 << (at // 2 % 8)
        try:
            verify([*lines[:2], bytes(changed), *lines[3:]])
        except Fault:
            continue
        missed.append(changed.decode(errors="replace"))
    assert missed == []


def test_in_a_shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    export, checkpoint = tmp_path / "log.ndjson", tmp_path / "kept"
    checkpoint.write_text(VECTORS["kept"], "utf-8")
    export.write_bytes(b"".join(lines_of(CASES[0])))
    assert main([str(export), "--checkpoint", str(checkpoint), "--key", VECTORS["keys"][0]]) == 0
    assert "is whole: 10 entries" in capsys.readouterr().out
    export.write_bytes(b"".join(lines_of(CASES[0])[:-1]))
    assert main([str(export)]) == 16
    assert capsys.readouterr().err.startswith("cut at 9: ")
    export.write_bytes(b"{}\n")
    assert main([str(export)]) == 1
