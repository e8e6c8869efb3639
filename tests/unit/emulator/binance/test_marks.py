from __future__ import annotations

import itertools
from decimal import Decimal

from binance_emulated import BTC, GOLD, QUARTER, START_NS, S, asked, binance, payloads, reading
from leadline.emulator.binance.marks import FUNDING_S
from leadline.emulator.binance.ports import Funding


def test_marks_are_told_on_every_second_and_on_every_third_even_unchanged() -> None:
    exchange = binance(rate=0)
    fast = reading(exchange, "ws_market", "btcusdt@markPrice@1s")
    slow = reading(exchange, "ws_market", "btcusdt@markPrice")
    exchange.advance(START_NS + 12 * S)
    assert [one["E"] % 1_000 for one in payloads(fast)] == [0] * 12
    assert len(payloads(slow)) == 4


def test_the_mark_follows_the_book_and_stays_near_the_index() -> None:
    exchange = binance(rate=400)
    exchange.advance(START_NS + 60 * S)
    row = asked(exchange, "/fapi/v1/premiumIndex", "symbol=BTCUSDT", START_NS + 60 * S)
    quote = asked(exchange, "/fapi/v1/ticker/bookTicker", "symbol=BTCUSDT", START_NS + 60 * S)
    middle = (Decimal(quote["bidPrice"]) + Decimal(quote["askPrice"])) / 2
    mark, index = Decimal(row["markPrice"]), Decimal(row["indexPrice"])
    assert abs(mark - middle) < middle / 500
    assert 0 < mark - index < middle / 500


def test_funding_is_paid_every_eight_hours_a_little_late_by_perpetuals_alone() -> None:
    exchange = binance(rate=0, contracts=(BTC, QUARTER))
    paid: list[Funding] = []
    exchange.marks.funders.append(paid.append)
    boundary_s = (START_NS // S // FUNDING_S + 1) * FUNDING_S
    assert exchange.marks.funding_ms("BTCUSDT", START_NS) == boundary_s * 1_000
    assert exchange.marks.funding_ms(QUARTER.symbol, START_NS) == 0
    exchange.advance((boundary_s - 1) * S)
    assert paid == []
    exchange.advance((boundary_s + 1) * S)
    assert [one.symbol for one in paid] == ["BTCUSDT"]
    assert 0 <= paid[0].time_ns - boundary_s * S < 10_000_000
    exchange.advance((boundary_s + FUNDING_S + 1) * S)
    assert len(paid) == 2
    rows = asked(exchange, "/fapi/v1/fundingRate", "symbol=BTCUSDT", (boundary_s + FUNDING_S + 1) * S)
    assert [row["fundingTime"] // 1_000 for row in rows[-2:]] == [boundary_s, boundary_s + FUNDING_S]
    assert all(a["fundingTime"] < b["fundingTime"] for a, b in itertools.pairwise(rows))


def test_all_marks_come_in_two_frames_the_traditional_assets_apart() -> None:
    exchange = binance(rate=0, contracts=(BTC, QUARTER, GOLD))
    line = reading(exchange, "ws_market", "!markPrice@arr@1s")
    exchange.advance(START_NS + S)
    found = payloads(line)
    assert [one["s"] for one in found] == ["BTCUSDT", "BTCUSDT_261225", "BTCUSD_PERP", "XAUUSDT"]
    assert [one["st"] for one in found] == [1, 1, 2, 1], "what is margined in coin comes along"
    exchange.advance(START_NS + 2 * S)
    assert len(line.outputs()) == 2


def test_a_contract_without_funding_shows_no_rate() -> None:
    exchange = binance(rate=0, contracts=(QUARTER,))
    line = reading(exchange, "ws_market", "btcusdt_261225@markPrice@1s")
    exchange.advance(START_NS + S)
    (one,) = payloads(line)
    assert (one["r"], one["T"]) == ("0.00000000", 0)


def test_listeners_hear_of_every_contracts_mark() -> None:
    exchange = binance(rate=0)
    heard: list[tuple[str, int]] = []
    exchange.marks.listeners.append(lambda symbol, now_ns: heard.append((symbol, now_ns)))
    exchange.advance(START_NS + S)
    assert heard == [("BTCUSDT", START_NS + S), ("ETHUSDT", START_NS + S)]
