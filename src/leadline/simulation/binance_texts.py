"""Requests and answers about orders as they look at Binance, by REST and on the WebSocket API."""

from __future__ import annotations

import json
import re
from urllib.parse import parse_qsl

from leadline.emulator.fault_board import RefusedConnect
from leadline.emulator.wire import Answer
from leadline.net.http import Request
from leadline.simulation.order_texts import OrderTexts

PLACING_PATHS = ("order", "batchOrders", "algoOrder")
PLACING_METHODS = frozenset({"order.place", "algoOrder.place"})
CHANGING_METHODS = PLACING_METHODS | {"order.modify"}
_NAMES = ("newClientOrderId", "clientAlgoId")
_NUMBER = re.compile(r'"id":(\d+)')
_UNKNOWN = (-1000, -1006, -1007, -4116)
"""Codes that leave open what became of the request, or say that it was there already."""
_TOLD_APART = ("service unavailable", "internal error; unable to process", "request throttled by")
"""What the kinds of 503 say that have not acted."""


def parameters(request: Request) -> dict[str, str]:
    """The parameters of a request, of query and body."""
    return dict((*request.query, *parse_qsl(request.body.decode(errors="replace"))))


def changes(request: Request) -> bool:
    """Whether a request places or changes an order."""
    return request.method in ("POST", "PUT") and request.path.rsplit("/", 1)[-1] in PLACING_PATHS


def refusal(text: str) -> tuple[int, str] | None:
    """Code and words of what is a refusal, of either path; None for what is none."""
    try:
        told = json.loads(text)
    except ValueError:
        return None
    error = told.get("error", told) if isinstance(told, dict) else None
    if not isinstance(error, dict) or not isinstance(error.get("code"), int) or error["code"] == 200:
        return None
    return error["code"], str(error.get("msg", ""))


def _certain(text: str) -> bool:
    """Whether an answer says that the request was certainly not acted on."""
    told = refusal(text)
    if told is None:
        return False
    code, words = told
    return code not in _UNKNOWN or any(one in words.lower() for one in _TOLD_APART)


def _placed(text: str) -> set[str]:
    try:
        message = json.loads(text)
    except ValueError:
        return set()
    if not isinstance(message, dict) or message.get("method") not in PLACING_METHODS:
        return set()
    return {message["params"][name] for name in _NAMES if name in message["params"]}


def _placed_by_rest(request: Request) -> set[str]:
    if request.method != "POST" or request.path.rsplit("/", 1)[-1] not in PLACING_PATHS:
        return set()
    given = parameters(request)
    rows = json.loads(given["batchOrders"]) if "batchOrders" in given else [given]
    return {row[name] for row in rows for name in _NAMES if name in row}


def _number(text: str) -> str | None:
    found = _NUMBER.search(text)
    return found[1] if found else None


def _refused(request: Request, answer: Answer | RefusedConnect) -> set[str]:
    names = _placed_by_rest(request)
    if not names:
        return names
    if isinstance(answer, RefusedConnect):
        return set() if answer.executed else names
    text = answer.body.decode(errors="replace")
    if not text.startswith("["):
        return names if _certain(text) else set()
    rows = json.loads(text) if answer.status == 200 else []
    sent = [row["newClientOrderId"] for row in json.loads(parameters(request)["batchOrders"])]
    return {name for name, row in zip(sent, rows, strict=False) if _certain(json.dumps(row))}


BINANCE_TEXTS = OrderTexts(_placed, _placed_by_rest, _number, _certain, _refused)
