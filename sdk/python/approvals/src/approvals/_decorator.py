"""`@requires_approval`: a function that runs only when its call was approved."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias, TypeVar, cast

from indentapi import AsyncIndentAPI, IndentAPI, values
from indentapi.types import ResourceLike

from ._approval import approval, approval_sync
from ._asked import Duration, same_json
from ._notice import OnEvent
from .errors import ApprovalMismatch

F = TypeVar("F", bound=Callable[..., Any])
V = TypeVar("V")

OrOfCall: TypeAlias = V | Callable[..., V]
"""A value, or a function that makes it from those of the call's arguments that it names."""


def requires_approval(
    *,
    reason: OrOfCall[str],
    resources: OrOfCall[Iterable[ResourceLike]],
    params: bool | OrOfCall[Mapping[str, Any]] = False,
    petitioners: OrOfCall[Iterable[ResourceLike]] | None = None,
    duration: OrOfCall[Duration] | None = None,
    labels: OrOfCall[Mapping[str, str]] | None = None,
    idempotency_key: OrOfCall[str] | None = None,
    timeout: float | None = 10.0,
    on_event: OnEvent | None = None,
    quiet: bool = False,
    client: AsyncIndentAPI | IndentAPI | None = None,
) -> Callable[[F], F]:
    """Run the function only when this call of it was approved; raise as `approval` does otherwise.

    >>> from approvals import requires_approval
    >>> @requires_approval(
    ...     reason=lambda ticket: f"ticket {ticket}",
    ...     resources=lambda user_id: [{"kind": "action", "id": f"reset-password:{user_id}"}],
    ...     params=True,
    ... )
    ... def reset_password(user_id, ticket):
    ...     return f"password reset user:{user_id}"
    >>> reset_password(123, ticket="T-1")
    'password reset user:123'

    It works on functions with and without `async`; one without blocks while it waits.

    Args:
        reason, resources, petitioners, duration, labels, idempotency_key: As for `approval`; or a
            function that is called with the arguments of the call that it has parameters for, by
            their names (`**kwargs` takes all).
        params: True sends the call's arguments, by name, without `self` or `cls`; they must be
            JSON. A function of the arguments, or a dict, sends what you choose: leave out secrets.
            When the arguments no longer give the same params after the approval, the function does
            not run and `ApprovalMismatch` is raised: what runs is what was approved.
        timeout, on_event, quiet: As for `approval`.
        client: An `AsyncIndentAPI` for a function with `async`, an `IndentAPI` for one without.
    """

    def decorate(function: F) -> F:
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            raise TypeError(
                f"{function.__qualname__} is a generator: its body runs after the call, where no "
                "approval guards it. Decorate the function that iterates."
            )
        gate = _Gate(
            function,
            reason=reason,
            resources=resources,
            petitioners=petitioners,
            duration=duration,
            labels=labels,
            idempotency_key=idempotency_key,
            params=params,
        )
        options: dict[str, Any] = {
            "timeout": timeout,
            "on_event": on_event,
            "quiet": quiet,
            "client": client,
        }

        @functools.wraps(function)
        def blocking(*args: Any, **kwargs: Any) -> Any:
            call = gate.call(args, kwargs)
            approval_sync(**call.request, **options)
            call.check_unchanged()
            return function(*args, **kwargs)

        @functools.wraps(function)
        async def awaiting(*args: Any, **kwargs: Any) -> Any:
            call = gate.call(args, kwargs)
            await approval(**call.request, **options)
            call.check_unchanged()
            return await function(*args, **kwargs)

        return cast("F", awaiting if inspect.iscoroutinefunction(function) else blocking)

    return decorate


class _Gate:
    """What a decorated function asks approval for."""

    def __init__(self, function: Callable[..., Any], **asked: object) -> None:
        self._signature = inspect.signature(function)
        self._asked = {name: value for name, value in asked.items() if value is not None}
        for name, value in self._asked.items():
            if callable(value):
                self._check_names(name, value)

    def call(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> _Call:
        """What one call asks for; `TypeError` when the function could not be called like this."""
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        arguments: dict[str, Any] = {}
        for name, value in bound.arguments.items():
            if self._signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
                arguments |= value
            else:
                arguments[name] = value
        return _Call(self._asked, arguments)

    def _check_names(self, asked: str, value: Callable[..., Any]) -> None:
        """Refuses, when the function is decorated, what could only fail when it is called."""
        known = self._signature.parameters
        if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in known.values()):
            return
        for name, wanted in inspect.signature(value).parameters.items():
            if wanted.kind is inspect.Parameter.VAR_KEYWORD:
                continue
            if wanted.default is inspect.Parameter.empty and name not in known:
                raise TypeError(
                    f"{asked} asks for the argument {name!r}, which the function does not have"
                )


class _Call:
    """One call: what is asked for it, taken before the asking."""

    def __init__(self, asked: Mapping[str, object], arguments: Mapping[str, Any]) -> None:
        self._arguments = arguments
        self._params = asked.get("params")
        self.request: dict[str, Any] = {
            name: _made(value, arguments) for name, value in asked.items() if name != "params"
        }
        self.request["params"] = self._current_params()

    def check_unchanged(self) -> None:
        """Raises when the arguments are no longer what was approved: somebody has changed them."""
        if not same_json(self._current_params(), self.request["params"]):
            raise ApprovalMismatch(
                "the arguments have changed while the approval was waited for: the function was "
                "not run. Do not change what you have passed to it."
            )

    def _current_params(self) -> dict[str, Any] | None:
        if self._params is False:
            return None
        if self._params is True:
            arguments = {k: v for k, v in self._arguments.items() if k not in ("self", "cls")}
            return values.json_object(arguments, "params")
        return values.json_object(_made(self._params, self._arguments), "params")


def _made(value: Any, arguments: Mapping[str, Any]) -> Any:
    """The value itself, or what it makes of the arguments that it has parameters for."""
    if not callable(value):
        return value
    wanted = inspect.signature(value).parameters
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in wanted.values()):
        return value(**arguments)
    return value(**{name: arguments[name] for name in wanted if name in arguments})
