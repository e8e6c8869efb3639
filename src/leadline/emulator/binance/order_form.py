"""An order request read into a ticket: words, combinations, position mode, filters (dossier §6.1, §15.2)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import cast

from leadline.emulator.binance import checks
from leadline.emulator.binance.accounts import Account
from leadline.emulator.binance.algo_orders import ALGO_TYPES
from leadline.emulator.binance.errors import refused
from leadline.emulator.binance.orders import STP, PositionSide, Side, Ticket, TimeInForce
from leadline.emulator.binance.params import Params
from leadline.emulator.binance.ports import MARK_DECIMALS
from leadline.emulator.binance.terms import Terms
from leadline.emulator.matching import OrderBook

SIDES = ("BUY", "SELL")
TIMES_IN_FORCE = ("GTC", "IOC", "FOK", "GTX", "GTD")
RESPONSES = ("ACK", "RESULT")
MATCHES = {"OPPONENT": 1, "OPPONENT_5": 5, "QUEUE": 1, "QUEUE_5": 5, "QUEUE_10": 10, "QUEUE_20": 20}
LEAST_GTD_MS, MOST_GTD_MS = 600_000, 253_402_300_799_000
MS_PER_S = 1_000


@dataclass(frozen=True, slots=True)
class Scene:
    """Where an order is to act: the contract's terms, its book, its mark price, the time."""

    terms: Terms
    book: OrderBook
    mark: int
    now_ms: int

    @property
    def mark_value(self) -> Decimal:
        return Decimal(self.mark).scaleb(-MARK_DECIMALS)


def read_order(account: Account, params: Params, scene: Scene) -> Ticket:
    """The ticket of POST order; raises `errors.Refused`. The client id is judged by the caller."""
    order_type = params.needed("type")
    if order_type in ALGO_TYPES:
        raise refused(-4120)
    if order_type not in ("LIMIT", "MARKET"):
        raise refused(-1116)
    side = read_side(params)
    limit = order_type == "LIMIT"
    time_in_force = _time_in_force(params, limit=limit)
    price = _combination(params, limit=limit)
    params.choice("newOrderRespType", RESPONSES, refused(-1136), "ACK")
    stp = params.choice("selfTradePreventionMode", (*STP, "NONE"), refused(-5039), "EXPIRE_MAKER")
    good_till_ms = read_good_till(params, time_in_force, scene.now_ms)
    position_side, reduce_only = read_position_side(account, params)
    ticket = Ticket(
        symbol=scene.terms.symbol,
        side=side,
        order_type="LIMIT" if limit else "MARKET",
        qty=0,
        time_in_force=time_in_force,
        position_side=position_side,
        reduce_only=reduce_only,
        stp="EXPIRE_MAKER" if stp == "NONE" else stp,
        price_match=params.text("priceMatch", "NONE"),
        good_till_ms=good_till_ms,
    )
    return sized(ticket, params.decimal("quantity") or Decimal(0), price, scene)


def sized(ticket: Ticket, qty: Decimal, price: Decimal | None, scene: Scene) -> Ticket:
    """The ticket with its quantity and price, which pass the filters."""
    terms, limit = scene.terms, ticket.order_type == "LIMIT"
    checks.check_status(terms, closing=ticket.closing)
    checks.check_control(terms, ticket.side, closing=ticket.closing)
    if limit and price is None:
        price = matched_price(ticket.price_match, ticket.side, scene)
    if price is not None:
        checks.check_price(terms, price)
    checks.check_qty(terms, qty, terms.lots if limit else terms.market_lots)
    if not ticket.closing:
        checks.check_notional(terms, scene.mark_value if price is None else price, qty)
    if price is not None:
        checks.check_band(terms, ticket.side, price, scene.mark_value)
    return Ticket(
        symbol=ticket.symbol,
        side=ticket.side,
        order_type=ticket.order_type,
        qty=terms.qty(qty),
        price=None if price is None else terms.price(price),
        time_in_force=ticket.time_in_force,
        position_side=ticket.position_side,
        reduce_only=ticket.reduce_only,
        close_position=ticket.close_position,
        client_id=ticket.client_id,
        stp=ticket.stp,
        price_match=ticket.price_match,
        good_till_ms=ticket.good_till_ms,
        working_type=ticket.working_type,
        price_protect=ticket.price_protect,
    )


def read_side(params: Params) -> Side:
    """BUY or SELL."""
    return cast("Side", params.choice("side", SIDES, refused(-1117)))


def read_position_side(account: Account, params: Params) -> tuple[PositionSide, bool]:
    """Position side and reduceOnly, which must fit the account's mode (§6.1)."""
    side = params.choice("positionSide", ("BOTH", "LONG", "SHORT"), refused(-4060), "BOTH")
    if (side == "BOTH") == account.hedge:
        raise refused(-4061)
    if account.hedge and "reduceOnly" in params:
        raise refused(-1106, "reduceonly")
    return cast("PositionSide", side), params.flag("reduceOnly", refused(-4062))


def read_good_till(params: Params, time_in_force: str, now_ms: int) -> int:
    """goodTillDate, needed for GTD and ignored beside anything else; whole seconds count."""
    if time_in_force != "GTD":
        return 0
    good_till_ms = params.whole("goodTillDate") // MS_PER_S * MS_PER_S
    if not now_ms + LEAST_GTD_MS < good_till_ms < MOST_GTD_MS:
        raise refused(-5040)
    return good_till_ms


def matched_price(price_match: str, side: str, scene: Scene) -> Decimal:
    """The price of the wished level of the book now; raises -5041 where there is none."""
    opponent = price_match.startswith("OPPONENT")
    own, other = (scene.book.bids, scene.book.asks) if side == "BUY" else (scene.book.asks, scene.book.bids)
    levels = (other if opponent else own).top(MATCHES[price_match])
    if len(levels) < MATCHES[price_match]:
        raise refused(-5041)
    return scene.terms.price_value(levels[-1][0])


def read_price_match(params: Params, *, limit: bool) -> bool:
    """Whether a price match stands in for the price."""
    match = params.text("priceMatch", "NONE")
    if match == "NONE":
        return False
    if match not in MATCHES:
        raise refused(-5037)
    if not limit:
        raise refused(-5038)
    if "price" in params:
        raise refused(-1106, "price")
    return True


def _time_in_force(params: Params, *, limit: bool) -> TimeInForce:
    if not limit:
        if "timeInForce" in params:
            # assumed: -1106; the dossier leaves open whether it is that or -1114
            raise refused(-1106, "timeinforce")
        return "GTC"
    params.needed("timeInForce")
    return cast("TimeInForce", params.choice("timeInForce", TIMES_IN_FORCE, refused(-1115)))


def _combination(params: Params, *, limit: bool) -> Decimal | None:
    """What goes with what; the price where one is sent."""
    for name in ("stopPrice", "activationPrice", "callbackRate"):
        if name in params:
            raise refused(-1106, name.lower())
    params.needed("quantity")
    matched = read_price_match(params, limit=limit)
    if limit and not matched:
        params.needed("price")
    if not limit and "price" in params:
        raise refused(-1106, "price")
    return params.decimal("price")
