from __future__ import annotations

from leadline.emulator.binance.ports import Liquidated
from pit import Pit


def test_what_cannot_keep_its_margin_is_closed_by_force_at_the_mark() -> None:
    pit = Pit(usdt=100)
    heard: list[Liquidated] = []
    pit.trading.forced.listeners.append(heard.append)
    pit.long("0.030")
    resting = pit.order(price="40000.0", quantity="0.003").value["orderId"]
    pit.mark("47000")
    assert pit.position() == "0.030"
    assert heard == []
    pit.mark("44000")
    assert pit.position() == "0.000"
    told = [
        (one["o"]["i"] == resting, one["o"]["x"], one["o"]["X"], one["o"]["er"])
        for one in pit.told("ORDER_TRADE_UPDATE")
    ]
    assert told[1:] == [
        (True, "EXPIRED", "EXPIRED", "5"),
        (False, "NEW", "NEW", "0"),
        (False, "CALCULATED", "FILLED", "0"),
    ]
    last = pit.told("ORDER_TRADE_UPDATE")[-1]["o"]
    assert last["c"].startswith("autoclose-")
    assert [(one.side, one.qty, one.price) for one in heard] == [("SELL", 30, 440_000)]
    assert pit.told("TRADE_LITE") == []


def test_the_insurance_fund_bears_what_the_wallet_lacks() -> None:
    pit = Pit(usdt=100)
    pit.long("0.030")
    pit.mark("40000")
    assert pit.wallet == 0
    kinds = [row["incomeType"] for row in pit.ask("GET", "/fapi/v1/income").value]
    assert kinds == ["COMMISSION", "REALIZED_PNL", "COMMISSION", "INSURANCE_CLEAR"]
    assert [one["a"]["m"] for one in pit.told("ACCOUNT_UPDATE")] == ["ORDER", "INSURANCE_CLEAR"]


def test_a_margin_call_comes_once_before_it_comes_to_that() -> None:
    pit = Pit(usdt=100)
    pit.long("0.030")
    pit.mark("46900")
    pit.mark("46899")
    pit.mark("46898")
    (call,) = pit.told("MARGIN_CALL")
    assert (call["cw"], call["p"][0]["mt"], call["p"][0]["pa"]) == ("99.25000000", "CROSSED", "0.03")
    pit.mark("50000")
    pit.mark("46900")
    assert len(pit.told("MARGIN_CALL")) == 2
    assert pit.position() == "0.030"


def test_an_isolated_position_falls_alone() -> None:
    pit = Pit(usdt=100_000)
    pit.ask("POST", "/fapi/v1/marginType", symbol="BTCUSDT", marginType="ISOLATED")
    pit.long("0.030")
    pit.mark("47600")
    pit.mark("47500")
    assert pit.position() == "0.000"
    assert float(pit.wallet) > 99_900


def test_shared_assets_keep_a_position_up() -> None:
    pit = Pit(usdt=100)
    pit.account.wallets["USDC"] = 10_000 * 10**8
    pit.ask("POST", "/fapi/v1/multiAssetsMargin", multiAssetsMargin="true")
    pit.long("0.030")
    pit.mark("40000")
    assert pit.position() == "0.030"
