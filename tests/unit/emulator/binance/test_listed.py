from __future__ import annotations

from binance_emulated import BTC, SETTLING, START_NS, S, asked, binance, payloads, reading


def test_a_contract_that_stops_trading_is_told_and_shown() -> None:
    exchange = binance(rate=200, contracts=(BTC, SETTLING))
    line = reading(exchange, "ws_market", "!contractInfo")
    exchange.inject(
        {"kind": "STATUS", "mode": "maintenance", "symbol": "BTC/USDT:USDT", "for_s": 5}, START_NS
    )
    (told,) = payloads(line)
    assert (told["s"], told["cs"]) == ("BTCUSDT", "SETTLING")
    assert asked(exchange, "/fapi/v1/exchangeInfo")["symbols"][0]["status"] == "SETTLING"
    exchange.advance(START_NS + 4 * S)
    assert exchange.listed.trading() == []
    exchange.advance(START_NS + 5 * S)
    (told,) = payloads(line)
    assert told["cs"] == "TRADING"


def test_a_contract_that_never_traded_cannot_be_put_online() -> None:
    exchange = binance(rate=0, contracts=(BTC, SETTLING))
    exchange.listed.set_mode("OMGUSDT", "online")
    assert exchange.listed.status("OMGUSDT") == "SETTLING"


def test_a_row_is_the_same_object_until_it_changes() -> None:
    exchange = binance(rate=0)
    before = exchange.listed.rows()["BTCUSDT"]
    assert exchange.listed.rows()["BTCUSDT"] is before
    exchange.listed.set_mode("BTCUSDT", "cancel_only")
    after = exchange.listed.rows()["BTCUSDT"]
    assert after is not before
    assert after["status"] == "PRE_SETTLE"
