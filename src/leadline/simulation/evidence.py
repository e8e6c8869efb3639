"""What really reached the client and when: every frame and every REST answer, told by the network itself."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from datetime import datetime

from leadline.clock import NS_PER_S
from leadline.emulator.wire import Frame
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
DATED_BACK_NS = 6 * NS_PER_S
"""So much older than it is may a client say that a value is, while a connection brings its frames late."""

ALL = "*"
"""The symbol under which answers about all symbols stand."""

Key = tuple[Channel, str]


class _Copy:
    """One book as one connection tells it: when its snapshot and its newest message were made."""

    def __init__(self) -> None:
        self.snapshot_ns = 0
        self.made_ns = 0
        self.ordered = True

    def take(self, frame: Frame, made: int) -> None:
        if frame.kind == "snapshot":
            self.ordered, self.snapshot_ns = True, made
        elif made < self.made_ns:
            self.ordered = False
        self.made_ns = made


class Evidence:
    """Frames and answers by channel and symbol, then by the moment of arrival."""

    channels: Mapping[str, Channel] = CHANNELS
    """By the names that the switchboard of faults has for them."""

    def __init__(self, names: Mapping[str, str]) -> None:
        self.names = names
        """Symbols by the names that REST has for them."""
        self._frames: dict[Key, dict[int, list[Frame]]] = {}
        self._answers: dict[Key, dict[int, Answered]] = {}
        self._newest: dict[Key, int] = {}
        self._times: dict[Key, list[int]] = {}
        self._held_up: list[tuple[int, int]] = []
        self._copies: dict[tuple[str, int], _Copy] = {}
        self._lost_until_ns: dict[str, int] = {}
        self.refused_for_rate = 0
        """Answers that said that we ask too much."""
        self.frames = 0

    def frame(self, arrival: Arrival) -> None:
        """A frame has reached the client."""
        self.frames += 1
        frame = arrival.frame
        channel = self.channels.get(frame.channel)
        if channel is None or frame.kind not in ("snapshot", "update"):
            return
        key = (channel, frame.symbol)
        of_stream = self._frames.setdefault(key, {})
        if arrival.at_ns not in of_stream:
            of_stream[arrival.at_ns] = []
            self._times.setdefault(key, []).append(arrival.at_ns)
        of_stream[arrival.at_ns].append(frame)
        self._newest[key] = arrival.at_ns
        if channel is Channel.BOOK:
            copy = self._copies.setdefault((frame.symbol, arrival.link), _Copy())
            copy.take(frame, self.made_ns(frame))

    def gone(self, link: int) -> None:
        """The client has left a connection: its books do not count any more."""
        self._copies = {key: copy for key, copy in self._copies.items() if key[1] != link}

    def losing(self, symbol: str | None, until_ns: int) -> None:
        """Until then the venue may keep back messages of a book, or of all books."""
        for one in self.names.values() if symbol is None else (symbol,):
            self._lost_until_ns[one] = max(until_ns, self._lost_until_ns.get(one, 0))

    def intact(self, symbol: str) -> bool:
        """Whether every message of a book since its last snapshot has come, in order, on each connection.

        Where not, levels below the checked ones may be wrong and no client can know it.
        """
        lost_until_ns = self._lost_until_ns.get(symbol, 0)
        copies = [copy for (name, _), copy in self._copies.items() if name == symbol]
        return bool(copies) and all(copy.ordered and copy.snapshot_ns > lost_until_ns for copy in copies)

    def answer(self, answered: Answered) -> None:
        """A REST answer has reached the client."""
        if self.too_many(answered) and not answered.disturbed:
            self.refused_for_rate += 1
        key = self.about(answered)
        if key is not None:
            self._answers.setdefault(key, {})[answered.at_ns] = answered

    def made_ns(self, frame: Frame) -> int:
        """The venue's Unix time that a data frame says of itself."""
        return made_ns(frame)

    def too_many(self, answered: Answered) -> bool:
        """Whether the venue says that we ask too much."""
        return b"Too many requests" in answered.body

    def about(self, answered: Answered) -> Key | None:
        """What an answer is about; None for what nobody judges."""
        channel = _ENDPOINTS.get(answered.path.rsplit("/", 1)[-1])
        if channel is None:
            return None
        pair = answered.query.get("pair", "")
        return channel, ALL if channel is Channel.TICKER else self.names.get(pair, pair)

    def held_up(self, begin_ns: int, end_ns: int) -> None:
        """The client could read nothing for a while; what came then may be dated back to the beginning."""
        self._held_up.append((begin_ns - DATED_BACK_NS, end_ns))

    def frames_at(self, channel: Channel, symbol: str, at_ns: int) -> list[Frame]:
        """The data frames of a stream that arrived at that very moment, or that may be dated back to it.

        A client that knows itself behind dates what it reads by the last thing it knows to be older; that may
        be too early, and never too late.
        """
        key = (channel, symbol)
        found = self._dated(self._times.get(key, []), at_ns)
        return [frame for time_ns in found for frame in self._frames[key][time_ns]]

    def frames_within(self, channel: Channel, symbol: str, begin_ns: int, end_ns: int) -> list[Frame]:
        """The data frames of a stream that arrived from begin to end."""
        frames = self._frames.get((channel, symbol), {})
        return [frame for at_ns, told in frames.items() if begin_ns <= at_ns <= end_ns for frame in told]

    def answers_at(self, channel: Channel, symbol: str, at_ns: int) -> list[Answered]:
        """The answers about it that arrived at that very moment, or that may be dated back to it."""
        found: list[Answered] = []
        for name in (symbol, ALL):
            answers = self._answers.get((channel, name), {})
            found += [answers[time_ns] for time_ns in self._dated(list(answers), at_ns)]
        return found

    def _dated(self, times: list[int], at_ns: int) -> list[int]:
        """Those of the times that a client may call this one."""
        until_ns = max((end for begin, end in self._held_up if begin <= at_ns <= end), default=at_ns)
        return times[bisect_left(times, at_ns) : bisect_right(times, until_ns + DATED_BACK_NS)]

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
