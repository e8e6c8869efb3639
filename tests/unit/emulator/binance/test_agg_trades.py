from __future__ import annotations

from binance_emulated import START_NS, S, asked, binance, payloads, reading
from leadline.emulator.binance.agenda import Agenda
from leadline.emulator.binance.agg_trades import AggTape, AggTrade
from leadline.emulator.market import chance
from leadline.emulator.matching import ASK, BID
from leadline.emulator.tape import Trade

MS = 1_000_000


def tape() -> tuple[AggTape, Agenda, list[AggTrade]]:
    agenda, told = Agenda(), []
    made = AggTape("BTCUSDT", 1, agenda, chance(1, "aggregates"))
    made.listeners.append(lambda one, now_ns: told.append(one))
    return made, agenda, told


def trade(number: int, at_ms: int, price: int = 10, side: int = BID) -> Trade:
    return Trade(number, at_ms * MS, price, 5, side, market=True)


def test_trades_of_one_price_and_side_within_a_tenth_of_a_second_are_one() -> None:
    made, agenda, told = tape()
    made.enter([trade(1, 0), trade(2, 99)])
    made.enter([trade(3, 100)])
    agenda.woke(500 * MS)
    agenda.woke(600 * MS)
    assert [(one.first, one.last, one.qty) for one in told] == [(1, 2, 10), (3, 3, 5)]
    assert [one.time_ns for one in told] == [0, 100 * MS]


def test_another_price_or_side_begins_another() -> None:
    made, agenda, told = tape()
    made.enter([trade(1, 0), trade(2, 0, price=11), trade(3, 0, price=11, side=ASK)])
    agenda.woke(500 * MS)
    agenda.woke(600 * MS)
    assert [one.agg_id for one in told] == [1, 2, 3]


def test_streams_hear_later_than_the_trade_and_in_order() -> None:
    exchange = binance(rate=400)
    line = reading(exchange, "ws_market", "btcusdt@aggTrade")
    exchange.advance(START_NS + 20 * S)
    found = payloads(line)
    assert [one["a"] for one in found] == list(range(found[0]["a"], found[0]["a"] + len(found)))
    delays = [one["E"] - one["T"] for one in found]
    assert max(delays) <= 151
    assert min(delays) >= 0


def test_rest_fills_a_hole_by_its_first_id() -> None:
    exchange = binance(rate=400)
    line = reading(exchange, "ws_market", "btcusdt@aggTrade")
    exchange.advance(START_NS + 20 * S)
    found = payloads(line)
    rows = asked(exchange, "/fapi/v1/aggTrades", f"symbol=BTCUSDT&fromId={found[3]['a']}&limit=4")
    keys = ("a", "p", "q", "nq", "f", "l", "T", "m")
    assert rows == [{key: one[key] for key in keys} for one in found[3:7]]
