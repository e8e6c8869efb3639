from __future__ import annotations

import pytest

from leadline.emulator.binance.endpoints import Endpoint
from pit import Pit


def test_a_question_without_a_symbol_may_cost_more() -> None:
    one = Endpoint(lambda call: None, 1, all_weight=40)
    assert (one.cost({}), one.cost({"symbol": "BTCUSDT"})) == (40, 1)
    assert Endpoint(lambda call: None, 5).cost({}) == 5


READ = (
    "v1/openOrders", "v1/allOrders", "v1/forceOrders", "v1/openAlgoOrders", "v1/rateLimit/order",
    "v2/balance", "v3/balance", "v2/account", "v3/account", "v2/positionRisk", "v3/positionRisk",
    "v1/accountConfig", "v1/symbolConfig", "v1/leverageBracket", "v1/adlQuantile", "v1/apiTradingStatus",
    "v1/income", "v1/positionSide/dual", "v1/multiAssetsMargin", "v1/feeBurn",
)  # fmt: skip


@pytest.mark.parametrize("name", READ)
def test_everything_that_can_be_read_without_a_symbol_is_answered(name: str) -> None:
    assert Pit().ask("GET", f"/fapi/{name}").status == 200


@pytest.mark.parametrize(
    "name",
    [
        "order",
        "openOrder",
        "orderAmendment",
        "allAlgoOrders",
        "userTrades",
        "commissionRate",
        "positionMargin/history",
    ],
)
def test_what_needs_a_symbol_says_so(name: str) -> None:
    reply = Pit().ask("GET", f"/fapi/v1/{name}")
    assert (reply.code, "'symbol'" in reply.value["msg"]) == (-1102, True)
