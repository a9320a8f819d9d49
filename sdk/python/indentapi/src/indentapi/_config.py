"""Where the client talks to, as whom, and in which space."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from . import _dotenv
from .errors import ConfigurationError

DEFAULT_URL = "http://127.0.0.1:8080"


@dataclass(frozen=True)
class Settings:
    """The settings of a client, checked. The token is in no repr."""

    url: str
    space: str
    token: str = field(repr=False)

    def redact(self, text: str) -> str:
        """`text` without the token, should a server or a proxy have echoed it."""
        return text.replace(self.token, "[token]") if len(self.token) >= 8 else text

    @property
    def loopback(self) -> bool:
        return _is_loopback(urlsplit(self.url).hostname or "")


def settings(
    space: str | None = None,
    token: str | None = None,
    url: str | None = None,
    *,
    allow_plain_http: bool | None = None,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Settings:
    """What is given, else the environment, else the nearest `.env`; an empty value is none.

    Of the token an empty value in the environment is an error: it is what a secret that did not
    arrive looks like, and the token in a file could be somebody else's.

    Raises `ConfigurationError`, which says what to do, when something is missing or unusable.
    """
    given = {"INDENT_SPACE": space, "INDENT_API_TOKEN": token, "INDENT_API_URL": url}
    environ = os.environ if environ is None else environ
    if not token and environ.get("INDENT_API_TOKEN") == "":
        raise ConfigurationError(
            "INDENT_API_TOKEN is set to nothing in the environment, and no other token is taken "
            "in its place: give it a token, or unset it."
        )
    found = {name: value or environ.get(name, "") for name, value in given.items()}
    plain = environ.get("INDENT_ALLOW_PLAIN_HTTP", "")
    if not all(found.values()):
        _, from_file = _dotenv.find(_folder(folder), "INDENT_")
        found = {name: value or from_file.get(name, "") for name, value in found.items()}
        plain = plain or from_file.get("INDENT_ALLOW_PLAIN_HTTP", "")
    if allow_plain_http is None:
        allow_plain_http = plain.lower() in ("1", "true", "yes")
    missing = [name for name in ("INDENT_SPACE", "INDENT_API_TOKEN") if not found[name]]
    if missing:
        raise ConfigurationError(_how_to_configure(missing, found["INDENT_API_URL"]))
    return Settings(
        url=_checked_url(found["INDENT_API_URL"] or DEFAULT_URL, allow_plain_http),
        space=_visible("INDENT_SPACE", found["INDENT_SPACE"]),
        token=_visible("INDENT_API_TOKEN", found["INDENT_API_TOKEN"]),
    )


def _folder(folder: Path | None) -> Path:
    try:
        return (folder or Path.cwd()).absolute()
    except OSError:  # the working directory has been deleted
        return Path("/")


def _how_to_configure(missing: list[str], url: str) -> str:
    return (
        f"{' and '.join(missing)} {'are' if len(missing) > 1 else 'is'} not set. "
        f"Open {url or DEFAULT_URL}/api-keys and copy the lines into a .env file in the folder "
        "that you start from, or set them in the environment. "
        "No server yet? `indent dev` starts one and prints them."
    )


def _visible(name: str, value: str) -> str:
    """`value` if it can stand in a header. The error does not repeat it: it may be a secret."""
    if not re.fullmatch(r"[!-~]{1,8192}", value):
        raise ConfigurationError(
            f"{name} has a space, a line break or another character that cannot be part of it: "
            "copy it again, without quotes inside."
        )
    return value


def _checked_url(url: str, allow_plain_http: bool) -> str:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port  # raises when it is no port
    except ValueError:
        parts, host = None, ""
    if not parts or parts.scheme not in ("http", "https") or not host:
        raise ConfigurationError(
            "INDENT_API_URL is not an address such as https://indent.example.com"
        )
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise ConfigurationError(
            "INDENT_API_URL must have no user, password, query or fragment: "
            "write https://host or https://host/path"
        )
    if parts.scheme == "http" and not _is_loopback(host) and not allow_plain_http:
        raise ConfigurationError(
            f"INDENT_API_URL is plain http to {host}: everybody on the way could read the token. "
            "Use https. In a network that you trust, say allow_plain_http=True or "
            "INDENT_ALLOW_PLAIN_HTTP=1."
        )
    return url.rstrip("/")


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
