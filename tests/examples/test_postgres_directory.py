"""examples/postgres-access fills a real server's directory with the roles of a real PostgreSQL."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import access_database
import dev_server
import pytest
from access_database import Database
from scene import NotAsPromised, Scene


@pytest.fixture
def database() -> Iterator[Database]:
    with access_database.prepared() as made:
        yield made


def test_the_roles_fill_the_directory(database: Database, tmp_path: Path) -> None:
    """A server asks for the roles: new ones come, those that are dropped are marked."""
    with dev_server.running(tmp_path) as server, access_database.endpoint(database) as endpoint:
        person = Scene(server, Path(sys.executable), tmp_path)
        (tmp_path / "secret").write_text(endpoint.secret)
        make = ["webhook", "create", "postgres", "--url", endpoint.url, "--secret-file", "secret"]
        person.indent(*make)
        offered = ["--label", "indent.com/requestable=true"]
        person.indent(
            "pull", "set", "roles", "--webhook", "postgres", "--kind", "postgres-role", *offered
        )

        pulled = json.loads(person.indent("pull", "run", "roles", "--json"))
        assert [one["state"] for one in pulled] == ["done"]
        assert pulled[0]["created"] == len(roles_of(person))
        reader = roles_of(person)["access_reader"]
        assert reader["displayName"] == "Read the secrets"
        assert reader["labels"]["indent.com/requestable"] == "true"
        assert "access_root" not in roles_of(person)

        database.do(
            "CREATE ROLE access_new NOLOGIN",
            "GRANT access_new TO indent_endpoint WITH ADMIN OPTION",
        )
        person.indent("pull", "run", "roles")
        assert not is_gone(roles_of(person)["access_new"])
        database.do("DROP ROLE access_new")
        person.indent("pull", "run", "roles")
        assert is_gone(roles_of(person)["access_new"])
        before = roles_of(person)
        assert not is_gone(before["access_reader"])

        endpoint.kill()
        with pytest.raises(NotAsPromised, match="1 pull of 1 did not work"):
            person.indent("pull", "run", "roles")
        assert roles_of(person) == before
        shown = json.loads(person.indent("pull", "show", "roles", "--json"))
        assert shown["status"]["failures"] == 1


def roles_of(person: Scene) -> dict[str, Any]:
    """The roles that are in the directory, by their names in PostgreSQL."""
    listed = person.listed("resource", "list", "--limit", "0")
    return {one["id"]: one for one in listed if one["kind"] == "postgres-role"}


def is_gone(resource: dict[str, Any]) -> bool:
    return resource["labels"].get("indent.com/resource/is_deactivated") == "true"
