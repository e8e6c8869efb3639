"""What the venue itself tells wrongly or late: long differences between stream and REST, drawn from the seed.

Rule: the judge takes no client to task for what the venue told it, only for believing it too long.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from leadline.clock import NS_PER_S
from leadline.model.market import Channel
from leadline.model.reading import Source
from leadline.simulation.strikes import CALM_START_S, Strike

LASTS_S = (20.0, 60.0)
LONG_S = (90.0, 140.0)
"""Of a difference in mild weather: longer than any interval between two looks."""

_CHANNELS = {"ticker": Channel.TICKER, "book": Channel.BOOK}
KINDS = ("SKEW", "SKEW", "SKEW", "LAG", "MISSTATE")
Place = tuple[str, str]
"""Channel and route, as faults call them."""
PLACES: tuple[Place, ...] = (("ticker", "rest"), ("book", "rest"), ("ticker", "ws"))
_FACTORS = ("1.0005", "1.003", "0.99", "1.02", "10", "0.1")
_OFF = ("0.5", "-0.25", "3", "-0.00000001")


def differences(
    rng: random.Random,
    until_s: float,
    symbols: Sequence[str],
    *,
    mild: bool,
    kinds: Sequence[str] = KINDS,
    places: Sequence[Place] = PLACES,
    assets: Sequence[str] = (),
) -> list[Strike]:
    """At most one, over by `until_s`; in mild weather always one, and a long one.

    `places` are the channels and routes that may be told wrongly, `assets` what balances may be told wrongly
    of, else the bases of the symbols.
    """
    if not mild and rng.random() < 0.6:
        return []
    at_s = CALM_START_S + rng.uniform(2.0, 15.0)
    lasts_s = min(rng.uniform(*(LONG_S if mild else LASTS_S)), until_s - at_s)
    fields: dict[str, Any] = {"kind": rng.choice(kinds), "for_s": lasts_s}
    match fields["kind"]:
        case "SKEW":
            fields |= _where(rng, symbols, places) | {"factor": rng.choice(_FACTORS)}
        case "LAG":
            fields |= _where(rng, symbols, places) | {"delay_s": rng.choice((3.0, 8.0, 20.0))}
        case "MISSTATE" if rng.random() < 0.5:
            fields["hide_order"] = "oldest"
        case "MISSTATE":
            asset = rng.choice(assets or symbols).split("/")[0]
            fields |= {"asset": asset, "amount": rng.choice(_OFF)}
    return [Strike(at_s, lasts_s, fields=fields)]


def _where(rng: random.Random, symbols: Sequence[str], places: Sequence[Place]) -> dict[str, Any]:
    """One of the first three symbols, on REST or on the stream."""
    channel, route = rng.choice(places)
    return {"channel": channel, "route": route, "symbol": rng.choice(symbols[:3])}


class Untruth(Struct, frozen=True):
    """One difference of market data: on REST or on the stream, of one channel of one symbol, loop time."""

    source: Source
    channel: Channel
    symbol: str
    begin_ns: int
    end_ns: int
    factor: str
    """By which prices are multiplied; empty where they are late."""


class Untruths:
    """Every difference of a run, from the moment it begins."""

    def __init__(self, under_way_ns: int) -> None:
        self._under_way_ns = under_way_ns
        self.market: list[Untruth] = []

    def begin(self, strike: Strike, now_ns: int) -> None:
        """A difference begins now."""
        fields = strike.fields
        source = Source.REST if fields["route"] == "rest" else Source.STREAM
        end_ns = now_ns + round(strike.lasts_s * NS_PER_S)
        channel, factor = _CHANNELS[fields["channel"]], fields.get("factor", "")
        self.market.append(Untruth(source, channel, fields["symbol"], now_ns, end_ns, factor))

    def about(self, symbol: str) -> bool:
        """Whether the venue has told anything wrongly of it in this run: that is believed again slowly."""
        return any(one.symbol == symbol for one in self.market)

    def told(self, source: Source, channel: Channel, symbol: str, received_ns: int) -> bool:
        """Whether a value of that source, received then, may be one that the venue told wrongly."""
        return any(
            (one.source, one.channel, one.symbol) == (source, channel, symbol)
            and one.begin_ns <= received_ns <= one.end_ns + self._under_way_ns
            for one in self.market
        )
