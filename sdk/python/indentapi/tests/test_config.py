"""Where settings come from, and what is refused before anything is sent."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from fake_indent import TOKEN
from indentapi import AsyncIndentAPI, ConfigurationError, IndentAPI
from indentapi._config import Settings, settings
from indentapi._dotenv import MOST_BYTES, parse

COMPLETE = f"INDENT_SPACE=acmecorp\nINDENT_API_TOKEN={TOKEN}\n"


def given(**environ: str) -> Settings:
    return settings(environ=environ)


def test_arguments_win_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(
        "INDENT_SPACE=file\nINDENT_API_TOKEN=file\nINDENT_API_URL=http://127.0.0.1:3\n"
    )
    got = settings("argument", environ={"INDENT_SPACE": "env", "INDENT_API_TOKEN": "env"})
    assert (got.space, got.token, got.url) == ("argument", "env", "http://127.0.0.1:3")


def test_an_empty_value_is_no_value(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(COMPLETE)
    assert settings("", None, environ={"INDENT_SPACE": ""}).space == "acmecorp"


def test_a_token_that_is_empty_in_the_environment_is_not_taken_from_a_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(COMPLETE)
    for given in (None, ""):
        with pytest.raises(ConfigurationError, match="set to nothing in the environment"):
            settings(None, given, environ={"INDENT_API_TOKEN": ""})
    assert settings(None, "given", environ={"INDENT_API_TOKEN": ""}).token == "given"


def test_the_server_defaults_to_a_local_one() -> None:
    assert given(INDENT_SPACE="a", INDENT_API_TOKEN="b").url == "http://127.0.0.1:8080"


def test_the_file_is_found_in_a_parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text(COMPLETE)
    (tmp_path / "a" / "b").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "a" / "b")
    assert IndentAPI().space_name == "acmecorp"


def test_a_nearer_file_without_our_names_hides_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text(COMPLETE)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / ".env").write_text("DATABASE_URL=postgres://x\n")
    monkeypatch.chdir(tmp_path / "a")
    assert IndentAPI().space_name == "acmecorp"


def test_one_file_is_taken_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text(COMPLETE)
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / ".env").write_text("INDENT_API_URL=https://elsewhere.example\n")
    monkeypatch.chdir(tmp_path / "a")
    with pytest.raises(ConfigurationError, match="INDENT_SPACE and INDENT_API_TOKEN are not set"):
        IndentAPI()


def test_the_file_never_reaches_the_environment(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(COMPLETE)
    before = dict(os.environ)
    IndentAPI()
    assert dict(os.environ) == before


def test_somebody_elses_file_in_a_folder_open_to_all_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text(COMPLETE)
    tmp_path.chmod(0o1777)
    assert IndentAPI().space_name == "acmecorp", "one's own file is taken"
    monkeypatch.setattr(os, "geteuid", lambda: (tmp_path / ".env").stat().st_uid + 1)
    with pytest.raises(ConfigurationError):
        IndentAPI()


def test_a_file_that_is_too_large_or_not_readable_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(COMPLETE + "#" * MOST_BYTES)
    with pytest.raises(ConfigurationError):
        IndentAPI()


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b", "b"),
        ("  export A = b  ", "b"),
        ("A='b # c'", "b # c"),
        ('A="b # c"  # why', "b # c"),
        ("A=b # why", "b"),
        ("A=b#c", "b#c"),
        ("A=", ""),
        ("A= # why", ""),
        ('A="two\\nlines"', "two\nlines"),
        ('A="a \\"quote\\" and \\\\"', 'a "quote" and \\'),
        ("A='not \\n expanded'", "not \\n expanded"),
        ("A=$HOME", "$HOME"),
        ("A=b=c", "b=c"),
        ("A=1\r\nA=2\r\n", "2"),
        ("\ufeffA=b", "b"),
        ('A="over\ntwo lines"', "over\ntwo lines"),
        ("A='unended", "'unended"),
    ],
)
def test_lines_of_a_file(line: str, value: str) -> None:
    assert parse(line) == {"A": value}


def test_what_is_no_assignment_is_passed_over() -> None:
    assert parse("# A=1\nfoo\n1A=2\n=3\nB='x\nA=inside\n'\n") == {"B": "x\nA=inside\n"}


@pytest.mark.parametrize(
    ("environ", "says"),
    [
        ({}, "INDENT_SPACE and INDENT_API_TOKEN are not set.*/api-keys.*indent dev"),
        ({"INDENT_SPACE": "a"}, "INDENT_API_TOKEN is not set"),
        ({"INDENT_SPACE": "a b", "INDENT_API_TOKEN": "c"}, "INDENT_SPACE has a space"),
        ({"INDENT_SPACE": "ä", "INDENT_API_TOKEN": "c"}, "INDENT_SPACE has a space"),
        ({"INDENT_SPACE": "a", "INDENT_API_TOKEN": "canary\nx"}, "INDENT_API_TOKEN has a space"),
    ],
)
def test_missing_and_unusable_settings_say_what_to_do(environ: dict[str, str], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says) as raised:
        settings(environ=environ)
    assert "canary" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "indent.example.com",
        "ftp://indent.example.com",
        "https://",
        "https://user:secret@indent.example.com",
        "https://indent.example.com?x=1",
        "https://indent.example.com#x",
        "http://127.0.0.1:99999",
        "http://[::1",
    ],
)
def test_addresses_that_are_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="INDENT_API_URL") as raised:
        given(INDENT_SPACE="a", INDENT_API_TOKEN="b", INDENT_API_URL=url)
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080/",
        "http://localhost",
        "http://[::1]:1",
        "https://indent.example.com/a/",
    ],
)
def test_addresses_that_are_taken(url: str) -> None:
    got = given(INDENT_SPACE="a", INDENT_API_TOKEN="b", INDENT_API_URL=url)
    assert got.url == url.rstrip("/")


@pytest.mark.parametrize("host", ["indent.example.com", "10.0.0.1", "127.0.0.1.example.com"])
def test_the_token_is_not_sent_over_plain_http_to_another_machine(host: str) -> None:
    environ = {"INDENT_SPACE": "a", "INDENT_API_TOKEN": "b", "INDENT_API_URL": f"http://{host}"}
    with pytest.raises(ConfigurationError, match="plain http"):
        settings(environ=environ)
    with pytest.raises(ConfigurationError, match="plain http"):
        settings(environ={**environ, "INDENT_ALLOW_PLAIN_HTTP": "1"}, allow_plain_http=False)
    assert settings(environ=environ, allow_plain_http=True).url == f"http://{host}"
    assert settings(environ={**environ, "INDENT_ALLOW_PLAIN_HTTP": "1"}).url == f"http://{host}"


def test_no_repr_has_the_token(fake: object) -> None:
    for client in (IndentAPI("acmecorp", TOKEN), AsyncIndentAPI("acmecorp", TOKEN)):
        assert "acmecorp" in repr(client)
        assert TOKEN not in repr(client)
    assert TOKEN not in repr(settings("acmecorp", TOKEN))
