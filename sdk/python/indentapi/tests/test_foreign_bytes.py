"""Whatever stands in a file or comes from a server is read in bounded time, as what it is.

Each run draws its own inputs; a failure shows the seed, and FUZZ_SEED=<seed> repeats it.
"""

from __future__ import annotations

import os
import random
import re
import time
from collections.abc import Sequence

import pytest
from indentapi import APIResponseError
from indentapi._dotenv import MOST_BYTES, parse
from indentapi._sse import Message, Parser
from indentapi.values import printable

SEED = int(os.environ.get("FUZZ_SEED") or random.SystemRandom().getrandbits(32))
DOTENV = (
    *("A", "INDENT_SPACE", "=", "'", '"', "\\", "\n", "\r\n", "#", " ", "\t", "export ", "$A"),
    *("x", "ö", "\x00", "\u202e", "\ufeff", "\u2028", "`", "\\n", "B=1\n", '="', "='"),
)
SSE = (
    *(b"data:", b"data: ", b"id: ", b"id", b"event: x", b"\n", b"\r\n", b"\r", b": ", b"\n\n"),
    *(b"x", b"\xff", b"\xe2\x80", b"\x00", b"id: \x1b\n", b'{"a":1}', b"\xef\xbb\xbf", b"1.2"),
)


def text(draw: random.Random, pieces: Sequence[str]) -> str:
    return "".join(draw.choices(pieces, k=draw.randrange(30)))


def test_whatever_stands_in_a_dotenv_file() -> None:
    draw = random.Random(SEED)
    for _ in range(20_000):
        content = text(draw, DOTENV)
        for name, value in parse(content).items():
            assert re.fullmatch(r"[A-Za-z_]\w*", name), (SEED, content)
            assert isinstance(value, str), (SEED, content)


def test_what_is_written_to_a_dotenv_file_is_what_is_read() -> None:
    draw = random.Random(SEED)
    for _ in range(10_000):
        value = text(draw, [piece for piece in DOTENV if "\r" not in piece])
        quoted = value.replace("\\", "\\\\").replace('"', '\\"')
        around = text(draw, ["# it's\n", "\n", "B=2\n", "  \n", "no assignment\n"])
        written = f'{around}A="{quoted}"\n{around}'
        assert parse(written)["A"] == value, (SEED, written)


@pytest.mark.parametrize(
    "piece", ['A="', "A='", "A=", 'A="\\', " ", "A=x #", '"\n', 'A=""', "export "]
)
@pytest.mark.parametrize("end", ["", "\n"])
def test_a_dotenv_file_made_to_be_slow_is_not(piece: str, end: str) -> None:
    content = (piece + end) * (MOST_BYTES // len(piece + end))
    began = time.monotonic()
    parse(content)
    assert time.monotonic() - began < 5


def messages(pieces: Sequence[bytes]) -> list[Message]:
    parser = Parser()
    return [message for piece in pieces for message in parser.feed(piece)]


def test_a_stream_is_the_same_in_pieces_of_any_size() -> None:
    draw = random.Random(SEED)
    for _ in range(5_000):
        content = b"".join(draw.choices(SSE, k=draw.randrange(40)))
        cuts = sorted(draw.choices(range(len(content) + 1), k=draw.randrange(8)))
        pieces = [content[a:b] for a, b in zip([0, *cuts], [*cuts, len(content)], strict=True)]
        whole = messages([content])
        assert messages(pieces) == whole, (SEED, content, cuts)
        for message in whole:
            # it goes back to the server in a header
            assert message.id is None or re.fullmatch(r"[ -~]{0,200}", message.id), (SEED, content)
            assert "\n" not in (message.id or ""), (SEED, content)


def test_a_stream_that_never_ends_a_line_or_a_message_is_cut_off() -> None:
    for piece in (b"x" * 65536, b"data: " + b"x" * 65536 + b"\n", b"data:\n" * 10_000):
        with pytest.raises(APIResponseError, match="over 8 MiB"):
            messages([piece] * 200)


def test_whatever_is_printed_commands_no_terminal() -> None:
    draw = random.Random(SEED)
    for _ in range(5_000):
        foreign = "".join(chr(draw.randrange(0x110000)) for _ in range(20))
        shown = printable(foreign)
        assert shown.isprintable(), (SEED, foreign)
        assert all(c in shown for c in foreign if c.isprintable()), (SEED, foreign)
