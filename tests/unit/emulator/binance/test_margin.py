from __future__ import annotations

import pytest

from leadline.emulator.binance.margin import added
from pit import MARKET, Pit


@pytest.mark.parametrize(
    ("notional", "bids", "asks", "expected"),
    [
        (0, 100, 40, 100),
        (0, 0, 40, 40),
        (100, 50, 0, 50),
        (100, 0, 150, 0),
        (100, 0, 250, 50),
        (-100, 250, 0, 50),
        (-100, 0, 30, 30),
    ],
)
def test_orders_bind_what_the_larger_side_would_add(
    notional: int, bids: int, asks: int, expected: int
) -> None:
    assert added(notional, bids, asks) == expected


def test_the_account_adds_up() -> None:
    pit = Pit(usdt=10_000)
    pit.long("0.100")
    pit.order(price="49000.0", quantity="0.100")
    pit.order(side="SELL", price="51000.0", quantity="0.050")
    pit.mark("50500")
    row = pit.ask("GET", "/fapi/v3/account").value
    assert row["totalWalletBalance"] == "9997.50000000"
    assert row["totalUnrealizedProfit"] == "50.00000000"
    assert row["totalMarginBalance"] == "10047.50000000"
    assert row["totalPositionInitialMargin"] == "252.50000000"
    assert row["totalOpenOrderInitialMargin"] == "245.00000000"
    assert row["availableBalance"] == "9550.00000000"
    assert row["totalMaintMargin"] == "20.20000000"


def test_orders_that_only_close_are_told_and_bind_nothing() -> None:
    pit = Pit()
    pit.long("0.010")
    pit.order(side="SELL", price="51000.0", reduceOnly="true")
    (risk,) = pit.ask("GET", "/fapi/v3/positionRisk").value
    assert (risk["askNotional"], risk["openOrderInitialMargin"]) == ("510.00000000", "0")


def test_an_isolated_position_takes_its_margin_out_of_the_cross_wallet_and_gives_it_back() -> None:
    pit = Pit(usdt=1_000)
    pit.ask("POST", "/fapi/v1/marginType", symbol="BTCUSDT", marginType="ISOLATED")
    pit.long("0.010")
    (asset,) = pit.ask("GET", "/fapi/v3/account").value["assets"]
    assert (asset["walletBalance"], asset["crossWalletBalance"]) == ("999.75000000", "974.75000000")
    pit.mark("50100")
    (risk,) = pit.ask("GET", "/fapi/v3/positionRisk").value
    assert (risk["isolatedWallet"], risk["isolatedMargin"]) == ("25.00000000", "26.00000000")
    pit.crowd("BUY", "50000.0")
    pit.order(MARKET, side="SELL", quantity="0.005")
    assert pit.ask("GET", "/fapi/v3/positionRisk").value[0]["isolatedWallet"] == "12.50000000"
    pit.order(MARKET, side="SELL", quantity="0.005")
    (asset,) = pit.ask("GET", "/fapi/v3/account").value["assets"]
    assert asset["walletBalance"] == asset["crossWalletBalance"] == "999.50000000"


def test_an_isolated_position_that_flips_keeps_the_margin_of_what_is_open() -> None:
    pit = Pit(usdt=1_000)
    pit.ask("POST", "/fapi/v1/marginType", symbol="BTCUSDT", marginType="ISOLATED")
    pit.long("0.010")
    pit.crowd("BUY", "50000.0")
    pit.order(MARKET, side="SELL", quantity="0.030")
    (risk,) = pit.ask("GET", "/fapi/v3/positionRisk").value
    assert (risk["positionAmt"], risk["isolatedWallet"]) == ("-0.020", "50.00000000")


def test_in_hedge_mode_each_side_binds_for_itself() -> None:
    pit = Pit(usdt=1_000)
    pit.ask("POST", "/fapi/v1/positionSide/dual", dualSidePosition="true")
    pit.crowd("SELL", "50000.0")
    pit.crowd("BUY", "49999.0")
    pit.order(MARKET, positionSide="LONG")
    pit.order(MARKET, side="SELL", positionSide="SHORT")
    rows = pit.ask("GET", "/fapi/v3/positionRisk").value
    assert [(row["positionSide"], row["positionAmt"]) for row in rows] == [
        ("LONG", "0.010"),
        ("SHORT", "-0.010"),
    ]
    assert pit.ask("GET", "/fapi/v3/account").value["totalInitialMargin"] == "50.00000000"
