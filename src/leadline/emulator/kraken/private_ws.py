"""The private side of a connection: who it acts for, its trading methods and its account streams (§8–§10).

Sans-IO like the connection it belongs to; what is said later is said through `Line.later`.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import partial
from typing import Any

from leadline.emulator.accounts import Account
from leadline.emulator.fault_board import FaultBoard
from leadline.emulator.kraken import order_methods, private_streams
from leadline.emulator.kraken.auth import Tokens
from leadline.emulator.kraken.frames import response
from leadline.emulator.kraken.order_methods import OrderMethods, Outcome
from leadline.emulator.kraken.private_streams import AccountStream, Lane, Line, Wish
from leadline.emulator.kraken.requests import Refusal, Request
from leadline.emulator.market import Market
from leadline.emulator.orders import Refused
from leadline.emulator.trading import Trading
from leadline.emulator.wire import Frame

SERVER_TIME_NS = (2_000_000, 8_000_000)
GATEWAY_TIME_NS = 110_000
SNAPSHOT_DELAY_NS = (10_000_000, 400_000_000)


@dataclass(slots=True)
class Desk:
    """What the private sides of all connections share."""

    market: Market
    trading: Trading
    tokens: Tokens
    board: FaultBoard
    documented_batch_cancel: bool = False
    """Answer batch_cancel as the documentation has it instead of as recorded in 2024 (dossier §10.8)."""

    def identified(self, params: dict[str, Any], now_ns: int) -> tuple[Account, str]:
        """Whom the token in the parameters stands for, and the token; raises `Refusal`."""
        token = params.get("token")
        if not token or not isinstance(token, str):
            raise Refusal("Token(s) not found")
        account = None if self.board.token_refused() else self.tokens.account(token, now_ns)
        if account is None:
            raise Refusal("ESession:Invalid session")
        return account, token


class PrivateSession:
    """The account streams and the trading methods of one connection to ws_private."""

    def __init__(self, desk: Desk, line: Line, rng: random.Random, now_ns: int) -> None:
        self.bare_since_ns = now_ns
        """Since when there has been no subscription, where there is none."""
        self._desk = desk
        self._line = line
        self._random = rng
        self._methods = OrderMethods(desk.market, desk.trading, desk.documented_batch_cancel)
        self._reports = private_streams.reports_of(desk.market)
        self._streams: dict[str, AccountStream] = {}
        self._acks = Lane("ack", SERVER_TIME_NS, line, desk.board, rng)
        self._lanes = {
            channel: Lane(channel, private_streams.NEWS_DELAY_NS, line, desk.board, rng)
            for channel in private_streams.PARAMETERS
        }

    @property
    def subscribed(self) -> bool:
        return bool(self._streams)

    def subscription(self, request: Request, now_ns: int) -> None:
        """Answer subscribe or unsubscribe of executions or balances."""
        try:
            wish = Wish(request)
            account, token = self._desk.identified(request.params, now_ns)
            if request.method == "subscribe":
                result = self._subscribe(wish, account, token, now_ns)
            else:
                result = self._unsubscribe(wish, now_ns)
        except Refusal as refusal:
            self._refuse(request, refusal.text, now_ns)
            return
        due_ns = self._answer(request, {"result": result, "success": True}, now_ns, wish.channel)
        if request.method == "subscribe" and not self._desk.board.withholds_data(wish.channel, ""):
            stream = self._streams[wish.channel]
            delay_ns = self._random.randint(*SNAPSHOT_DELAY_NS)
            self._line.later(due_ns + delay_ns, lambda _: stream.begin(wish.rows(account, self._reports)))

    def act(self, request: Request, now_ns: int) -> None:
        """Carry out a trading method and answer it."""
        try:
            params = order_methods.parameters(request)
            account, _ = self._desk.identified(request.params, now_ns)
            outcomes = self._methods.carried_out(request.method, account, params, now_ns)
        except Refusal as refusal:
            self._refuse(request, refusal.text, now_ns)
            return
        except Refused as refused:
            outcomes = [{"error": refused.text, "success": False}]
        accepted = any(one["success"] for one in outcomes)
        if accepted and self._desk.board.drops_answer(request.method):
            self._line.close(1006, "answer lost")
            return
        for outcome in outcomes:
            self._answer(request, outcome, now_ns)

    def closed(self, now_ns: int) -> None:
        """The connection is over: its streams end and its tokens begin to age."""
        for channel in list(self._streams):
            self._end(channel, now_ns)

    def _subscribe(self, wish: Wish, account: Account, token: str, now_ns: int) -> dict[str, Any]:
        channel = wish.channel
        error = self._desk.board.subscription_error(channel, "")
        if error:
            raise Refusal(error)
        if private_streams.PERMISSIONS[channel] not in account.permissions:
            raise Refusal("EGeneral:Permission denied")
        if channel in self._streams:
            raise Refusal("Already subscribed")
        row_of = wish.row_of(account, self._reports)
        self._streams[channel] = AccountStream(
            channel, account, token, row_of, self._line, self._lanes[channel]
        )
        self._desk.tokens.used(token, now_ns)
        self._line.begin_heartbeat(now_ns)
        return wish.result(account)

    def _unsubscribe(self, wish: Wish, now_ns: int) -> dict[str, Any]:
        if wish.channel not in self._streams:
            raise Refusal("Subscription Not Found")
        self._end(wish.channel, now_ns)
        return {"channel": wish.channel}

    def _end(self, channel: str, now_ns: int) -> None:
        stream = self._streams.pop(channel)
        stream.end()
        self.bare_since_ns = now_ns
        self._desk.tokens.released(stream.token, now_ns)

    def _answer(self, request: Request, outcome: Outcome, now_ns: int, channel: str = "") -> int:
        """Say how it went when the engine's time has passed; returns when that is."""
        fields = {"method": request.method} | outcome | request.echo()
        kind = "ack" if channel else "control"
        return self._acks.send(now_ns, partial(self._say, fields, now_ns, kind, channel))

    def _say(self, fields: Outcome, received_ns: int, kind: str, channel: str, sent_ns: int) -> None:
        text = response(fields, received_ns, sent_ns)
        self._line.deliver(Frame(text, kind, channel, telling=kind == "ack"))

    def _refuse(self, request: Request, error: str, now_ns: int) -> None:
        """What the gateway itself refuses it refuses at once."""
        fields = {"method": request.method, "error": error, "success": False} | request.echo()
        self._say(fields, now_ns, "control", "", now_ns + GATEWAY_TIME_NS)
