"""Turns an answer into the typed dict that it is said to be, or refuses it.

The typed dicts of `types.py` are the only description there is: this reads their annotations.
"""

import functools
import sys
import types
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar, Union, cast, get_args, get_origin

if sys.version_info >= (3, 11):
    from typing import NotRequired, Required, get_type_hints, is_typeddict
else:
    from typing_extensions import NotRequired, Required, get_type_hints, is_typeddict

from .errors import APIResponseError

T = TypeVar("T")


def shaped(kind: type[T], value: object, what: str) -> T:
    """`value` as `kind`, with the keys put back that the server leaves out when they are empty.

    Raises `APIResponseError`, naming the place, when something has another type than it must have.
    """
    return cast("T", _shape(kind, value, what))


def _shape(kind: Any, value: object, at: str) -> object:
    origin = get_origin(kind)
    if origin is Annotated:
        if value in (None, ""):
            raise _malformed(at, "is missing")
        return _shape(get_args(kind)[0], value, at)
    if kind is Any or origin in (Union, types.UnionType):
        return value
    if origin is Literal:
        # a newer server may know more words than this client: what they mean is for the caller
        return _plain(str, value, at)
    if is_typeddict(kind):
        return _typed_dict(kind, value, at)
    if origin is list:
        (item,) = get_args(kind)
        return [_shape(item, v, f"{at}[{i}]") for i, v in enumerate(_plain(list, value, at))]
    if origin is dict:
        _, item = get_args(kind)
        return {k: _shape(item, v, f"{at}.{k}") for k, v in _plain(dict, value, at).items()}
    return _plain(kind, value, at)


def _typed_dict(kind: Any, value: object, at: str) -> dict[str, object]:
    filled: dict[str, object] = dict(_plain(dict, value, at))
    for key, hint in _hints(kind).items():
        optional = get_origin(hint) is NotRequired
        if get_origin(hint) in (NotRequired, Required):
            (hint,) = get_args(hint)
        if filled.get(key) is None and optional:
            filled.pop(key, None)
        else:
            filled[key] = _shape(hint, filled.get(key), f"{at}.{key}")
    return filled


def _plain(kind: type[Any], value: object, at: str) -> Any:
    """`value` when it is a `kind`; the empty `kind` when there is none."""
    if value is None:
        return kind()
    # bool is an int in Python, and not in JSON
    if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
        return value
    raise _malformed(at, f"is {type(value).__name__}, not {kind.__name__}")


@functools.cache
def _hints(kind: Any) -> Mapping[str, Any]:
    return get_type_hints(kind, include_extras=True)


def _malformed(at: str, how: str) -> APIResponseError:
    return APIResponseError(
        f"the server's answer is malformed: {at} {how}. Does INDENT_API_URL name an Indent server?"
    )
