"""What scripts/links.py takes for a link, a heading and a broken link."""

from pathlib import Path

import links
import pytest


@pytest.mark.parametrize(
    ("line", "target"),
    [
        ("see [the guide](docs/guide.md)", "docs/guide.md"),
        ('see [the guide](docs/guide.md "a title")', "docs/guide.md"),
        ("![a picture](docs/page.png)", "docs/page.png"),
        ("[![badge](badge.svg)](ci.md)", "ci.md"),
        ("[ref]: docs/guide.md", "docs/guide.md"),
        ('<img src="docs/page.png" alt="">', "docs/page.png"),
        ("[`code`](a.md)", "a.md"),
    ],
)
def test_a_link_is_found(line: str, target: str) -> None:
    assert target in [found for _, found in links.links(line)]


@pytest.mark.parametrize(
    "text", ["`[not](a.md)`", "```\n[not](a.md)\n```", "~~~md\n[not](a.md)\n~~~"]
)
def test_code_has_no_links(text: str) -> None:
    assert list(links.links(text)) == []


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        ("# Who may import whom", "who-may-import-whom"),
        ("## `make test`, twice", "make-test-twice"),
        ("## [A link](x.md) in it!", "a-link-in-it"),
        ("### snake_case stays", "snake_case-stays"),
    ],
)
def test_headings_are_named_as_github_names_them(heading: str, anchor: str) -> None:
    assert links.anchors(heading) == {anchor}


def test_a_repeated_heading_gets_a_number() -> None:
    assert links.anchors("# A\n# A\n") == {"a", "a-1"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[x](gone.md)", "there is no such file"),
        ("[x](other.md#gone)", "other.md has no such heading"),
        ("[x](#gone)", "page.md has no such heading"),
        ("[x](../outside.md)", "leads out of the project"),
    ],
)
def test_a_broken_link_is_told(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "page.md").write_text(text)
    (tmp_path / "other.md").write_text("# Here")
    assert [line.endswith(problem) for line in links.broken_links(Path("page.md"), tmp_path)] == [
        True
    ]


@pytest.mark.parametrize(
    "text",
    ["[x](other.md#here)", "[x](/other.md)", "[x](https://example.com/gone)", "# A\n[x](#a)"],
)
def test_a_good_link_is_not_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "page.md").write_text(text)
    (tmp_path / "other.md").write_text("# Here")
    assert links.broken_links(Path("page.md"), tmp_path) == []
