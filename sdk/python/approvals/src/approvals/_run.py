"""Does what a story says, with the client: `run` blocks, `run_async` awaits."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import AsyncGenerator
from typing import Any

from indentapi import AsyncIndentAPI, ConfigurationError, IndentAPI, IndentError
from indentapi.watch import Watch

from ._granted import Approval
from ._notice import ApprovalEvent, OnEvent
from ._story import Create, Look, Outcome, Story, Tell
from .errors import ApprovalUnavailable

ANSWER_SECONDS = 10.0
"""What the server may take to answer; waiting for a decision is apart from it."""


def client() -> IndentAPI:
    """A client with the settings of the environment; `ApprovalUnavailable` when there are none."""
    try:
        return IndentAPI(timeout=ANSWER_SECONDS)
    except ConfigurationError as error:
        raise ApprovalUnavailable(error.message) from error


@contextlib.asynccontextmanager
async def shared_client() -> AsyncGenerator[AsyncIndentAPI]:
    """As `client`, for awaiting: one for all approvals that are awaited at once."""
    async with contextlib.AsyncExitStack() as stack:
        try:
            shared = AsyncIndentAPI.shared(timeout=ANSWER_SECONDS)
            client = await stack.enter_async_context(shared)
        except ConfigurationError as error:
            raise ApprovalUnavailable(error.message) from error
        yield client


def run(story: Story, client: IndentAPI, on_event: OnEvent) -> Approval:
    try:
        step = next(story)
        while True:
            step = story.send(_do(step, client, on_event))
    except StopIteration as done:
        return done.value


async def run_async(story: Story, client: AsyncIndentAPI, on_event: OnEvent) -> Approval:
    async with client.petition.watch() as watch:
        try:
            step = next(story)
            while True:
                step = story.send(await _do_async(step, client, watch, on_event))
        except StopIteration as done:
            return done.value


def _do(step: Create | Look | Tell, client: IndentAPI, on_event: OnEvent) -> Outcome:
    if isinstance(step, Tell):
        return _tell(step.event, on_event)
    try:
        if isinstance(step, Look):
            return client.petition.wait(step.name, timeout=step.seconds)
        return client.petition.create(**_arguments(step))
    except IndentError as error:
        return error


async def _do_async(
    step: Create | Look | Tell, client: AsyncIndentAPI, watch: Watch, on_event: OnEvent
) -> Outcome:
    if isinstance(step, Tell):
        told = on_event(step.event)
        if inspect.isawaitable(told):
            await told
        return None
    try:
        if isinstance(step, Look):
            return await watch.wait(step.name, timeout=step.seconds, seen=step.seen)
        async with watch.turn(max(step.seconds, ANSWER_SECONDS)):
            return await client.petition.create(**_arguments(step))
    except IndentError as error:
        return error


def _tell(event: ApprovalEvent, on_event: OnEvent) -> None:
    told = on_event(event)
    if inspect.iscoroutine(told):
        told.close()
        raise TypeError("approval_sync cannot await on_event: give it a function without async")


def _arguments(step: Create) -> dict[str, Any]:
    return {**vars(step.asked), "idempotency_key": step.idempotency_key}
