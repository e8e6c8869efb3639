"""One WebSocket v2 connection of the venue without a socket: texts and the time in, frames out.

Whoever drives it calls `received` and `closed`, drains `outputs` after every step, and lets the exchange
call `woke`; the time is Unix nanoseconds and is always handed in.
"""

from __future__ import annotations

import random
from functools import partial
from typing import Any

from leadline.emulator.fault_board import FaultBoard
from leadline.emulator.kraken import frames, requests
from leadline.emulator.kraken.frames import HEARTBEAT, response
from leadline.emulator.kraken.level3_access import Level3Access
from leadline.emulator.kraken.private_ws import SNAPSHOT_DELAY_NS, Desk, PrivateSession
from leadline.emulator.kraken.requests import Malformed, Refusal, Request, Subscription
from leadline.emulator.kraken.streams import Streams, TopicKey
from leadline.emulator.limits import TokenBucket
from leadline.emulator.link import Link
from leadline.emulator.market import NEVER, Market
from leadline.emulator.numbers import NS_PER_S
from leadline.emulator.wire import Frame

HEARTBEAT_NS = NS_PER_S
INACTIVITY_NS = 60 * NS_PER_S
THINKING_NS = 40_000
# assumed: the venue publishes no message rate; this is far above what a paced client sends
MESSAGES_PER_S = 100.0
MESSAGES_BURST = 200


