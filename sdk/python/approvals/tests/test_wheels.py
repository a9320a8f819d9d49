"""What a user installs: both wheels can be built, and hold what they must and nothing else."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

PACKAGES = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["indentapi", "approvals"])
def test_a_wheel(name: str, tmp_path: Path) -> None:
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*build, "--wheel-dir", tmp_path, PACKAGES / name], check=True)
    (wheel,) = tmp_path.iterdir()
    with zipfile.ZipFile(wheel) as archive:
        files = archive.namelist()
        (metadata,) = (f for f in files if f.endswith(".dist-info/METADATA"))
        told = Parser().parsestr(archive.read(metadata).decode())
    assert f"{name}/py.typed" in files
    assert any(f.endswith("/licenses/LICENSE") for f in files)
    assert {f.partition("/")[0] for f in files} == {name, metadata.partition("/")[0]}
    assert told["License-Expression"] == "Apache-2.0"
    assert told["Requires-Python"] == ">=3.10"
    needs = told.get_all("Requires-Dist", [])
    assert any(n.startswith("indentapi" if name == "approvals" else "httpx") for n in needs)
    assert "```python" in str(told.get_payload()), "the README is the package's page"
