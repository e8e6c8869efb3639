from __future__ import annotations

from pit import Pit


def test_the_head_is_of_usdt_alone_unless_assets_are_shared() -> None:
    pit = Pit()
    pit.account.wallets["USDC"] = 500 * 10**8
    assert pit.ask("GET", "/fapi/v3/account").value["totalWalletBalance"] == "100000.00000000"
    pit.ask("POST", "/fapi/v1/multiAssetsMargin", multiAssetsMargin="true")
    assert pit.ask("GET", "/fapi/v3/account").value["totalWalletBalance"] == "100500.00000000"


def test_a_short_position_has_a_negative_amount_and_notional() -> None:
    pit = Pit()
    pit.crowd("BUY", "50000.0")
    pit.order(side="SELL", price="50000.0")
    (row,) = pit.ask("GET", "/fapi/v3/positionRisk").value
    assert (row["positionAmt"], row["notional"], row["entryPrice"]) == ("-0.010", "-500.00000000", "50000")
    assert float(row["liquidationPrice"]) > 50_000
    assert row["breakEvenPrice"] == "49975"


def test_the_old_form_has_leverage_and_margin_type_and_the_new_one_has_not() -> None:
    pit = Pit()
    pit.long()
    old = pit.ask("GET", "/fapi/v2/positionRisk", symbol="BTCUSDT").value[0]
    new = pit.ask("GET", "/fapi/v3/positionRisk", symbol="BTCUSDT").value[0]
    assert (old["leverage"], old["marginType"], old["maxNotionalValue"]) == ("20", "cross", "100000000")
    assert not {"leverage", "marginType"} & set(new)


def test_brackets_are_numbers() -> None:
    rows = Pit().ask("GET", "/fapi/v1/leverageBracket", symbol="BTCUSDT").value
    assert rows[0]["brackets"][1] == {
        "bracket": 2,
        "initialLeverage": 100,
        "notionalCap": 800_000,
        "notionalFloor": 300_000,
        "maintMarginRatio": 0.005,
        "cum": 300.0,
    }
