from __future__ import annotations

from leadline.emulator.binance.algo_orders import AlgoOrder, AlgoTicket

UNIT = 10**8


def trailing(side: str, activate: int | None = None) -> AlgoOrder:
    ticket = AlgoTicket("BTCUSDT", side, "TRAILING_STOP_MARKET", 1, activate=activate, callback=100)  # type: ignore[arg-type]
    return AlgoOrder(1, "c", ticket, 0, 0, active=activate is None)


def test_a_trailing_sell_gives_back_its_part_of_the_highest_price() -> None:
    one = trailing("SELL")
    assert [one.reached(price * UNIT) for price in (100, 110, 109, 108)] == [False, False, False, True]


def test_a_trailing_buy_mirrors_it() -> None:
    one = trailing("BUY")
    assert [one.reached(price * UNIT) for price in (100, 90, 90, 91)] == [False, False, False, True]


def test_before_its_activation_it_takes_no_note_of_prices() -> None:
    one = trailing("SELL", 120 * UNIT)
    assert [one.reached(price * UNIT) for price in (100, 110, 50)] == [False, False, False]
    assert (one.active, one.extreme) == (False, None)
    assert not one.reached(120 * UNIT)
    assert one.active
    assert one.reached(118 * UNIT)
