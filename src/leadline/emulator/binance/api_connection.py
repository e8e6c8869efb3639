"""A connection to the WebSocket API of the emulated Binance: one JSON request a frame (dossier §13)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from leadline.emulator.binance.link import PingedLink
from leadline.emulator.binance.market_api import MarketApi
from leadline.emulator.binance.targets import API
from leadline.emulator.binance.trading import Trading
from leadline.emulator.binance.troubles import FAILURES, Failure, only_reduces
from leadline.emulator.binance.ws_api import ApiSession
from leadline.emulator.fault_board import FaultBoard
from leadline.emulator.link import CUT
from leadline.emulator.numbers import NS_PER_S
from leadline.emulator.wire import Frame


class ApiConnection(PingedLink):
    """A client's line for orders and questions."""

    def __init__(
        self,
        session: ApiSession,
        connection_id: int,
        trading: Trading,
        market: MarketApi,
        board: FaultBoard,
    ) -> None:
        super().__init__(API, connection_id, board, session.connected_ns)
        self._session = session
        self._trading = trading
        self._market = market

    def act(self, text: str, now_ns: int) -> None:
        method, params, request_id = _outline(text)
        trouble = self.board.backend(method, reducing=only_reduces(params))
        if trouble is not None:
            failure = FAILURES[trouble.trouble]
            if trouble.accepted and failure.may_have_acted:
                self._answer(text, now_ns)
            self._say(_failed(failure, request_id))
            return
        answer = self._answer(text, now_ns)
        if self.board.drops_answer(method):
            self.close(CUT, "answer lost")
            return
        late = self.board.reply(method) if method else None
        if late is None or not late.delay_s:
            self._say(answer)
        else:
            self.later(now_ns + round(late.delay_s * NS_PER_S), lambda _: self._say(answer))

    def _answer(self, text: str, now_ns: int) -> str:
        answer = self._trading.ws_api(self._session, text, now_ns)
        return answer if answer is not None else self._market.answer(self._session, text, now_ns)

    def _say(self, text: str) -> None:
        self.deliver(Frame(text, "control"))


def _outline(text: str) -> tuple[str, Mapping[str, str], Any]:
    """The method, parameters and id of a request, as far as it has them."""
    try:
        message = json.loads(text, parse_float=str)
    except ValueError:
        return "", {}, None
    if not isinstance(message, dict):
        return "", {}, None
    params = message.get("params")
    known = params if isinstance(params, dict) else {}
    return str(message.get("method", "")), {str(k): str(v) for k, v in known.items()}, message.get("id")


def _failed(failure: Failure, request_id: Any) -> str:
    error = {"code": failure.code, "msg": failure.message}
    body = {"id": request_id, "status": failure.status, "error": error}
    return json.dumps(body, separators=(",", ":"))
