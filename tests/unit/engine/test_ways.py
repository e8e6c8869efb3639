from __future__ import annotations

from leadline.clock import NS_PER_S, ManualClock
from leadline.engine.ways import best_path, certain, deadline_ns
from leadline.errors import ConnectFailed, ConnectionLost, ProtocolError, Rejected
from leadline.venues.memory_account import MemoryAccount
from leadline.venues.ports import Path
from orderrig import BTC


def test_only_a_definite_no_is_certain() -> None:
    assert certain(Rejected("EOrder:no"))
    assert certain(ConnectFailed("no way"))
    assert not certain(ConnectionLost("gone"))
    assert not certain(ProtocolError("nonsense"))


def test_a_deadline_by_rest_is_no_shorter_than_the_venue_takes_there() -> None:
    venue = MemoryAccount(ManualClock(), [BTC])

    assert deadline_ns(venue, 2.0, Path.STREAM) - venue.venue_ns() == 2 * NS_PER_S
    assert deadline_ns(venue, 2.0, Path.REST) - venue.venue_ns() == 5 * NS_PER_S
    assert deadline_ns(venue, 9.0, Path.REST) - venue.venue_ns() == 9 * NS_PER_S


def test_the_stream_is_taken_where_it_stands() -> None:
    venue = MemoryAccount(ManualClock(), [BTC])

    assert best_path(venue) is Path.STREAM
    venue.streaming = False
    assert best_path(venue) is Path.REST
