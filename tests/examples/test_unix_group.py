"""examples/unix-group: the real program, on the files of a scratch root, and useradd's lock."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import endpoints
import pytest
from endpoints import EXAMPLES, ROOT, Endpoint

PASSWD = """\
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1::/:/bin/false
ada:x:1000:1000:Ada:/home/ada:/bin/sh
bob:x:1001:1005:Bob:/home/bob:/bin/sh
"""
GROUP = """\
root:x:0:
access-old:x:27:ada
ada:x:1000:
access-deploy:x:1004:eve,bob
access-bob:x:1005:
other:x:1006:ada
access-deploy-2:x:1007:
+::
"""
GSHADOW = "root:*::\naccess-deploy:!:root:eve,bob\nother:!::ada\n"


def group(name: str) -> dict[str, str]:
    return {"id": name, "kind": "unix-group"}


HOLDS = """
import fcntl, sys
file = open(sys.argv[1], "w")
fcntl.lockf(file, fcntl.LOCK_EX)
print("held", flush=True)
input()
"""
DEPLOY = group("access-deploy")
ADA = "ada@example.com"


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    built = tmp_path_factory.mktemp("bin") / "unix-group"
    subprocess.run(["go", "build", "-o", built, "./examples/unix-group"], cwd=ROOT, check=True)
    return built


@pytest.fixture
def etc(tmp_path: Path) -> Path:
    folder = tmp_path / "etc"
    folder.mkdir()
    for name, text, mode in (
        ("passwd", PASSWD, 0o644),
        ("group", GROUP, 0o644),
        ("gshadow", GSHADOW, 0o640),
    ):
        (folder / name).write_text(text)
        (folder / name).chmod(mode)
    return folder


Start = Callable[[], contextlib.AbstractContextManager[Endpoint]]


@pytest.fixture
def start(program: Path, etc: Path) -> Start:
    folder = EXAMPLES / "unix-group"
    return lambda: endpoints.running([program], folder, FOLDER=str(etc), DOMAIN="example.com")


@pytest.fixture
def endpoint(start: Start) -> Iterator[Endpoint]:
    with start() as running:
        yield running


def test_indent_webhook_test_finds_nothing_wrong(endpoint: Endpoint) -> None:
    assert "✓ ApplyUpdate (access/grant)" in endpoints.explained(endpoint)


def test_a_grant_adds_and_a_revoke_takes_out(endpoint: Endpoint, etc: Path) -> None:
    assert not endpoint.has(ADA, DEPLOY)
    assert endpoint.grant(ADA, DEPLOY) == 0
    assert endpoint.has(ADA, DEPLOY)
    added = GROUP.replace("access-deploy:x:1004:eve,bob", "access-deploy:x:1004:eve,bob,ada")
    assert (etc / "group").read_text() == added
    assert (etc / "gshadow").read_text() == GSHADOW.replace("root:eve,bob", "root:eve,bob,ada")
    assert endpoint.revoke(ADA, DEPLOY) == 0
    assert not endpoint.has(ADA, DEPLOY)
    assert (etc / "group").read_text() == GROUP
    assert (etc / "gshadow").read_text() == GSHADOW
    for name, mode in (("group", 0o644), ("gshadow", 0o640), ("passwd", 0o644)):
        assert stat.S_IMODE((etc / name).stat().st_mode) == mode
    assert sorted(p.name for p in etc.iterdir()) == [".pwd.lock", "group", "gshadow", "passwd"]


def test_a_call_twice_is_a_call_once(endpoint: Endpoint, etc: Path) -> None:
    assert [endpoint.grant("ADA@Example.com", DEPLOY) for _ in range(3)] == [0, 0, 0]
    before = (etc / "group").stat()
    assert endpoint.grant(ADA, DEPLOY) == 0
    assert (etc / "group").stat().st_ino == before.st_ino, "what is so already is left alone"
    assert (etc / "group").read_text().count("ada") == GROUP.count("ada") + 1
    assert [endpoint.revoke(ADA, DEPLOY) for _ in range(3)] == [0, 0, 0]
    assert (etc / "group").read_text() == GROUP


def test_a_revoke_before_its_grant_changes_nothing(endpoint: Endpoint, etc: Path) -> None:
    assert endpoint.revoke(ADA, DEPLOY) == 0
    assert endpoint.revoke("stranger@example.com", DEPLOY) == 0
    assert endpoint.revoke(ADA, group("access-no-such")) == 0
    assert (etc / "group").read_text() == GROUP


def test_who_has_left_is_taken_out(endpoint: Endpoint, etc: Path) -> None:
    """Eve's account is gone; the group still names her."""
    assert endpoint.has("eve@example.com", DEPLOY)
    assert endpoint.revoke("eve@example.com", DEPLOY) == 0
    assert "eve" not in (etc / "group").read_text()


def test_without_gshadow(endpoint: Endpoint, etc: Path) -> None:
    (etc / "gshadow").unlink()
    assert endpoint.grant(ADA, DEPLOY) == 0
    assert not (etc / "gshadow").exists()


