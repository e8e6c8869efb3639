"""Made sessions of Binance: whole chains, with the snapshots that begin them."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import msgspec

from leadline.bench.binance_frames import (
    LEVELS,
    REFILL_AFTER,
    REST,
    contracts_of_many,
    contracts_of_one_book,
    depth_frames,
    mixed_binance_frames,
)
from leadline.venues.binance.snapshots import decode_depth
from leadline.venues.binance.stream_names import MARKET, PUBLIC


def test_a_session_of_one_book_is_one_chain_with_its_snapshot_behind_the_first_message() -> None:
    heard = depth_frames(2 + REFILL_AFTER)
    changes = [msgspec.json.decode(each.text)["data"] for each in heard if each.route == PUBLIC]

    assert [each.route for each in heard[:3]] == [PUBLIC, REST, PUBLIC]
    assert heard[1].limit == LEVELS == len(decode_depth(heard[1].text).bids)
    assert all(later["pu"] == earlier["u"] for earlier, later in pairwise(changes))
    assert 15 < sum(len(each["b"]) + len(each["a"]) for each in changes) / len(changes) < 30


def test_a_book_is_fetched_again_before_prices_have_left_what_was_told() -> None:
    heard = depth_frames(3 + REFILL_AFTER)

    assert [number for number, each in enumerate(heard) if each.route == REST] == [1, REFILL_AFTER + 2]


def test_a_mixed_session_has_every_kind_of_event_and_one_snapshot_of_each_contract() -> None:
    contracts = contracts_of_many(3)
    heard = mixed_binance_frames(contracts, 3000)
    told = [(each.route, msgspec.json.decode(each.text)) for each in heard]
    kinds = Counter((route, frame["data"]["e"]) for route, frame in told if route)

    assert set(kinds) == {
        *((PUBLIC, kind) for kind in ("bookTicker", "depthUpdate")),
        *((MARKET, kind) for kind in ("aggTrade", "kline", "markPriceUpdate", "24hrTicker", "forceOrder")),
    }
    assert sum(route == REST for route, _ in told) >= len(contracts)
    assert {frame["stream"].partition("@")[2] for route, frame in told if route == PUBLIC} == {
        "bookTicker",
        "depth@100ms",
        "depth5@100ms",
    }


def test_the_book_measured_alone_is_one_contract() -> None:
    assert [contract.symbol for contract in contracts_of_one_book()] == ["BTCUSDT"]
