"""The account side of the emulated Binance beside recorded and documented payloads: same keys, same types.

Payloads are years apart: what a later change of the venue took away or added is listed here by name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pit import ALGO, LIMIT, MARKET, ORDER, Pit
from vectors import VECTORS, needs_vectors, records

pytestmark = needs_vectors

BINANCE = VECTORS / "binance"
AT = {**LIMIT, "price": "49000.0"}
GONE_2026 = {"avgPrice", "cumQuote", "cumBase"}
"""Taken out of answers to POST, PUT and DELETE in June 2026 (dossier §6.1)."""
CONDITIONAL = {"activatePrice", "priceRate"}
"""Of conditional orders, which have been elsewhere since December 2025 (§7)."""
COIN = {"cumBase", "marginAsset", "pair", "baseQty"}
"""Of coin-margined contracts, which share the models."""

LOOSE = {"tranId", "tradeId", "isAutoAddMargin"}
"""Recorded now as one type and now as another."""

Made = Callable[[], Any]


def busy() -> Pit:
    """A pit in which there is one of everything."""
    pit = Pit()
    pit.long("0.020")
    pit.order(AT, newClientOrderId="open")
    pit.ask(
        "PUT",
        ORDER,
        symbol="BTCUSDT",
        side="BUY",
        origClientOrderId="open",
        price="49100.0",
        quantity="0.010",
    )
    pit.algo(triggerPrice="48000", reduceOnly="true", clientAlgoId="waiting")
    return pit


def asked(path: str, **params: object) -> Made:
    return lambda: busy().ask("GET", path, **params).value


def did(method: str, path: str, **params: object) -> Made:
    return lambda: busy().ask(method, path, **params).value


def batch(method: str, *orders: dict[str, str]) -> Made:
    return did(method, "/fapi/v1/batchOrders", batchOrders=json.dumps(orders))


def isolated(path: str) -> Made:
    def made() -> Any:
        pit = Pit()
        pit.ask("POST", "/fapi/v1/marginType", symbol="BTCUSDT", marginType="ISOLATED")
        pit.long()
        reply = pit.ask("POST", "/fapi/v1/positionMargin", symbol="BTCUSDT", amount="100", type=1)
        return reply.value if path == "POST" else pit.ask("GET", path, symbol="BTCUSDT").value

    return made


def liquidated() -> Any:
    pit = Pit(usdt=100)
    pit.long("0.030")
    pit.mark("40000")
    return pit.ask("GET", "/fapi/v1/forceOrders").value


def finished() -> Any:
    pit = Pit()
    pit.long()
    pit.algo(triggerPrice="49000", clientAlgoId="done")
    pit.crowd("BUY", "48990.0")
    pit.trade_at("49000.0")
    return pit.ask("GET", ALGO, clientAlgoId="done").value


CHANGE = {
    "symbol": "BTCUSDT",
    "side": "BUY",
    "origClientOrderId": "open",
    "price": "49200.0",
    "quantity": "0.010",
}
STOP = {
    "algoType": "CONDITIONAL",
    "symbol": "BTCUSDT",
    "side": "SELL",
    "type": "STOP_MARKET",
    "quantity": "0.01",
    "triggerPrice": "48000",
}
NO_POSITION = {**AT, "reduceOnly": "true"}
REST: dict[str, tuple[Made, set[str], set[str]]] = {
    "POST /fapi/v1/order": (did("POST", ORDER, **AT), GONE_2026 | CONDITIONAL, set()),
    "PUT /fapi/v1/order": (did("PUT", ORDER, **CHANGE, modifyId=1), GONE_2026, set()),
    "DELETE /fapi/v1/order": (
        did("DELETE", ORDER, symbol="BTCUSDT", origClientOrderId="open"),
        GONE_2026 | CONDITIONAL,
        set(),
    ),
    "POST /fapi/v1/batchOrders": (batch("POST", AT, NO_POSITION), GONE_2026 | CONDITIONAL, {"closePosition"}),
    "PUT /fapi/v1/batchOrders": (batch("PUT", CHANGE, {**CHANGE, "reduceOnly": "true"}), GONE_2026, set()),
    "DELETE /fapi/v1/batchOrders": (
        did("DELETE", "/fapi/v1/batchOrders", symbol="BTCUSDT", origClientOrderIdList='["open","none"]'),
        GONE_2026 | CONDITIONAL,
        set(),
    ),
    "GET /fapi/v1/allOrders": (asked("/fapi/v1/allOrders", symbol="BTCUSDT"), CONDITIONAL | COIN, set()),
    "GET /fapi/v1/openOrder": (
        asked("/fapi/v1/openOrder", symbol="BTCUSDT", origClientOrderId="open"),
        CONDITIONAL,
        set(),
    ),
    "GET /fapi/v1/forceOrders": (liquidated, set(), set()),
    "GET /fapi/v1/orderAmendment": (asked("/fapi/v1/orderAmendment", symbol="BTCUSDT"), {"modifyId"}, set()),
    "POST /fapi/v1/algoOrder": (
        did("POST", ALGO, **STOP),
        set(),
        set(),
    ),
    "DELETE /fapi/v1/algoOpenOrders": (
        did("DELETE", "/fapi/v1/algoOpenOrders", symbol="BTCUSDT"),
        set(),
        set(),
    ),
    "GET /fapi/v1/algoOrder": (finished, set(), set()),
    "GET /fapi/v1/allAlgoOrders": (asked("/fapi/v1/allAlgoOrders", symbol="BTCUSDT"), set(), set()),
    "GET /fapi/v1/userTrades": (asked("/fapi/v1/userTrades", symbol="BTCUSDT"), COIN, set()),
    "GET /fapi/v1/income": (asked("/fapi/v1/income"), set(), set()),
    "GET /fapi/v2/balance": (asked("/fapi/v2/balance"), set(), set()),
    "GET /fapi/v3/account": (asked("/fapi/v3/account"), {"marginAvailable"}, set()),
    "GET /fapi/v3/positionRisk": (asked("/fapi/v3/positionRisk"), set(), set()),
    "GET /fapi/v2/positionRisk": (asked("/fapi/v2/positionRisk"), set(), set()),
    "GET /fapi/v1/accountConfig": (asked("/fapi/v1/accountConfig"), set(), set()),
    "GET /fapi/v1/symbolConfig": (asked("/fapi/v1/symbolConfig"), set(), set()),
    "GET /fapi/v1/commissionRate": (
        asked("/fapi/v1/commissionRate", symbol="BTCUSDT"),
        set(),
        {"rpiCommissionRate"},
    ),
    "GET /fapi/v1/rateLimit/order": (asked("/fapi/v1/rateLimit/order"), set(), set()),
    "GET /fapi/v1/multiAssetsMargin": (asked("/fapi/v1/multiAssetsMargin"), set(), set()),
    "GET /fapi/v1/feeBurn": (asked("/fapi/v1/feeBurn"), set(), set()),
    "GET /fapi/v1/positionMargin/history": (isolated("/fapi/v1/positionMargin/history"), set(), set()),
    "POST /fapi/v1/positionMargin": (isolated("POST"), set(), set()),
    "POST /fapi/v1/leverage": (did("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage=5), set(), set()),
    "POST /fapi/v1/listenKey": (did("POST", "/fapi/v1/listenKey"), set(), set()),
    "account_position_side_dual": (asked("/fapi/v1/positionSide/dual"), set(), set()),
    "account_orders": (
        asked("/fapi/v1/openOrders"),
        CONDITIONAL,
        {"priceMatch", "selfTradePreventionMode", "goodTillDate"},
    ),
}


def fixtures(folder: str, kind: str) -> Iterator[Any]:
    for path in sorted((BINANCE / folder).glob("*.fixtures.jsonl*")):
        for one in records(path):
            if one.get("kind") == kind:
                yield json.loads(one["raw"])


def kind_of(value: Any) -> str:
    if isinstance(value, bool):
        return "flag"
    if isinstance(value, int | float):
        return "number"
    return type(value).__name__


def compare(recorded: Any, ours: Any, gone: set[str], new: set[str], place: str) -> None:
    """Every recorded key is there or known to be gone; every key of ours is recorded or known to be new."""
    if isinstance(recorded, list):
        assert isinstance(ours, list), place
        by_keys = {frozenset(row) if isinstance(row, dict) else None: row for row in ours}
        for row in recorded:
            errors = isinstance(row, dict) and set(row) == {"code", "msg"}
            like = [one for keys, one in by_keys.items() if (keys == frozenset({"code", "msg"})) == errors]
            if like:
                compare(row, like[0], gone, new, place)
        return
    if not isinstance(recorded, dict):
        return
    assert isinstance(ours, dict), place
    assert set(recorded) - set(ours) <= gone, f"{place} lacks {set(recorded) - set(ours) - gone}"
    assert set(ours) - set(recorded) <= new, f"{place} has more: {set(ours) - set(recorded) - new}"
    for name in set(recorded) & set(ours):
        if name not in LOOSE and recorded[name] not in (None, "None") and ours[name] is not None:
            assert kind_of(ours[name]) == kind_of(recorded[name]), f"{place}.{name}"
        compare(recorded[name], ours[name], gone, new, f"{place}.{name}")


@pytest.mark.parametrize("kind", REST)
def test_answers_have_the_recorded_keys(kind: str) -> None:
    made, gone, new = REST[kind]
    ours, found = made(), list(fixtures("rest", kind))
    assert found, kind
    # The newest source of a kind is complete; older ones may lack what came later.
    widest = max(found, key=lambda one: len(json.dumps(one)))
    compare(widest, ours, gone, new, kind)
    for one in found:
        compare(one, ours, gone | COIN, ANY, kind)


class _Any(set[str]):
    """A set that everything is a subset of."""

    def __ge__(self, other: object) -> bool:
        return True


ANY = _Any()


def test_the_v2_account_lacks_no_recorded_key() -> None:
    ours = busy().ask("GET", "/fapi/v2/account").value
    for one in fixtures("rest", "GET /fapi/v2/account"):
        compare(one, ours, set(), ANY, "v2/account")


def test_leverage_brackets_are_numbers_under_the_recorded_names() -> None:
    ours = busy().ask("GET", "/fapi/v1/leverageBracket", symbol="BTCUSDT").value
    for one in fixtures("rest", "GET /fapi/v1/leverageBracket"):
        for row in one if isinstance(one, list) else [one]:
            compare(row, ours[0], set(), set(), "leverageBracket")


CAPTURED = json.loads(
    '{"e":"ORDER_TRADE_UPDATE","T":1779367929401,"E":1779367929402,"o":{"s":"SOLUSDT","c":"a","S":"BUY",'
    '"o":"LIMIT","f":"GTC","q":"21.26","p":"85.67","ap":"0","sp":"0","x":"NEW","X":"NEW","i":215456450616,'
    '"l":"0","z":"0","L":"0","n":"0","N":"USDT","T":1779367929401,"t":0,"b":"2520.672","a":"0","m":false,'
    '"R":true,"wt":"CONTRACT_PRICE","ot":"LIMIT","ps":"SHORT","cp":false,"rp":"0","pP":false,"si":0,"ss":0,'
    '"V":"EXPIRE_MAKER","pm":"NONE","gtd":0,"er":"0"}}'
)
"""The capture of May 2026 that the dossier prints (§12.4)."""
TRAILING_ONLY = {"AP", "cr"}
OLD = {"W"}


def story() -> Pit:
    """A pit in which every kind of event has been told."""
    pit = Pit(usdt=2_000)
    pit.long()
    pit.crowd("BUY", "50000.0", "0.005")
    pit.order(MARKET, side="SELL", quantity="0.005")
    pit.algo(triggerPrice="49000")
    pit.crowd("BUY", "48990.0")
    pit.trade_at("48999.0")
    pit.ask("POST", "/fapi/v1/leverage", symbol="BTCUSDT", leverage=10)
    pit.ask("POST", "/fapi/v1/multiAssetsMargin", multiAssetsMargin="true")
    pit.wait(1)
    return pit


def shapes(pit: Pit, kind: str) -> list[dict[str, Any]]:
    return [one.body for one in pit.events if one.kind == kind]


def unwrapped(event: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = event.get("data", event)
    return found


def test_an_order_event_has_the_captured_keys_in_the_captured_order() -> None:
    for ours in shapes(story(), "ORDER_TRADE_UPDATE"):
        assert list(ours) == list(CAPTURED)
        assert list(ours["o"]) == list(CAPTURED["o"])
        compare(CAPTURED, ours, set(), set(), "ORDER_TRADE_UPDATE")


@pytest.mark.parametrize(
    ("kind", "gone"),
    [("ORDER_TRADE_UPDATE", TRAILING_ONLY | OLD), ("TRADE_LITE", set()), ("ACCOUNT_UPDATE", set())],
)
def test_events_lack_no_recorded_key(kind: str, gone: set[str]) -> None:
    recorded, ours = [unwrapped(one) for one in fixtures("ws", kind)], shapes(story(), kind)
    assert recorded and ours
    for one in recorded:
        for each in ours:
            compare(one, each, gone, ANY, kind)


def test_a_light_trade_has_the_captured_keys_in_the_captured_order() -> None:
    captured = next(one for one in fixtures("ws", "TRADE_LITE") if one.get("i", 0) > 2**53)
    for ours in shapes(story(), "TRADE_LITE"):
        assert list(ours) == list(captured)


def test_conditional_orders_are_told_with_the_captured_keys_at_each_stage() -> None:
    ours = {one["o"]["X"]: one for one in shapes(story(), "ALGO_UPDATE")}
    assert set(ours) == {"NEW", "TRIGGERING", "TRIGGERED", "FINISHED"}
    recorded = [unwrapped(one) for one in fixtures("ws", "ALGO_UPDATE")]
    stages = set()
    for one in recorded:
        stage = one["o"]["X"] if one["o"]["X"] in ours else "NEW"
        stages.add(stage)
        assert [name for name in one["o"] if name != "rm"] == list(ours[stage]["o"]), stage
        compare(one, ours[stage], {"rm"}, set(), f"ALGO_UPDATE {stage}")
    assert {"NEW", "TRIGGERING", "FINISHED"} <= stages


def test_settings_and_margin_calls_are_told_with_the_recorded_keys() -> None:
    told = {frozenset(one): one for one in shapes(story(), "ACCOUNT_CONFIG_UPDATE")}
    assert len(told) == 2
    for one in map(unwrapped, fixtures("ws", "ACCOUNT_CONFIG_UPDATE")):
        compare(one, told[frozenset(one)], set(), set(), "ACCOUNT_CONFIG_UPDATE")
    pit = Pit(usdt=100)
    pit.long("0.030")
    pit.mark("46900")
    (ours,) = pit.told("MARGIN_CALL")
    for one in map(unwrapped, fixtures("ws", "MARGIN_CALL")):
        compare(one, ours, set(), set(), "MARGIN_CALL")


def api(method: str) -> dict[str, Any]:
    pit = busy()
    params: dict[str, dict[str, object]] = {
        "order.place": dict(AT),
        "order.modify": dict(CHANGE),
        "order.cancel": {"symbol": "BTCUSDT", "origClientOrderId": "open"},
        "order.status": {"symbol": "BTCUSDT", "origClientOrderId": "open"},
        "algoOrder.place": {**STOP},
    }
    return pit.ws(method, **params.get(method, {}))


NOT_YET = {"priceMatch", "selfTradePreventionMode", "goodTillDate"}


@pytest.mark.parametrize(
    ("method", "gone", "new"),
    [
        ("order.place", GONE_2026, set()),
        ("order.modify", GONE_2026 | {"modifyId"}, {"pair"}),
        ("order.cancel", GONE_2026 | CONDITIONAL, set()),
        ("order.status", CONDITIONAL, NOT_YET),
        ("algoOrder.place", set(), {"activatePrice", "callbackRate"}),
        ("account.balance", set(), set()),
    ],
)
def test_the_websocket_api_answers_with_the_recorded_keys(method: str, gone: set[str], new: set[str]) -> None:
    ours, found = api(method), list(fixtures("ws", f"wsapi.response {method}"))
    assert found
    for one in found:
        compare(one["result"], ours["result"], gone, new, method)
        assert set(one) <= {*ours, "rateLimits"}
        for row in one.get("rateLimits", []):
            assert list(row) == list(ours["rateLimits"][0])


@pytest.mark.parametrize("method", ["account.status", "account.position"])
def test_accounts_and_positions_lack_no_recorded_key_in_one_of_their_versions(method: str) -> None:
    versions = [api(method)["result"], api(f"v2/{method}")["result"]]
    found = list(fixtures("ws", f"wsapi.response {method}"))
    assert found
    for one in found:
        fits = 0
        for ours in versions:
            try:
                compare(one["result"], ours, {"marginAvailable", "unrealizedProfit"}, ANY, method)
            except AssertionError:
                continue
            fits += 1
        assert fits, method
