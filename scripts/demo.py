"""`make demo`: the quickstart from beginning to end, on a server of its own.

A script asks for approval and waits; a second person approves; the script goes on. Then a denial,
a petition by the API client, and what the audit log has of it all. Ends with 0 only when every
line was what the quickstart promises. Everything it starts is stopped at the end, on Ctrl-C too.
"""

import sys

if sys.version_info < (3, 10):  # noqa: UP036 - this is where older ones are told
    sys.exit("Python 3.10 or newer is needed; name one: make demo PYTHON=/path/to/python3")

import re
import shutil
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import dev_server
import machine
import processes
import python_env
import tree
from scene import NotAsPromised, Scene, performed, say

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
REQUESTED = rf"⏵ Requested approval #acmecorp/({UUID})"
SECONDS_UNTIL_DECISION = 3


def main() -> int:
    machine.ensure(["go", "venv"])
    python = python_env.for_demo()
    return performed(
        "indent-demo-",
        lambda server, scratch: play(Scene(server, python, user_folder(scratch, server))),
    )


def user_folder(scratch: Path, server: dev_server.DevServer) -> Path:
    """The folder of the quickstart's user: the settings are in its .env, as the quickstart says."""
    folder = scratch / "user"
    folder.mkdir()
    shutil.copy(server.data / "dev.env", folder / ".env")
    return folder


def play(scene: Scene) -> None:
    say("1. The script asks and waits. After three seconds a second person approves.")
    granted = ask(scene, "123", "approve")
    expect_granted(granted)

    say("2. The same, denied: a typed exception, and the line below it never runs.")
    denied = ask(scene, "456", "deny", "--reason", "not without a ticket")
    expect_denied(denied)

    say("3. The API client asks for a resource and does not wait.")
    requested = request_production(scene)

    say("4. What the audit log has of it.")
    show_events(scene, [granted.petition, denied.petition, requested])


# ---- asking and deciding ----


@dataclass(frozen=True)
class Outcome:
    lines: list[str]
    code: int
    petition: str


def ask(scene: Scene, user: str, *decision: str) -> Outcome:
    """Run reset_password.py; some seconds after it has asked, decide as the second person."""
    print(f'$ USER={user} REASON="to recover account" python reset_password.py', flush=True)
    example = run_example(scene, "reset_password.py", USER=user, REASON="to recover account")
    lines: list[str] = []
    printed = threading.Thread(target=collect, args=(example, lines), daemon=True)
    printed.start()
    try:
        petition = petition_in(first_line(lines, printed))
        time.sleep(SECONDS_UNTIL_DECISION)
        if petition not in open_petitions(scene):
            raise NotAsPromised(f"petition {petition} does not wait for a decision")
        verb, *how = decision
        scene.indent("petition", verb, petition, *how)
        code = example.wait(timeout=30)
        printed.join(timeout=10)
    except subprocess.TimeoutExpired as error:
        raise NotAsPromised("the script did not go on after the decision") from error
    finally:
        processes.end_group(example)
    return Outcome([line for line in lines if line], code, petition)


def run_example(scene: Scene, name: str, **variables: str) -> "subprocess.Popen[str]":
    """Start an example of the tree in the user's folder; the settings come from its .env."""
    environment = {**tree.without_indent_settings(), "PYTHONUNBUFFERED": "1", **variables}
    return subprocess.Popen(
        [scene.python, tree.ROOT / "examples" / name],
        cwd=scene.folder,
        env={**environment, "PYTHONIOENCODING": "utf-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        start_new_session=True,
    )


def collect(example: "subprocess.Popen[str]", lines: "list[str]") -> None:
    """Show the example's output as it comes, and keep it; of a traceback only the last line."""
    assert example.stdout is not None
    in_traceback = False
    for line in example.stdout:
        text = line.rstrip("\n")
        in_traceback = in_traceback or text.startswith("Traceback")
        if in_traceback and (not text or text.startswith((" ", "Traceback"))):
            continue
        lines.append(text)
        print(f"  {text}", flush=True)


def first_line(lines: "list[str]", printed: threading.Thread) -> str:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline and printed.is_alive():
        if found := next((line for line in lines if line), None):
            return found
        time.sleep(0.02)
    raise NotAsPromised("the script did not say that it asked: " + "\n".join(lines))


def petition_in(line: str) -> str:
    match = re.fullmatch(REQUESTED, line)
    if match is None:
        raise NotAsPromised(f"the first line is {line!r}, not `⏵ Requested approval #acmecorp/…`")
    return match[1]


def open_petitions(scene: Scene) -> list[str]:
    return [p["name"] for p in scene.listed("petition", "list", "--phase", "open")]


# ---- what was promised ----


def expect_granted(outcome: Outcome) -> None:
    """The quickstart's lines, each in its place; a slow machine may wait for one line more."""
    waits = [line for line in outcome.lines if line.startswith("↳")]
    if waits[:1] != [wait_line(2)] or waits not in ([wait_line(2)], [wait_line(2), wait_line(4)]):
        raise NotAsPromised(f"the lines of waiting are {waits}")
    want = [REQUESTED, *map(re.escape, [*waits, "✅ Granted", "done: password reset user:123"])]
    expect_lines(outcome.lines, want)
    if outcome.code != 0:
        raise NotAsPromised(f"the script ended with {outcome.code}")


def expect_denied(outcome: Outcome) -> None:
    text = "\n".join(outcome.lines)
    if any(line.startswith("done:") for line in outcome.lines):
        raise NotAsPromised("the line below the denied approval ran")
    if outcome.code == 0 or "ApprovalDenied" not in text or "not without a ticket" not in text:
        raise NotAsPromised(f"no ApprovalDenied with the reviewer's reason in:\n{text}")


def request_production(scene: Scene) -> str:
    """Run request_prod.py; the name of its petition, which waits for a decision now."""
    print("$ python request_prod.py", flush=True)
    example = run_example(scene, "request_prod.py")
    lines: list[str] = []
    try:
        collect(example, lines)
        code = example.wait(timeout=30)
    finally:
        processes.end_group(example)
    address = re.escape(scene.server.url.rstrip("/"))
    expect_lines(
        [line for line in lines if line], [rf"Requested: {address}/access/acmecorp/{UUID}"]
    )
    name = lines[-1].rsplit("/", 1)[-1]
    if code != 0 or name not in open_petitions(scene):
        raise NotAsPromised(f"petition {name} does not wait for a decision")
    return name


def show_events(scene: Scene, petitions: Sequence[str]) -> None:
    """Print the log; each petition must be in it, and both decisions."""
    print("$ indent event list", flush=True)
    for line in scene.indent("event", "list").splitlines():
        print(f"  {line}")
    events = scene.listed("event", "list")
    seen = {(event["event"], event["meta"].get("labels", {}).get("petition")) for event in events}
    wanted = [("access/request", name) for name in petitions]
    wanted += [("access/approve", petitions[0]), ("access/deny", petitions[1])]
    if missing := [f"{event} of {name}" for event, name in wanted if (event, name) not in seen]:
        raise NotAsPromised(f"the log lacks {', '.join(missing)}")


def expect_lines(lines: Sequence[str], patterns: Sequence[str]) -> None:
    same = len(lines) == len(patterns)
    if not same or not all(map(re.fullmatch, patterns, lines)):
        shown = "\n".join(lines)
        raise NotAsPromised(f"the script printed\n{shown}\nnot what the quickstart shows")


def wait_line(seconds: int) -> str:
    return f"↳ Waiting for approval... ({seconds}s elapsed)"


if __name__ == "__main__":
    sys.exit(tree.until_stopped(main))
