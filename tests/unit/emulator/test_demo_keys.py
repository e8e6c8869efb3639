from __future__ import annotations

from leadline.emulator.binance.exchange import BinanceExchange
from leadline.emulator.demo_keys import demo_keys
from leadline.emulator.exchange import Exchange


def test_the_keys_are_those_that_the_exchanges_of_the_seed_know() -> None:
    kraken = Exchange(start_ns=10**18, seed=7, history_minutes=1).trading.demo
    binance = BinanceExchange(start_ns=10**18, seed=7, history_minutes=1).trading.demo

    assert demo_keys(7) == {
        "kraken": {"api_key": kraken.api_key, "private_key": kraken.secret},
        "binance": {"api_key": binance.api_key, "api_secret": binance.secret},
    }
    assert demo_keys(8) != demo_keys(7)
