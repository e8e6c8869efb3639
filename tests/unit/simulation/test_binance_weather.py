from __future__ import annotations

import random

from leadline.emulator.binance.contracts import DEMO_CONTRACTS
from leadline.emulator.binance.exchange import BinanceExchange
from leadline.simulation.binance_others import OTHERS
from leadline.simulation.binance_weather import BINANCE
from leadline.simulation.strikes import Event
from leadline.simulation.weather import forecast

START_NS = 1_790_000_000 * 10**9
SYMBOLS = ["BTC/USDT:USDT", "ETH/USDT:USDT"]


def test_every_kind_of_fault_comes_and_the_venue_takes_each() -> None:
    kinds, events = set(), set()
    exchange = BinanceExchange(start_ns=START_NS, rate=0.0, contracts=DEMO_CONTRACTS[:2], history_minutes=1)
    for seed in range(150):
        for strike in forecast(random.Random(seed), 300.0, SYMBOLS, BINANCE):
            if strike.event is None:
                kinds.add(strike.fields["kind"])
                if strike.fields["kind"] in OTHERS:
                    continue
                exchange.inject(strike.fields, START_NS)
                exchange.end_faults(START_NS)
            else:
                events.add(strike.event)

    assert kinds >= {"CLOSE", "DROP", "DUP", "REORDER", "CORRUPT", "REFUSE", "STALL", "HALF_OPEN"}
    assert kinds >= {"ACK_NO_DATA", "REPLY", "RATE", "STATUS", "SKEW", "LAG"}
    assert kinds >= OTHERS
    assert events == set(Event)


def test_no_snapshot_is_told_wrongly_because_nothing_could_show_it() -> None:
    for seed in range(300):
        for strike in forecast(random.Random(seed), 300.0, SYMBOLS, BINANCE):
            assert (strike.fields.get("kind"), strike.fields.get("channel")) != ("SKEW", "book")
