"""Control messages of market sockets: SUBSCRIBE and its kin, and what is wrong with others (§10.2)."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
COMBINED = "combined"
TEXT_ID = re.compile(r"[0-9A-Za-z-]{1,36}")
RequestId = int | str | None
UNKNOWN_PROPERTY, NO_BOOLEAN, INVALID_REQUEST, INVALID_JSON, TOO_MANY = range(5)


class ControlError(Exception):
    """An error the venue answers with; `code` is its own small number."""

    def __init__(self, code: int, message: str, request_id: RequestId = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.request_id = request_id


@dataclass(frozen=True, slots=True)
class ControlMessage:
    """One request. `names` are stream names; `combined` is the value SET_PROPERTY brings."""

    method: str
    request_id: RequestId
    names: tuple[str, ...] = ()
    combined: bool | None = None


def read(text: str) -> ControlMessage:
    """The request in a text frame; raises `ControlError`."""
    try:
        message = json.loads(text)
    except ValueError as error:
        raise ControlError(INVALID_JSON, "Invalid JSON: expected value at line 1 column 1") from error
    if not isinstance(message, dict):
        raise ControlError(INVALID_REQUEST, "Invalid request: expected an object")
    request_id = _request_id(message.get("id"))
    method = message.get("method")
    if method is None:
        raise ControlError(
            INVALID_REQUEST, "Invalid request: missing field `method` at line 1 column 1", request_id
        )
    if method not in METHODS:
        expected = ", ".join(f"`{one}`" for one in METHODS)
        text = f"Invalid request: unknown variant {method}, expected one of {expected}"
        raise ControlError(INVALID_REQUEST, text, request_id)
    return _typed(method, message.get("params"), request_id)


def _request_id(value: Any) -> RequestId:
    """The id of a request, which is echoed.

    assumed: beside the unsigned integers that are documented, the short texts are taken that both official
    clients of this venue send unless told otherwise; the options venue is known to refuse them.
    """
    if value is None or (isinstance(value, str) and TEXT_ID.fullmatch(value)):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise ControlError(INVALID_REQUEST, "Invalid request: request ID must be an unsigned integer")


def _typed(method: str, params: Any, request_id: RequestId) -> ControlMessage:
    if method == "LIST_SUBSCRIPTIONS":
        return ControlMessage(method, request_id)
    wanted = params if isinstance(params, list) else []
    if method.endswith("_PROPERTY"):
        return _property(method, wanted, request_id)
    if not wanted or not all(isinstance(one, str) for one in wanted):
        text = "Invalid request: params must be a non-empty array of strings"
        raise ControlError(INVALID_REQUEST, text, request_id)
    return ControlMessage(method, request_id, tuple(wanted))


def _property(method: str, params: list[Any], request_id: RequestId) -> ControlMessage:
    if not params or not isinstance(params[0], str):
        raise ControlError(INVALID_REQUEST, "Invalid request: property name must be a string", request_id)
    if len(params) > 1 + (method == "SET_PROPERTY"):
        raise ControlError(INVALID_REQUEST, "Invalid request: too many parameters", request_id)
    if params[0] != COMBINED:
        raise ControlError(UNKNOWN_PROPERTY, "Unknown property", request_id)
    if method == "GET_PROPERTY":
        return ControlMessage(method, request_id)
    if len(params) < 2 or not isinstance(params[1], bool):
        raise ControlError(NO_BOOLEAN, "Invalid value type: expected Boolean", request_id)
    return ControlMessage(method, request_id, combined=params[1])
