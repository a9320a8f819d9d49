"""`approval`, `resume` and their blocking twins."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

from indentapi import AsyncIndentAPI, IndentAPI
from indentapi.types import ResourceLike

from . import _run
from ._asked import ApprovalRequest, Asked, Duration, asked, complete
from ._granted import Approval
from ._notice import OnEvent, nowhere, on_terminal
from ._story import Story, Terms, asking, resuming


async def approval(
    request: ApprovalRequest | Mapping[str, Any] | None = None,
    /,
    *,
    reason: str | None = None,
    resources: Iterable[ResourceLike] | None = None,
    petitioners: Iterable[ResourceLike] | None = None,
    params: Mapping[str, Any] | None = None,
    duration: Duration | None = None,
    labels: Mapping[str, str] | None = None,
    timeout: float | None = 10.0,
    idempotency_key: str | None = None,
    on_event: OnEvent | None = None,
    quiet: bool = False,
    client: AsyncIndentAPI | None = None,
) -> Approval:
    """Ask for approval and wait for it. What stands below runs only if it was granted.

    >>> import asyncio
    >>> from approvals import approval
    >>> async def reset_password(user_id, reason):
    ...     await approval({
    ...         "reason": reason,
    ...         "resources": [{"kind": "action", "id": f"reset-password:{user_id}"}],
    ...     })
    ...     print(f"done: password reset user:{user_id}")
    >>> asyncio.run(reset_password("123", "to recover account"))
    done: password reset user:123

    A server that restarts, breaks the connection or fails while this waits is waited for.
    Cancelling stops waiting at once and leaves the petition open. Hundreds may wait at once: when
    more than four do, in one event loop, they share a few connections.

    Args:
        request: A dict with any of the fields up to `labels`; the others are keywords.
        reason: Why; the reviewer reads it. 1 to 4,000 characters.
        resources: What approval is asked for, 1 to 100 dicts or `Resource(kind=…, id=…)`.
        petitioners: Who shall be allowed it, at most 20; the owner of the token by default.
        params: What the action will be done with: a JSON object of at most 64 KiB, shown to the
            reviewer in full. Run with `.params` of the result: they are what was approved.
        duration: How long it is asked for: seconds, a timedelta or text such as `"1h30m"`.
        labels: At most 64.
        timeout: Seconds to wait, None for ever. There is no approval on timeout: it raises, and the
            petition stays open.
        idempotency_key: 1 to 200 visible ASCII characters. A program that is started again with the
            same key and the same request waits for the same petition.
        on_event: Called with each `ApprovalEvent` instead of the lines on standard error; may be
            async. An exception from it ends the wait.
        quiet: No output.
        client: A client to use; it is left open. By default one is made from `INDENT_SPACE`,
            `INDENT_API_TOKEN` and `INDENT_API_URL`, in the environment or the nearest `.env`.

    Raises:
        ApprovalDenied: a reviewer or a rule said no; `.reviewer`, `.reason`.
        ApprovalTimeout: nobody has decided yet; `await resume(error.petition["name"])` waits on.
        ApprovalExpired, ApprovalWithdrawn, ApprovalRevoked: it is closed without an approval.
        ApprovalMismatch: the server answered something else than was asked.
        ApprovalUnavailable: no server, no configuration, or the server refused the request.
        TypeError, ValueError: the call itself is wrong.
    """
    made = complete(_asked(request, reason, resources, petitioners, params, duration, labels))
    return await awaited(_ask(made, idempotency_key, timeout), on_event, quiet, client)


def approval_sync(
    request: ApprovalRequest | Mapping[str, Any] | None = None,
    /,
    *,
    reason: str | None = None,
    resources: Iterable[ResourceLike] | None = None,
    petitioners: Iterable[ResourceLike] | None = None,
    params: Mapping[str, Any] | None = None,
    duration: Duration | None = None,
    labels: Mapping[str, str] | None = None,
    timeout: float | None = 10.0,
    idempotency_key: str | None = None,
    on_event: OnEvent | None = None,
    quiet: bool = False,
    client: IndentAPI | None = None,
) -> Approval:
    """As `approval`, blocking: for code without `async`. Arguments and errors are the same.

    It holds its thread and a connection while it waits. To share connections, something in the
    background would have to live longer than the call, and to be stopped from another thread; who
    waits for hundreds at once has no thread for each, and awaits `approval`.

    >>> from approvals import Resource, approval_sync
    >>> granted = approval_sync(
    ...     reason="to recover account",
    ...     resources=[Resource(kind="action", id="reset-password:123")],
    ...     params={"user": 123},
    ... )
    >>> granted.params
    {'user': 123}
    """
    made = complete(_asked(request, reason, resources, petitioners, params, duration, labels))
    return blocked(_ask(made, idempotency_key, timeout), on_event, quiet, client)


async def resume(
    name: str,
    /,
    *,
    reason: str | None = None,
    resources: Iterable[ResourceLike] | None = None,
    params: Mapping[str, Any] | None = None,
    timeout: float | None = 10.0,
    on_event: OnEvent | None = None,
    quiet: bool = False,
    client: AsyncIndentAPI | None = None,
) -> Approval:
    """Wait on for a petition that was made before, in this process or another one.

    >>> import asyncio
    >>> from approvals import approval, resume
    >>> async def main():
    ...     asked = await approval(reason="a test", resources=[{"kind": "action", "id": "x"}])
    ...     again = await resume(asked.name)
    ...     return again.name == asked.name
    >>> asyncio.run(main())
    True

    Args:
        name: The petition's name, a UUID, such as `error.petition["name"]` of an `ApprovalTimeout`.
        reason, resources, params: What you are about to do. When given, a petition that was made
            for something else raises `ApprovalMismatch`. Without, run with `.params` of the result.
        timeout, on_event, quiet, client: As for `approval`.

    Raises:
        As `approval`; `ApprovalUnavailable` also when there is no such petition.
    """
    expected = asked(None, reason=reason, resources=resources, params=params)
    return await awaited(_wait_on(name, expected, timeout), on_event, quiet, client)


def resume_sync(
    name: str,
    /,
    *,
    reason: str | None = None,
    resources: Iterable[ResourceLike] | None = None,
    params: Mapping[str, Any] | None = None,
    timeout: float | None = 10.0,
    on_event: OnEvent | None = None,
    quiet: bool = False,
    client: IndentAPI | None = None,
) -> Approval:
    """As `resume`, blocking."""
    expected = asked(None, reason=reason, resources=resources, params=params)
    return blocked(_wait_on(name, expected, timeout), on_event, quiet, client)


Plot: TypeAlias = Callable[[str], Story]
"""Begins the story in the space of this name."""


async def awaited(
    plot: Plot, on_event: OnEvent | None, quiet: bool, client: AsyncIndentAPI | None
) -> Approval:
    async with contextlib.AsyncExitStack() as stack:
        indent = client or await stack.enter_async_context(_run.shared_client())
        return await _run.run_async(plot(indent.space_name), indent, _output(on_event, quiet))


def blocked(
    plot: Plot, on_event: OnEvent | None, quiet: bool, client: IndentAPI | None
) -> Approval:
    with contextlib.ExitStack() as stack:
        indent = client or stack.enter_context(_run.client())
        return _run.run(plot(indent.space_name), indent, _output(on_event, quiet))


def _ask(made: Asked, idempotency_key: str | None, timeout: float | None) -> Plot:
    return lambda space: asking(made, idempotency_key, Terms(space, timeout))


def _wait_on(name: str, expected: Asked, timeout: float | None) -> Plot:
    return lambda space: resuming(name, expected, Terms(space, timeout))


def _output(on_event: OnEvent | None, quiet: bool) -> OnEvent:
    return on_event or (nowhere if quiet else on_terminal)


def _asked(
    request: ApprovalRequest | Mapping[str, Any] | None,
    reason: str | None,
    resources: Iterable[ResourceLike] | None,
    petitioners: Iterable[ResourceLike] | None,
    params: Mapping[str, Any] | None,
    duration: Duration | None,
    labels: Mapping[str, str] | None,
) -> Asked:
    return asked(
        request,
        reason=reason,
        resources=resources,
        petitioners=petitioners,
        params=params,
        duration=duration,
        labels=labels,
    )
