"""What really reached the client and when: every frame and every REST answer, told by the network itself."""

from __future__ import annotations

from datetime import datetime

from leadline.clock import NS_PER_S
from leadline.emulator.kraken.frames import Frame
from leadline.emulator.market import Market
from leadline.model.market import Channel
from leadline.simulation.http import Answered
from leadline.simulation.network import Arrival

CHANNELS = {
    "book": Channel.BOOK,
    "ticker": Channel.TICKER,
    "trade": Channel.TRADES,
    "ohlc": Channel.BARS,
}
_ENDPOINTS = {
    "Ticker": Channel.TICKER,
    "Depth": Channel.BOOK,
    "Trades": Channel.TRADES,
    "OHLC": Channel.BARS,
}
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - the stamps are read as UTC without saying so
ALL = "*"
"""The symbol under which answers about all symbols stand."""

Key = tuple[Channel, str]


class Evidence:
    """Frames and answers by channel and symbol, then by the moment of arrival."""

    def __init__(self, market: Market) -> None:
        self._symbols = {listing.pair.rest_id: symbol for symbol, listing in market.listings.items()}
        self._frames: dict[Key, dict[int, list[Frame]]] = {}
        self._answers: dict[Key, dict[int, Answered]] = {}
        self._newest: dict[Key, int] = {}
        self._made_ns: dict[str, int] = {}
        self._disordered: set[str] = set()
        self._snapshot_ns: dict[str, int] = {}
        self._lost_until_ns: dict[str, int] = {}
        self.refused_for_rate = 0
        """Answers that said that we ask too much."""
        self.frames = 0

    def frame(self, arrival: Arrival) -> None:
        """A frame has reached the client."""
        self.frames += 1
        frame = arrival.frame
        channel = CHANNELS.get(frame.channel)
        if channel is None or frame.kind not in ("snapshot", "update"):
            return
        key = (channel, frame.symbol)
        self._frames.setdefault(key, {}).setdefault(arrival.at_ns, []).append(frame)
        self._newest[key] = arrival.at_ns
        if channel is Channel.BOOK:
            self._order(frame)

    def _order(self, frame: Frame) -> None:
        made = made_ns(frame)
        if frame.kind == "snapshot":
            self._disordered.discard(frame.symbol)
            self._snapshot_ns[frame.symbol] = made
        elif made < self._made_ns.get(frame.symbol, 0):
            self._disordered.add(frame.symbol)
        self._made_ns[frame.symbol] = made

    def losing(self, symbol: str | None, until_ns: int) -> None:
        """Until then the venue may keep back messages of a book, or of all books."""
        for one in self._symbols.values() if symbol is None else (symbol,):
            self._lost_until_ns[one] = max(until_ns, self._lost_until_ns.get(one, 0))

    def intact(self, symbol: str) -> bool:
        """Whether every message of a book since its last snapshot has come, in order.

        Where not, levels below the checked ones may be wrong and no client can know it.
        """
        kept_all = self._lost_until_ns.get(symbol, 0) < self._snapshot_ns.get(symbol, 0)
        return kept_all and symbol not in self._disordered

    def answer(self, answered: Answered) -> None:
        """A REST answer has reached the client."""
        if b"Too many requests" in answered.body and not answered.disturbed:
            self.refused_for_rate += 1
        channel = _ENDPOINTS.get(answered.path.rsplit("/", 1)[-1])
        if channel is None:
            return
        pair = answered.query.get("pair", "")
        symbol = ALL if channel is Channel.TICKER else self._symbols.get(pair, pair)
        self._answers.setdefault((channel, symbol), {})[answered.at_ns] = answered

    def frames_at(self, channel: Channel, symbol: str, at_ns: int) -> list[Frame]:
        """The data frames of a stream that arrived at that very moment."""
        return self._frames.get((channel, symbol), {}).get(at_ns, [])

    def answer_at(self, channel: Channel, symbol: str, at_ns: int) -> Answered | None:
        """The answer about it that arrived at that very moment."""
        return self._answers.get((channel, symbol), {}).get(at_ns)

    def newest_ns(self, channel: Channel, symbol: str) -> int | None:
        """When data of a stream last arrived."""
        return self._newest.get((channel, symbol))


def made_ns(frame: Frame) -> int:
    """The venue's Unix time that a book, ticker or trade frame says of itself, in whole microseconds."""
    return stamp_ns(frame.text[-31:-4])


def stamp_ns(text: str) -> int:
    """Unix nanoseconds of a stamp with six decimals; 0 for what is none."""
    try:
        passed = datetime.fromisoformat(text[:-1]) - _EPOCH
    except ValueError:
        return 0
    return (passed.days * 86_400 + passed.seconds) * NS_PER_S + passed.microseconds * 1000
