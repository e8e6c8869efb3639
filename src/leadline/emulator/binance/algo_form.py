"""A conditional order request read into a ticket (dossier §7)."""

from __future__ import annotations

from decimal import Decimal
from typing import cast

from leadline.emulator.binance import checks
from leadline.emulator.binance.accounts import Account
from leadline.emulator.binance.algo_orders import ALGO_TYPES, AT_MARKET, TRAILING, WITH_LIMIT, AlgoTicket
from leadline.emulator.binance.errors import refused
from leadline.emulator.binance.order_form import (
    Scene,
    read_good_till,
    read_position_side,
    read_price_match,
    read_side,
)
from leadline.emulator.binance.orders import STP, TimeInForce
from leadline.emulator.binance.params import Params
from leadline.emulator.binance.ports import MARK_DECIMALS

TIMES_IN_FORCE = ("GTC", "IOC", "FOK", "GTX", "GTD", "GTE_GTC")
WORKING_TYPES = ("CONTRACT_PRICE", "MARK_PRICE")
LEAST_CALLBACK, MOST_CALLBACK = Decimal("0.1"), Decimal(20)


def read_algo(account: Account, params: Params, scene: Scene) -> AlgoTicket:
    """The ticket of POST algoOrder; raises `errors.Refused`. No margin is looked at."""
    if params.needed("algoType") != "CONDITIONAL":
        raise refused(-1130, "algoType")
    order_type = params.needed("type")
    if order_type not in ALGO_TYPES:
        raise refused(-1116)
    side, limit = read_side(params), order_type in WITH_LIMIT
    closing = params.flag("closePosition")
    time_in_force = params.choice("timeInForce", TIMES_IN_FORCE, refused(-1115), "GTC")
    stp = params.choice("selfTradePreventionMode", (*STP, "NONE"), refused(-5039), "EXPIRE_MAKER")
    working = params.choice("workingType", WORKING_TYPES, refused(-4031), "CONTRACT_PRICE")
    if closing:
        _check_closing(params, order_type, side)
    position_side, reduce_only = read_position_side(account, params)
    price = _price(params, scene, limit=limit)
    trigger, activate, callback = _trigger(params, order_type)
    return AlgoTicket(
        symbol=scene.terms.symbol,
        side=side,
        order_type=order_type,
        qty=0 if closing else _qty(params, scene, limit=limit),
        price=None if price is None else scene.terms.price(price),
        trigger=trigger,
        activate=activate,
        callback=callback,
        time_in_force=cast("TimeInForce", time_in_force),
        position_side=position_side,
        working_type=working,
        price_match=params.text("priceMatch", "NONE"),
        reduce_only=reduce_only,
        close_position=closing,
        price_protect=params.flag("priceProtect"),
        stp="EXPIRE_MAKER" if stp == "NONE" else stp,
        good_till_ms=read_good_till(params, time_in_force, scene.now_ms),
    )


def _check_closing(params: Params, order_type: str, side: str) -> None:
    if order_type not in AT_MARKET:
        raise refused(-4139)
    if "quantity" in params:
        raise refused(-4137)
    if "reduceOnly" in params:
        raise refused(-4138)
    if (params.text("positionSide"), side) in (("LONG", "BUY"), ("SHORT", "SELL")):
        # assumed: the code for an order that cannot close the side it names
        raise refused(-4061)


def _price(params: Params, scene: Scene, *, limit: bool) -> Decimal | None:
    matched = read_price_match(params, limit=limit)
    if not limit:
        if "price" in params:
            raise refused(-1106, "price")
        return None
    if matched:
        return None
    params.needed("price")
    price = params.decimal("price") or Decimal(0)
    checks.check_price(scene.terms, price)
    return price


def _trigger(params: Params, order_type: str) -> tuple[int, int | None, int]:
    """Trigger and activation price in 10^-8, callback in 0.01 %; a trigger off the tick is taken (§1.2)."""
    if order_type != TRAILING:
        for name in ("callbackRate", "activatePrice"):
            if name in params:
                raise refused(-1106, name.lower())
        params.needed("triggerPrice")
        return _scaled(params, "triggerPrice"), None, 0
    if "triggerPrice" in params:
        raise refused(-1106, "triggerprice")
    params.needed("callbackRate")
    rate = params.decimal("callbackRate") or Decimal(0)
    if not LEAST_CALLBACK <= rate <= MOST_CALLBACK:
        raise refused(-1130, "callbackRate")
    activate = _scaled(params, "activatePrice") if "activatePrice" in params else None
    return 0, activate, int(rate * 100)


def _scaled(params: Params, name: str) -> int:
    price = params.decimal(name) or Decimal(0)
    if price <= 0:
        raise refused(-1102, name)
    return int(price.scaleb(MARK_DECIMALS))


def _qty(params: Params, scene: Scene, *, limit: bool) -> int:
    params.needed("quantity")
    qty = params.decimal("quantity") or Decimal(0)
    terms = scene.terms
    checks.check_qty(terms, qty, terms.lots if limit else terms.market_lots)
    return terms.qty(qty)
