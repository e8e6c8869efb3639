"""What we ask of Kraken's WebSocket v2, and its answers: one per subscription, in any order.

An answer belongs to a request by `req_id`; a refusal may leave out what it refuses (dossier §2).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from msgspec import Struct

from leadline.core.subscriptions import Ask, Verb
from leadline.model.market import Channel, Subscription

NAMES = {
    Channel.TICKER: "ticker",
    Channel.BOOK: "book",
    Channel.TRADES: "trade",
    Channel.BARS: "ohlc",
    Channel.INSTRUMENTS: "instrument",
}


PING = '{"method":"ping"}'
"""`params` would be refused (dossier §3.3)."""


class WireResult(Struct):
    symbol: str | None = None


class Reply(Struct):
    """An answer to a request; `success` is absent on pong only, anything but true is a no (dossier §2)."""

    method: str
    success: object = None
    error: str | None = None
    req_id: int | None = None
    symbol: str | None = None
    result: WireResult | None = None


class _RateReply(Struct):
    """The other shape of the message-rate refusal (dossier §3.5)."""

    error: str = msgspec.field(name="Error")


_replies: msgspec.json.Decoder[Reply] = msgspec.json.Decoder(Reply)
_rate_replies: msgspec.json.Decoder[_RateReply] = msgspec.json.Decoder(_RateReply)


def decode_reply(frame: bytes) -> Reply:
    """An answer to a request; raises one of `NOT_UNDERSTOOD` when it is none."""
    try:
        return _replies.decode(frame)
    except msgspec.ValidationError:
        refusal = _rate_replies.decode(frame)
        return Reply(method="error", success=False, error=refusal.error)


def encode(ask: Ask) -> str:
    """A subscribe or unsubscribe request; an unsubscribe repeats depth and interval (dossier §4)."""
    first = ask.subscriptions[0]
    params: dict[str, object] = {"channel": NAMES[first.channel]}
    if first.channel is not Channel.INSTRUMENTS:
        params["symbol"] = [subscription.symbol for subscription in ask.subscriptions]
    if first.channel is Channel.BOOK:
        params["depth"] = first.param
    elif first.channel is Channel.BARS:
        params["interval"] = first.param // 60
    elif first.channel is Channel.TICKER:
        # assumed: every change of the best prices and of the last trade; by default only trades are told
        params["event_trigger"] = "bbo"
    if ask.verb is Verb.SUBSCRIBE:
        params["snapshot"] = True
    method = "subscribe" if ask.verb is Verb.SUBSCRIBE else "unsubscribe"
    return msgspec.json.encode({"method": method, "params": params, "req_id": ask.request_id}).decode()


def about(reply: Reply, asked: Sequence[Subscription]) -> list[Subscription]:
    """Which of the subscriptions asked for in one request an answer is about: all, when it does not say."""
    symbol = reply.result.symbol if reply.result else reply.symbol
    return [subscription for subscription in asked if symbol is None or subscription.symbol == symbol]
