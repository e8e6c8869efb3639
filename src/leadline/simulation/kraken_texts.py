"""Requests and answers about orders as they look at Kraken, by REST and on the WebSocket."""

from __future__ import annotations

import re

from leadline.emulator.fault_board import RefusedConnect
from leadline.emulator.wire import Answer
from leadline.net.http import Request
from leadline.simulation.order_texts import OrderTexts

_PLACING = re.compile(r'"method":"(?:add_order|batch_add)"')
_CALLS = ("AddOrder", "AddOrderBatch")
_CLIENT_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_USERREF = re.compile(r'(?:order_userref"?:|userref"?[=:]"?)(\d+)')
_REQUEST = re.compile(r'"req_id":(\d+)')


def names_in(text: str) -> set[str]:
    """The names of orders in a request: client ids and user references."""
    return {*_CLIENT_ID.findall(text), *_USERREF.findall(text)}


def _placed(text: str) -> set[str]:
    return names_in(text) if _PLACING.search(text) else set()


def _placed_by_rest(request: Request) -> set[str]:
    return names_in(request.body.decode()) if request.path.rsplit("/", 1)[-1] in _CALLS else set()


def _number(text: str) -> str | None:
    found = _REQUEST.search(text)
    return found[1] if found else None


def _undone(text: str) -> bool:
    return '"success":false' in text


def _refused(request: Request, answer: Answer | RefusedConnect) -> set[str]:
    turned_away = isinstance(answer, RefusedConnect) and not answer.executed
    refused = isinstance(answer, Answer) and answer.body.startswith(b'{"error":["')
    return _placed_by_rest(request) if turned_away or refused else set()


KRAKEN_TEXTS = OrderTexts(_placed, _placed_by_rest, _number, _undone, _refused)
