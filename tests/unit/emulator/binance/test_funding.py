from __future__ import annotations

from pit import Pit


def test_a_long_pays_where_the_rate_is_positive_and_a_cross_position_is_not_told() -> None:
    pit = Pit()
    pit.long("0.010")
    before = pit.wallet
    pit.mark("50100")
    pit.fund("0.0001")
    assert float(before - pit.wallet) == 0.0501
    assert pit.ask("GET", "/fapi/v3/positionRisk").value[0]["breakEvenPrice"] == "50030.01"
    (event,) = pit.told("ACCOUNT_UPDATE")
    assert (event["a"]["m"], event["a"]["P"], event["a"]["S"]) == ("FUNDING_FEE", [], "BTCUSDT")
    assert event["a"]["B"][0]["bc"] == "-0.0501"
    row = pit.ask("GET", "/fapi/v1/income", incomeType="FUNDING_FEE").value[0]
    assert (row["income"], row["symbol"], row["tradeId"]) == ("-0.05010000", "BTCUSDT", "")


def test_a_short_is_paid() -> None:
    pit = Pit()
    pit.crowd("BUY", "50000.0")
    pit.order(side="SELL", price="50000.0")
    before = pit.wallet
    pit.fund("0.0001")
    assert float(pit.wallet - before) == 0.05


def test_an_isolated_position_pays_from_its_own_wallet_and_is_told() -> None:
    pit = Pit()
    pit.ask("POST", "/fapi/v1/marginType", symbol="BTCUSDT", marginType="ISOLATED")
    pit.long("0.010")
    pit.fund("0.0001")
    (event,) = pit.told("ACCOUNT_UPDATE")
    assert [(row["s"], row["iw"]) for row in event["a"]["P"]] == [("BTCUSDT", "24.95")]


def test_who_has_no_position_there_hears_nothing() -> None:
    pit = Pit()
    pit.long("0.010")
    pit.fund("0.0001", "ETHUSDT")
    pit.fund("0")
    assert pit.told("ACCOUNT_UPDATE") == []