@pytest.mark.parametrize(
    ("user", "name", "code"),
    [
        (ADA, "access-no-such", 5),
        (ADA, "access-old", 7),  # a system group
        (ADA, "root", 7),
        (ADA, "other", 7),  # no prefix
        (ADA, "", 7),
        (ADA, "access-deploy:x:1004:ada", 7),
        (ADA, "access-deploy\naccess-root:x:0:ada", 7),
        (ADA, "access-../x", 7),
        ("root@example.com", "access-deploy", 7),  # a system account
        ("daemon@example.com", "access-deploy", 7),
        ("stranger@example.com", "access-deploy", 5),
        ("ada@elsewhere.com", "access-deploy", 5),
        ("ada", "access-deploy", 5),
        ("ada,root@example.com", "access-deploy", 5),
        ("ada\nroot@example.com", "access-deploy", 5),
        ("@example.com", "access-deploy", 5),
    ],
)
def test_what_is_not_to_be_had(
    endpoint: Endpoint, etc: Path, user: str, name: str, code: int
) -> None:
    assert endpoint.grant(user, group(name)) == code
    assert (etc / "group").read_text() == GROUP


def test_what_was_not_given_here_is_not_said_to_be_gone(endpoint: Endpoint, etc: Path) -> None:
    assert endpoint.revoke(ADA, group("other")) == 7
    bobs = group("access-bob")
    assert endpoint.has("bob@example.com", bobs), "it is the account's own group"
    assert endpoint.revoke("bob@example.com", bobs) == 9
    assert (etc / "group").read_text() == GROUP


def test_a_broken_file_is_left_alone(endpoint: Endpoint, etc: Path) -> None:
    for broken in (GROUP + "access-deploy:x:1010:\n", GROUP.replace("1004:eve", "1004:x:eve")):
        (etc / "group").write_text(broken)
        status, answer = endpoint.call(
            {"events": [{"event": "access/grant", "resources": [{"id": ADA}, DEPLOY]}]}
        )
        assert (status, answer["status"]["code"]) == (500, 2)
        assert (etc / "group").read_text() == broken


def test_it_lists_what_can_be_asked_for(endpoint: Endpoint) -> None:
    _, answer = endpoint.call({"kinds": ["unix-group"]})
    names = [r["id"] for r in answer["resources"]]
    assert names == ["access-deploy", "access-bob", "access-deploy-2"]
    assert "resources" not in endpoint.call({"kinds": ["other"]})[1]


def test_calls_of_others_do_nothing(endpoint: Endpoint, etc: Path) -> None:
    event = {"event": "access/grant", "resources": [{"id": ADA}, DEPLOY]}
    assert endpoint.call({"events": [event]}, secret="whsec_" + "A" * 43 + "=")[0] == 401
    assert (etc / "group").read_text() == GROUP


def test_many_at_once_all_count(endpoint: Endpoint, etc: Path) -> None:
    people = [f"p{n}" for n in range(20)]
    lines = [f"{name}:x:{2000 + n}:{2000 + n}::/:/bin/sh\n" for n, name in enumerate(people)]
    (etc / "passwd").write_text(PASSWD + "".join(lines))
    with ThreadPoolExecutor(20) as pool:
        codes = pool.map(lambda name: endpoint.grant(f"{name}@example.com", DEPLOY), people)
        assert list(codes) == [0] * 20
    assert all(endpoint.has(f"{name}@example.com", DEPLOY) for name in people)


def test_it_waits_for_who_else_changes_accounts(start: Start, etc: Path) -> None:
    """Two endpoints, and somebody who holds the lock of lckpwdf(3), as useradd does."""
    with start() as one, start() as two, ThreadPoolExecutor(2) as pool:
        with subprocess.Popen(
            [sys.executable, "-c", HOLDS, etc / ".pwd.lock"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as other:
            assert other.stdout
            assert other.stdout.readline() == "held\n"
            calls = [
                pool.submit(one.grant, ADA, DEPLOY),
                pool.submit(two.grant, ADA, group("access-deploy-2")),
            ]
            # while it is held nothing is answered: a call that does not wait is done at once
            assert one.call({"info": True})[0] == 200
            assert not any(call.done() for call in calls)
            assert (etc / "group").read_text() == GROUP
            other.communicate("\n")
        assert [call.result() for call in calls] == [0, 0]
    text = (etc / "group").read_text()
    assert "access-deploy:x:1004:eve,bob,ada\n" in text
    assert "access-deploy-2:x:1007:ada\n" in text


def test_a_kill_leaves_a_whole_file(start: Start, etc: Path) -> None:
    lock = (etc / ".pwd.lock").open("w")
    with start() as endpoint, lock, ThreadPoolExecutor(1) as pool:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        call = pool.submit(endpoint.grant, ADA, DEPLOY)
        endpoint.kill()
        assert isinstance(call.exception(), OSError)
    assert (etc / "group").read_text() == GROUP
    with start() as endpoint:
        assert endpoint.grant(ADA, DEPLOY) == 0


def test_a_folder_that_cannot_be_read_is_no_answer(endpoint: Endpoint, etc: Path) -> None:
    shutil.rmtree(etc)
    for call in (
        {"kinds": ["unix-group"]},
        {"state": {"resources": [{"id": ADA}, DEPLOY]}},
        {"events": [{"event": "access/revoke", "resources": [{"id": ADA}, DEPLOY]}]},
    ):
        status, answer = endpoint.call(call)
        assert (status, answer["status"]["code"]) == (500, 2)
        assert str(etc) not in str(answer)
