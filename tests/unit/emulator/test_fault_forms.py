from __future__ import annotations

from typing import Any

import pytest

from leadline.emulator.fault_forms import FaultError, decoded
from leadline.emulator.faults import Stall

SYMBOLS = ("BTC/USD", "ETH/USD")


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ([], "JSON object"),
        ({}, "kind: None is none of CLOSE, REFUSE, STALL"),
        ({"kind": "STOP"}, "kind: 'STOP' is none of"),
        ({"kind": "DELIST", "symbol": "BTC/USD"}, "kind: 'DELIST' is none of"),
        ({"venue": "binance", "kind": "DELIST", "symbol": "X"}, "symbol: 'X' is not listed here"),
        (
            {"venue": "binance", "kind": "FORCE_CLOSE", "symbol": "BTC/USD", "part": 1.5},
            "part: 1.5 is not above zero and at most 1",
        ),
        (
            {"venue": "binance", "kind": "FORCE_CLOSE", "symbol": "BTC/USD", "cause": "x"},
            "cause (liquidation | adl)",
        ),
        ({"kind": "CLOSE", "cod": 1}, "cod: CLOSE has no such field; it takes line (ws_public |"),
        ({"kind": "STALL", "channel": "books"}, "channel (ticker | book | trade | ohlc | instrument |"),
        ({"kind": "STALL", "symbol": "XBT/USD"}, "symbol: 'XBT/USD' is not listed here; listed are BTC/USD"),
        ({"kind": "STATUS", "mode": "off"}, "mode (online | cancel_only"),
        ({"kind": "STATUS"}, "missing required field `mode`"),
        ({"kind": "DROP", "count": 0}, "count: 0 is not above zero"),
        ({"kind": "STALL", "for_s": -1}, "for_s: -1"),
        ({"kind": "CLOSE", "code": 12}, "code: 12 is not within 1000 to 4999"),
        ({"kind": "REFUSE", "status": 99}, "status: 99 is not within"),
        ({"kind": "INSTRUMENT", "symbol": "BTC/USD", "price_precision": 11}, "price_precision: 11"),
        ({"kind": "CLOSE", "venue": "bitmex"}, "venue: 'bitmex' is none of kraken, binance"),
        ({"kind": "CLOSE", "line": "ws_market"}, "line: kraken has no ws_market"),
        ({"kind": "OLD_ROUTES"}, "kind: 'OLD_ROUTES' is none of CLOSE"),
        ({"venue": "binance", "kind": "NONCE_STRICT"}, "kind: 'NONCE_STRICT' is none of CLOSE"),
        ({"venue": "binance", "kind": "STALL", "channel": "level3"}, "channel: binance has no level3"),
        ({"venue": "binance", "kind": "RATE", "per_s": 1}, "RATE: of binance it takes burn alone"),
        ({"venue": "binance", "kind": "STATUS", "mode": "post_only"}, "mode: binance has no post_only"),
        ({"venue": "binance", "kind": "BACKEND"}, "missing required field `trouble`"),
        ({"kind": "REFUSE", "route": "udp"}, "route (ws | rest | all)"),
        ({"kind": "RATE"}, "RATE: it needs per_s, tier or burn"),
        ({"kind": "RATE", "per_s": 1, "counter": "kraken_counter"}, "kraken_counter needs tier or burn"),
        ({"kind": "RATE", "tier": "gold"}, "tier (starter | intermediate | pro)"),
        ({"kind": "RATE", "burn": 0}, "burn: 0.0 is not above zero"),
        ({"kind": "RATE", "burn": 1, "symbol": "XBT/USD"}, "symbol: 'XBT/USD' is not listed"),
        ({"kind": "SHUFFLE", "channel": "book"}, "channel (executions | balances | all)"),
        ({"kind": "CLOSE", "line": "public"}, "line (ws_public | ws_private | ws_level3)"),
        ({"kind": "CLOSE", "after_s": 9, "only": "oldest"}, "only: it picks a connection that is open now"),
        ({"kind": "STALL", "only": "first"}, "only (oldest | newest)"),
        ({"kind": "SKEW"}, "missing required field `factor`"),
        ({"kind": "SKEW", "factor": 1}, "factor: 1 is not above zero and other than 1"),
        ({"kind": "SKEW", "factor": "-0.5"}, "factor: -0.5 is not above zero"),
        ({"kind": "SKEW", "factor": "NaN"}, "factor: NaN is not above zero"),
        ({"kind": "SKEW", "factor": 2, "channel": "trade"}, "channel (ticker | book)"),
        ({"kind": "SKEW", "factor": 2, "channel": "book", "route": "ws"}, "route: a book is shown otherwise"),
        ({"kind": "LAG", "delay_s": 0}, "delay_s: 0.0 is not above zero and at most 60"),
        ({"kind": "LAG", "delay_s": 61}, "delay_s: 61.0 is not above zero and at most 60"),
        ({"kind": "LAG", "delay_s": 1, "symbol": "XBT/USD"}, "symbol: 'XBT/USD' is not listed"),
        ({"kind": "MISSTATE"}, "MISSTATE: it needs asset with amount, or hide_order"),
        ({"kind": "MISSTATE", "asset": "USD"}, "amount: 0 of asset 'USD'; both are needed"),
        ({"kind": "MISSTATE", "amount": 1, "hide_order": "oldest"}, "amount: 1 of asset None; both"),
        ({"kind": "MISSTATE", "asset": "XBT", "amount": 1}, "asset: 'XBT' is not traded here; there are BTC"),
        ({"kind": "ACCEPT_THEN_DROP", "route": "ws"}, "it takes path (str), method (str), count (int)"),
    ],
)
def test_a_fault_that_cannot_be_put_on_names_the_field_and_what_it_takes(fields: Any, named: str) -> None:
    with pytest.raises(FaultError) as caught:
        decoded(fields, SYMBOLS)
    assert named in str(caught.value)


def test_a_fault_is_decoded_into_its_type() -> None:
    fault = decoded({"venue": "kraken", "kind": "STALL", "channel": "book", "for_s": 2}, SYMBOLS)
    assert isinstance(fault, Stall)
    assert (fault.channel, fault.symbol, fault.for_s) == ("book", None, 2.0)


def test_a_rejection_may_name_a_symbol_that_is_not_listed() -> None:
    decoded({"kind": "SUB_REJECT", "symbol": "XBT/USD"}, SYMBOLS)


def test_frames_of_private_channels_can_be_lost_too() -> None:
    for channel in ("executions", "balances", "level3"):
        decoded({"kind": "DROP", "channel": channel}, SYMBOLS)
