"""What is missing on a machine is installed, or named; never passed over."""

import machine
import pytest
from machine import Need


@pytest.fixture
def no_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "can_install", lambda: False)


def gone(name: str, *debian: str) -> Need:
    return Need(name, f"why {name}", f"how to get {name}", [*debian], lambda: False)


@pytest.mark.usefixtures("no_root")
def test_without_root_everything_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    here = Need("here", "", "", ["here"], lambda: True)
    needs = {"a": gone("A", "pkg-a"), "b": gone("B", "pkg-b"), "here": here}
    monkeypatch.setattr(machine, "NEEDS", needs)
    with pytest.raises(SystemExit) as ended:
        machine.ensure(["a", "b", "here"])
    assert ended.value.code == 1
    told = capsys.readouterr().err
    assert "A: why A\n      how to get A" in told
    assert "sudo apt-get install pkg-a pkg-b\n" in told


def test_root_installs_what_is_missing_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    installed: list[str] = []
    late = Need("late", "", "", ["pkg-late"], lambda: bool(installed))
    here = Need("here", "", "", ["here"], lambda: True)
    monkeypatch.setattr(machine, "NEEDS", {"late": late, "here": here})
    monkeypatch.setattr(machine, "can_install", lambda: True)
    monkeypatch.setattr(machine, "install", installed.extend)
    machine.ensure(["late", "here"])
    assert installed == ["pkg-late"]


def test_what_could_not_be_installed_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tried: list[str] = []
    monkeypatch.setattr(machine, "NEEDS", {"a": gone("A", "pkg-a")})
    monkeypatch.setattr(machine, "can_install", lambda: True)
    monkeypatch.setattr(machine, "install", tried.extend)
    with pytest.raises(SystemExit):
        machine.ensure(["a"])
    assert tried == ["pkg-a"]
    assert "how to get A" in capsys.readouterr().err
