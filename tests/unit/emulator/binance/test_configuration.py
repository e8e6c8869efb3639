from __future__ import annotations

import pytest

from pit import MARKET, Pit

LEVERAGE, TYPE = "/fapi/v1/leverage", "/fapi/v1/marginType"
DUAL, MULTI = "/fapi/v1/positionSide/dual", "/fapi/v1/multiAssetsMargin"
MARGIN = "/fapi/v1/positionMargin"


def test_a_change_of_leverage_is_told_and_shown() -> None:
    pit = Pit()
    reply = pit.ask("POST", LEVERAGE, symbol="BTCUSDT", leverage=21)
    assert reply.value == {"leverage": 21, "maxNotionalValue": "70000000", "symbol": "BTCUSDT"}
    (event,) = pit.told("ACCOUNT_CONFIG_UPDATE")
    assert event["ac"] == {"s": "BTCUSDT", "l": 21}
    assert pit.ask("GET", "/fapi/v1/symbolConfig", symbol="BTCUSDT").value[0]["leverage"] == 21


@pytest.mark.parametrize(("leverage", "code"), [("126", -4028), ("0", -4028), ("ten", -1100)])
def test_a_leverage_beyond_the_first_bracket_is_refused(leverage: str, code: int) -> None:
    assert Pit().ask("POST", LEVERAGE, symbol="BTCUSDT", leverage=leverage).code == code


def test_a_leverage_too_low_for_what_the_account_has_is_refused() -> None:
    pit = Pit(usdt=100)
    pit.long("0.030")
    assert pit.ask("POST", LEVERAGE, symbol="BTCUSDT", leverage=2).code == -2028


def test_a_leverage_too_high_for_the_position_is_refused() -> None:
    pit = Pit(usdt=1_000_000)
    pit.long("10")
    assert pit.ask("POST", LEVERAGE, symbol="BTCUSDT", leverage=125).code == -2027


def test_the_margin_type_changes_only_where_nothing_is_open() -> None:
    pit = Pit()
    assert pit.ask("POST", TYPE, symbol="BTCUSDT", marginType="CROSSED").code == -4046
    assert pit.ask("POST", TYPE, symbol="BTCUSDT", marginType="ISOLATED").value == {
        "code": 200,
        "msg": "success",
    }
    assert pit.ask("GET", "/fapi/v1/symbolConfig", symbol="BTCUSDT").value[0]["marginType"] == "ISOLATED"
    pit.order(price="49000.0")
    assert pit.ask("POST", TYPE, symbol="BTCUSDT", marginType="CROSSED").code == -4047
    pit.ask("DELETE", "/fapi/v1/allOpenOrders", symbol="BTCUSDT")
    pit.long()
    assert pit.ask("POST", TYPE, symbol="BTCUSDT", marginType="CROSSED").code == -4048
    assert pit.ask("POST", LEVERAGE, symbol="BTCUSDT", leverage=10).code == -4161


def test_the_position_mode_changes_only_where_nothing_is_open_and_no_event_tells() -> None:
    pit = Pit()
    assert pit.ask("POST", DUAL, dualSidePosition="false").code == -4059
    pit.order(price="49000.0")
    assert pit.ask("POST", DUAL, dualSidePosition="true").code == -4067
    pit.ask("DELETE", "/fapi/v1/allOpenOrders", symbol="BTCUSDT")
    pit.long()
    assert pit.ask("POST", DUAL, dualSidePosition="true").code == -4068
    pit.crowd("BUY", "50000.0")
    pit.order(MARKET, side="SELL")
    pit.wait(1)
    pit.events.clear()
    assert pit.ask("POST", DUAL, dualSidePosition="true").status == 200
    assert pit.ask("GET", DUAL).value == {"dualSidePosition": True}
    pit.wait(1)
    assert pit.events == []


def test_multi_assets_and_isolated_margin_exclude_each_other() -> None:
    pit = Pit()
    assert pit.ask("POST", MULTI, multiAssetsMargin="false").code == -4171
    assert pit.ask("POST", MULTI, multiAssetsMargin="true").status == 200
    assert pit.told("ACCOUNT_CONFIG_UPDATE")[0]["ai"] == {"j": True}
    assert pit.ask("POST", TYPE, symbol="BTCUSDT", marginType="ISOLATED").code == -4168
    pit.ask("POST", MULTI, multiAssetsMargin="false")
    pit.ask("POST", TYPE, symbol="BTCUSDT", marginType="ISOLATED")
    assert pit.ask("POST", MULTI, multiAssetsMargin="true").code == -4167


def test_isolated_margin_is_added_and_taken_within_what_there_is() -> None:
    pit = Pit(usdt=1_000)
    terms = {"symbol": "BTCUSDT", "amount": "10.5", "type": 1}
    assert pit.ask("POST", MARGIN, **terms).code == -4054
    pit.ask("POST", TYPE, symbol="BTCUSDT", marginType="ISOLATED")
    pit.long()
    assert pit.ask("POST", MARGIN, **terms).value == {
        "amount": 10.5,
        "code": 200,
        "msg": "Successfully modify position margin.",
        "type": 1,
    }
    (event,) = pit.told("ACCOUNT_UPDATE")
    assert (event["a"]["m"], event["a"]["P"][0]["iw"]) == ("MARGIN_TRANSFER", "35.5")
    assert event["a"]["B"][0]["cw"] == "964.25000000"
    assert pit.ask("POST", MARGIN, **{**terms, "type": 2, "amount": "11"}).code == -4051
    assert pit.ask("POST", MARGIN, **{**terms, "type": 2}).status == 200
    assert pit.ask("POST", MARGIN, **{**terms, "amount": "2000"}).code == -4050
    assert pit.ask("POST", MARGIN, **{**terms, "amount": "0"}).code == -4055
    assert pit.ask("POST", MARGIN, **{**terms, "type": 3}).code == -1130
    history = pit.ask("GET", MARGIN + "/history", symbol="BTCUSDT").value
    assert [(row["type"], row["amount"]) for row in history] == [(1, "10.50000000"), (2, "10.50000000")]


def test_the_fee_burn_is_remembered() -> None:
    pit = Pit()
    pit.ask("POST", "/fapi/v1/feeBurn", feeBurn="true")
    assert pit.ask("GET", "/fapi/v1/feeBurn").value == {"feeBurn": True}
