"""Kraken's level3 stream, without the socket: single orders, proven by the checksum after every message.

A book that fails its proof is emptied at once and its symbol alone is subscribed anew; a refused token ends
the connection, because the next one brings its own.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import msgspec
from msgspec import Struct

from leadline.core.connection_life import ConnectionLife
from leadline.core.level3 import EmitLevel3, Level3Book, OrderChange, OrderEvent
from leadline.core.session import Coverage, LineDown, LineUp, SubscriptionRefused
from leadline.core.subscriptions import Ask, Pace, Subscriptions, Verb
from leadline.errors import CheckFailed, RateLimited, VenueDown
from leadline.model.instrument import Instrument, to_units
from leadline.model.market import BookDropped, Channel, Subscription
from leadline.venues.kraken import requests, wire
from leadline.venues.kraken.refusals import Retry, refusal
from leadline.venues.kraken.session import PING_NS
from leadline.venues.kraken.wire import MOST_TEXT, NOT_UNDERSTOOD, Kind

DEPTHS = (10, 100, 1000)
PACE = Pace(per_s=1.6, burst=1, batch=1)
"""200 points a second, of which depth 1000 costs 100 and four fifths are ours to use (dossier §7)."""


class WireOrder(Struct):
    order_id: str
    limit_price: Decimal
    order_qty: Decimal
    timestamp: str
    event: str = "add"


class WireLevel3(Struct):
    symbol: str
    checksum: int
    bids: list[WireOrder]
    asks: list[WireOrder]
    timestamp: str | None = None


class Level3Frame(Struct, tag_field="channel", tag="level3"):
    type: Kind
    data: list[WireLevel3]


_frames: msgspec.json.Decoder[Level3Frame | wire.StatusFrame | wire.HeartbeatFrame] = msgspec.json.Decoder(
    Level3Frame | wire.StatusFrame | wire.HeartbeatFrame
)


class Level3Session(ConnectionLife):
    """One level3 connection; `instrument` finds reference data. A symbol is wanted at one depth at a time."""

    ping_every_ns = PING_NS

    def __init__(self, emit: EmitLevel3, instrument: Callable[[str], Instrument | None]) -> None:
        super().__init__(emit)
        self._emit = emit
        self._instrument = instrument
        self._subscriptions = Subscriptions(PACE)
        self._books: dict[str, Level3Book] = {}
        self._synced: set[str] = set()
        self._token = ""

    def authorise(self, token: str, now_ns: int) -> None:
        """Use this credential for the next connection and everything asked from now on."""
        self._token = token

    def want(self, symbol: str, depth: int, now_ns: int) -> None:
        """Stream a symbol's orders; raises CheckFailed for a depth Kraken lacks or not wanted now."""
        if depth not in DEPTHS:
            raise CheckFailed(f"level3 has the depths {', '.join(map(str, DEPTHS))}, not {depth}")
        wanted = Subscription(Channel.LEVEL3, symbol, depth)
        for other in self._subscriptions.entries:
            if other.symbol == symbol and other != wanted:
                raise CheckFailed(f"level3 of {symbol} is wanted at depth {other.param} already")
        self._subscriptions.want(wanted, now_ns)
        self._ask(now_ns)

    def unwant(self, symbol: str, now_ns: int) -> None:
        """Stream this symbol no longer."""
        if wanted := self._wanted(symbol):
            self._subscriptions.unwant(wanted)
            self._drop(symbol)
            self._ask(now_ns)

    def wanted(self) -> list[str]:
        """The symbols that are streamed, or asked for."""
        return [one.symbol for one in self._subscriptions.entries]

    def coverage(self, symbol: str) -> Coverage | None:
        """How far a symbol has come; None when it is not wanted."""
        wanted = self._wanted(symbol)
        return self._subscriptions.entries[wanted].state if wanted else None

    # The contract of a session

    def opened(self, now_ns: int) -> None:
        self._begin(now_ns)
        self._subscriptions.opened(now_ns)
        self._emit(LineUp(), now_ns)
        self._ask(now_ns)

    def closed(self, reason: str, now_ns: int) -> None:
        self._end()
        self._subscriptions.closed()
        for symbol in tuple(self._books):
            self._drop(symbol)
        self._emit(LineDown(reason), now_ns)

    def woke(self, now_ns: int) -> None:
        self._look(now_ns)
        self._ask(now_ns)

    def wake_at(self) -> int | None:
        return self._look_at(self._subscriptions.wake_at())

    def _dead_ns(self) -> int | None:
        """Without a subscription, the venue sends no heartbeat."""
        return super()._dead_ns() if self._subscriptions.entries else None

    def _ping_text(self, now_ns: int) -> str:
        return requests.PING

    def received(self, frame: bytes, now_ns: int) -> None:
        self.last_frame_ns = now_ns
        try:
            message = _frames.decode(frame)
        except NOT_UNDERSTOOD as why:
            self._no_channel_frame(frame, str(why), now_ns)
            return
        if isinstance(message, Level3Frame):
            self.last_data_ns = now_ns
            for data in message.data:
                self._heard(data, message.type == "snapshot", now_ns)

    # Books

    def _heard(self, data: WireLevel3, snapshot: bool, now_ns: int) -> None:
        wanted = self._wanted(data.symbol)
        if wanted is None or not (snapshot or data.symbol in self._synced):
            return
        book = self._books.get(data.symbol)
        try:
            if book is None or snapshot:
                book = self._books[data.symbol] = self._new_book(wanted)
            checksum = book.apply(_changes(data.bids, book), _changes(data.asks, book))
        except ValueError as why:
            self._resync(wanted, str(why), now_ns)
            return
        if checksum != data.checksum:
            self._resync(wanted, "the checksum differs", now_ns)
            return
        book.venue_time = data.timestamp
        self._synced.add(data.symbol)
        self._subscriptions.data(wanted, now_ns)
        self._emit(book, self._echo.behind_ns or now_ns)

    def _new_book(self, wanted: Subscription) -> Level3Book:
        instrument = self._instrument(wanted.symbol)
        if instrument is None:
            raise ValueError(f"no reference data of {wanted.symbol}")
        precisions = (instrument.price_precision, instrument.qty_precision)
        return Level3Book(wanted.symbol, wanted.param, *precisions)

    def _resync(self, wanted: Subscription, reason: str, now_ns: int) -> None:
        self._drop(wanted.symbol)
        self._subscriptions.renew(wanted, now_ns)
        self._emit(BookDropped(wanted.symbol, reason), now_ns)
        self._ask(now_ns)

    def _drop(self, symbol: str) -> None:
        self._synced.discard(symbol)
        if book := self._books.pop(symbol, None):
            book.clear()  # whoever still holds the view sees nothing

    def _wanted(self, symbol: str) -> Subscription | None:
        return next((one for one in self._subscriptions.entries if one.symbol == symbol), None)

    # Requests and their answers

    def _no_channel_frame(self, frame: bytes, why: str, now_ns: int) -> None:
        try:
            reply = requests.decode_reply(frame)
        except NOT_UNDERSTOOD:
            self._skip(frame.replace(self._token.encode(), b"***") if self._token else frame, why, now_ns)
            return
        if reply.method == "pong":
            self._ponged(now_ns)
        ask = self._subscriptions.request(reply.req_id)
        if ask is None or ask.verb is not Verb.SUBSCRIBE:
            return
        if reply.success is True:
            for one in requests.about(reply, self._subscriptions.unanswered(ask)):
                self._subscriptions.confirmed(one, now_ns)
        else:
            self._refused(ask, (reply.error or "no reason given")[:MOST_TEXT], now_ns)

    def _refused(self, ask: Ask, text: str, now_ns: int) -> None:
        meaning = refusal(text)
        if meaning.retry is Retry.RENEWED:
            self._leave("the credential was refused")
            return
        for one in self._subscriptions.unanswered(ask):
            if issubclass(meaning.error, RateLimited | VenueDown):
                self._subscriptions.try_later(one, now_ns)
            else:
                self._subscriptions.refused(one)
                self._emit(SubscriptionRefused(one, meaning.error(text)), now_ns)
        self._ask(now_ns)

    def _ask(self, now_ns: int) -> None:
        if self._kept:
            for ask in self._subscriptions.due(now_ns):
                self._send(self._encoded(ask))
        self.changed = True

    def _encoded(self, ask: Ask) -> str:
        """A token is part of unsubscribing as well (dossier §7)."""
        one = ask.subscriptions[0]
        params: dict[str, object] = {"channel": "level3", "symbol": [one.symbol], "depth": one.param}
        if ask.verb is Verb.SUBSCRIBE:
            params["snapshot"] = True
        params["token"] = self._token
        method = "subscribe" if ask.verb is Verb.SUBSCRIBE else "unsubscribe"
        return msgspec.json.encode({"method": method, "params": params, "req_id": ask.request_id}).decode()


def _changes(orders: list[WireOrder], book: Level3Book) -> list[OrderChange]:
    """Orders in whole units; ValueError for a number that is none, or an event nobody knows."""
    return [
        OrderChange(
            OrderEvent(order.event),
            order.order_id,
            to_units(order.limit_price, book.price_precision),
            to_units(order.order_qty, book.qty_precision),
            order.timestamp,
        )
        for order in orders
    ]
