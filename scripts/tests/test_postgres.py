"""A private server answers, keeps strangers out, and is gone afterwards."""

import socket
from urllib.parse import urlsplit

import postgres


def test_the_server_lives_as_long_as_the_block() -> None:
    with postgres.private_server() as url:
        address = urlsplit(url)
        assert address.hostname == "127.0.0.1"
        assert len(address.password or "") >= 32
        assert answers(address.port)
    assert not answers(address.port)


def answers(port: int | None) -> bool:
    """Whether a PostgreSQL is there: it answers the question for TLS with one letter."""
    try:
        with socket.create_connection(("127.0.0.1", port or 0), timeout=5) as connection:
            connection.sendall(b"\x00\x00\x00\x08\x04\xd2\x16\x2f")
            return connection.recv(1) == b"N"
    except ConnectionRefusedError:
        return False