class Connection(Link):
    """A client's connection to one route of the venue: ws_public, ws_private or ws_level3."""

    def __init__(
        self,
        route: str,
        market: Market,
        streams: Streams,
        board: FaultBoard,
        rng: random.Random,
        now_ns: int,
        desk: Desk,
    ) -> None:
        super().__init__(route, rng.getrandbits(64), board, now_ns)
        self._market = market
        self._streams = streams
        self._rng = rng
        self._subscribed: set[TopicKey] = set()
        self._joined: set[TopicKey] = set()
        self._awaiting: dict[TopicKey, bool] = {}
        self._bucket = TokenBucket(MESSAGES_PER_S, MESSAGES_BURST, now_ns)
        self._heartbeat_ns = NEVER
        self._active_ns = now_ns
        self._seen_ns = now_ns
        self._desk = desk
        self._private = PrivateSession(desk, self, rng, now_ns) if route == "ws_private" else None
        self._level3 = Level3Access(desk.tokens)
        self.deliver(frames.status(market.system, self.connection_id))

    def act(self, text: str, now_ns: int) -> None:
        self._active_ns = self._seen_ns = now_ns
        try:
            request = requests.parsed(text)
        except Malformed:
            self._answer({"method": "error", "error": "Malformed request", "success": False}, now_ns)
            return
        if not self._bucket.take(now_ns):
            self._refuse(request, "Exceeded msg rate", now_ns)
            return
        self._act(request, now_ns)

    def touched(self, now_ns: int) -> None:
        """Note a sign of life that is no text frame, such as a WebSocket ping."""
        self._active_ns = now_ns

    def woke(self, now_ns: int) -> None:
        """Do what is due: snapshots, answers, news, heartbeats, the end of an inactive connection."""
        self._seen_ns = max(self._seen_ns, now_ns)
        super().woke(now_ns)
        while self._heartbeat_ns <= now_ns:
            self.deliver(HEARTBEAT)
            self._heartbeat_ns += HEARTBEAT_NS
        if now_ns >= self._inactive_at():
            self.close(1000, "inactivity")

    def wake_at(self) -> int:
        if self.ended:
            return NEVER
        return min(super().wake_at(), self._heartbeat_ns, self._inactive_at())

    def begin_heartbeat(self, now_ns: int) -> None:
        """Beat every second from the first subscription on, whatever else is sent."""
        if self._heartbeat_ns == NEVER:
            self._heartbeat_ns = now_ns + HEARTBEAT_NS

    def closed(self) -> None:
        super().closed()
        for key in self._joined:
            self._streams.leave(key, self)
        self._joined.clear()
        if self._private is not None:
            self._private.closed(self._seen_ns)
        self._level3.closed(self._seen_ns)

    def _act(self, request: Request, now_ns: int) -> None:
        if request.method == "ping":
            self._ping(request, now_ns)
        elif request.method in ("subscribe", "unsubscribe"):
            self._subscription_request(request, now_ns)
        elif request.method in requests.TRADING_METHODS:
            if self._private is not None:
                self._private.act(request, now_ns)
            else:
                self._refuse(request, _session_error(request), now_ns)
        else:
            self._refuse(request, "Unsupported event", now_ns)

    def _ping(self, request: Request, now_ns: int) -> None:
        unsupported = "params" if request.has_params else next(iter(request.extra), None)
        if unsupported:
            error = f"Unsupported field: '{unsupported}' for the given msg type: ping"
            self._refuse(request, error, now_ns)
        else:
            self._answer({"method": "pong"} | request.echo(), now_ns)

    def _subscription_request(self, request: Request, now_ns: int) -> None:
        channel = request.params.get("channel")
        if not self.board.may_subscribe(self.connection_id, now_ns):
            self._refuse(request, "Exceeded msg rate", now_ns)
            return
        if self._private is not None and channel in requests.ACCOUNT_CHANNELS:
            self._private.subscription(request, now_ns)
            return
        try:
            wanted = self._wanted(request, channel, now_ns)
        except Refusal as refusal:
            if channel == "status":
                self.deliver(frames.status(self._market.system, self.connection_id))
            self._refuse(request, refusal.text, now_ns, refusal.symbol)
            return
        change = self._subscribe if request.method == "subscribe" else self._unsubscribe
        token = str(request.params.get("token"))
        for number, one in enumerate(wanted):
            error = one.error or change(one, token, now_ns)
            sent_ns = now_ns + THINKING_NS * (number + 1)
            if error:
                self._refuse(request, error, now_ns, one.key.symbol, sent_ns=sent_ns)
            else:
                fields = {"method": request.method, "result": one.result, "success": True} | request.echo()
                text = response(fields, now_ns, sent_ns)
                self.deliver(Frame(text, "ack", one.key.channel, one.key.symbol, telling=True))

    def _wanted(self, request: Request, channel: Any, now_ns: int) -> list[Subscription]:
        """What is asked of this host; raises `Refusal`."""
        if self.route == "ws_public" and channel in requests.PRIVATE_CHANNELS:
            raise Refusal(_session_error(request))
        # assumed: no host knows the channels of another
        if self.route == "ws_private" or (self.route == "ws_level3") != (channel == "level3"):
            raise Refusal("Subscription name invalid")
        wanted = requests.subscriptions(request, self._market.listings.keys())
        if channel == "level3":
            account, _ = self._desk.identified(request.params, now_ns)
            self._level3.serve(account, now_ns)
        return wanted

    def _subscribe(self, one: Subscription, token: str, now_ns: int) -> str:
        key = one.key
        error = self.board.subscription_error(key.channel, key.symbol)
        if error:
            return error
        if key in self._subscribed:
            return "Already subscribed"
        if key.channel == "level3":
            error = self._level3.taken(key, token, now_ns)
            if error:
                return error
        self._subscribed.add(key)
        self.begin_heartbeat(now_ns)
        if self.board.withholds_data(key.channel, key.symbol):
            return ""
        # A snapshot still under way serves the new subscription too: quick cycles are coalesced (§4).
        if key not in self._awaiting:
            delay_ns = self._rng.randint(*SNAPSHOT_DELAY_NS) if one.snapshot else 0
            self.later(now_ns + delay_ns, partial(self._start, key))
        self._awaiting[key] = one.snapshot
        return ""

    def _unsubscribe(self, one: Subscription, token: str, now_ns: int) -> str:
        if one.key not in self._subscribed:
            return "Subscription Not Found"
        self._subscribed.remove(one.key)
        self._level3.left(one.key, now_ns)
        if one.key in self._joined:
            self._joined.remove(one.key)
            self._streams.leave(one.key, self)
        return ""

    def _start(self, key: TopicKey, now_ns: int) -> None:
        """Let a subscription flow: its snapshot if wanted, then every update."""
        snapshot = self._awaiting.pop(key)
        if key not in self._subscribed:
            return
        self._joined.add(key)
        self._streams.join(key, self)
        if snapshot:
            self.deliver(self._streams.snapshot(key, now_ns))

    def _inactive_at(self) -> int:
        """When it is closed: after 60 s without a sign of life or, on ws_private, without a subscription."""
        quiet_ns = self._active_ns + INACTIVITY_NS
        if self._private is None or self._private.subscribed:
            return quiet_ns
        return min(quiet_ns, self._private.bare_since_ns + INACTIVITY_NS)

    def _refuse(
        self, request: Request, error: str, now_ns: int, symbol: str | None = None, sent_ns: int | None = None
    ) -> None:
        fields = {"method": request.method, "error": error, "success": False} | request.echo()
        if symbol:
            fields["symbol"] = symbol
        self._answer(fields, now_ns, sent_ns)

    def _answer(self, fields: dict[str, Any], now_ns: int, sent_ns: int | None = None) -> None:
        self.deliver(Frame(response(fields, now_ns, sent_ns or now_ns + THINKING_NS), "control"))


def _session_error(request: Request) -> str:
    """A host that serves no accounts knows no token."""
    return "ESession:Invalid session" if request.params.get("token") else "Token(s) not found"
