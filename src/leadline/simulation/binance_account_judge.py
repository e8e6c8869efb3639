"""The judge of an account at Binance: orders, conditional ones, positions and wallets are the emulator's own.

A conditional order and the one it has placed are one order to the client, under the conditional one's name.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from decimal import Decimal
from typing import Any

from leadline.emulator.binance.accounts import Account
from leadline.emulator.binance.algo_orders import AlgoOrder
from leadline.emulator.binance.forced import ADL, LIQUIDATION
from leadline.emulator.binance.listen_keys import ListenKey
from leadline.emulator.binance.orders import Order as EngineOrder
from leadline.emulator.binance.user_events import entry_text
from leadline.emulator.market import Market
from leadline.model.account import AccountConfiguration, MarginMode, Position
from leadline.model.order import OrderState, PositionSide
from leadline.net.http import Request
from leadline.simulation.account_judge import TAKEN_BACK, AccountJudge, VenueOrder
from leadline.simulation.binance_texts import BINANCE_TEXTS
from leadline.simulation.loop import VirtualLoop
from leadline.simulation.report import FILLS_MISSED, MISJUDGED, Findings

_STATES = {
    "NEW": OrderState.WORKING,
    "PARTIALLY_FILLED": OrderState.PARTIALLY_FILLED,
    "FILLED": OrderState.FILLED,
    "CANCELED": OrderState.CANCELED,
    "EXPIRED": OrderState.EXPIRED,
    "EXPIRED_IN_MATCH": OrderState.EXPIRED,
    "REJECTED": OrderState.REJECTED,
}
_SIDES = {"BOTH": PositionSide.NET, "LONG": PositionSide.LONG, "SHORT": PositionSide.SHORT}
_MONEY_DECIMALS = 8
MOST_VOID_S = 35
"""So long a void key may be believed: it is proven after five seconds without news, in two ways of five
seconds each, fifteen after a failure at most; and news told before may have been under way.
"""
_FORCED = (LIQUIDATION.client_id, ADL.client_id)


class BinanceAccountJudge(AccountJudge):
    """The judge of one account over all lives of its client; `names` are unified symbols by the venue's."""

    def __init__(
        self,
        account: Account,
        market: Market,
        names: Mapping[str, str],
        loop: VirtualLoop,
        findings: Findings,
        trace: Callable[..., None],
    ) -> None:
        super().__init__(loop, findings, trace)
        self._account = account
        self._market = market
        self._names = names
        self._key = ""
        """Of the last subscription."""
        self._believed_s = 0
        """How long the client has taken a stream for whole whose key is void."""
        self._before: set[tuple[str, int]] = set()
        """Matches of earlier lives of the client."""
        self._account.listeners.append(self._happened)

    def born(self) -> None:
        super().born()
        self._believed_s = 0
        self._before = {(trade.symbol, trade.trade_id) for trade in self._account.trades}

    # --- the truth ---

    def placed(self, text: str) -> set[str]:
        return BINANCE_TEXTS.placed(text)

    def placed_by_rest(self, request: Request) -> set[str]:
        return BINANCE_TEXTS.placed_by_rest(request)

    def order(self, order_id: str) -> VenueOrder | None:
        wire, _, number = order_id.partition(":")
        if not number:
            return None
        if wire == "algo":
            algo = self._account.algo_orders.get(int(number))
            return None if algo is None else self._conditional(algo)
        found = self._account.orders.get((wire, int(number)))
        return None if found is None else self._plain(found)

    def orders(self) -> Iterator[VenueOrder]:
        for order in self._account.orders.values():
            if order.algo_id is None:
                yield self._plain(order)
        yield from map(self._conditional, self._account.algo_orders.values())

    def owned(self) -> Mapping[str, Decimal]:
        wallets = self._account.wallets
        return {asset: Decimal(units).scaleb(-_MONEY_DECIMALS) for asset, units in wallets.items()}

    def _plain(self, order: EngineOrder) -> VenueOrder:
        """One of the venue's own bears nobody's name. What it did while the client was dead shows in position
        and wallet alone; it may be of nothing (dossier §17.47), which is no quantity.
        """
        ticket, pair = order.ticket, self._market.listings[order.ticket.symbol].pair
        forced = ticket.client_id.startswith(_FORCED)
        return VenueOrder(
            order_id=f"{ticket.symbol}:{order.order_id}",
            name="" if forced else ticket.client_id,
            symbol=self._names[ticket.symbol],
            status=order.status,
            states=(_STATES[order.status],),
            qty=Decimal(order.qty).scaleb(-pair.qty_precision) if order.qty else None,
            limit=None if order.price is None else Decimal(order.price).scaleb(-pair.price_precision),
            filled=Decimal(order.executed).scaleb(-pair.qty_precision),
            fills=frozenset(f"{ticket.symbol}:{trade.trade_id}" for trade in order.trades),
            trackless=forced
            and all((ticket.symbol, trade.trade_id) in self._before for trade in order.trades),
        )

    def _conditional(self, algo: AlgoOrder) -> VenueOrder:
        """One that closes all has no quantity; how a triggered one ended, two events tell in two words."""
        ticket, pair = algo.ticket, self._market.listings[algo.ticket.symbol].pair
        placed = None if algo.order is None else self._plain(algo.order)
        states: tuple[OrderState, ...]
        if placed is None:
            states = (_STATES.get(algo.status, OrderState.WORKING),)
        else:
            states = TAKEN_BACK if placed.states[0] in TAKEN_BACK else placed.states
        return VenueOrder(
            order_id=f"algo:{algo.algo_id}",
            name=algo.client_id,
            symbol=self._names[ticket.symbol],
            status=algo.status if placed is None else f"{algo.status}, its order {placed.status}",
            states=states,
            qty=Decimal(ticket.qty).scaleb(-pair.qty_precision) if placed is None and ticket.qty else None,
            limit=None,
            filled=Decimal(0) if placed is None else placed.filled,
            fills=frozenset() if placed is None else placed.fills,
        )

    # --- what the venue does ---

    def _happened(self, kind: str, body: dict[str, Any], now_ns: int) -> None:
        self.happened_ns = self._loop.now_ns
        if kind == "ORDER_TRADE_UPDATE":
            order = self._account.orders[body["o"]["s"], body["o"]["i"]]
            if order.algo_id is None:
                self._enter(self._plain(order))
        elif kind == "ALGO_UPDATE":
            self._enter(self._conditional(self._account.algo_orders[body["o"]["aid"]]))

    def _enter(self, order: VenueOrder) -> None:
        if order.name:
            self.entered(order.name, order.order_id, order.symbol, order.status)

    # --- what the client says of all its orders ---

    def waiting(self) -> set[str]:
        """The names of all orders that are open now, with a trigger or without."""
        plain = (order.ticket.client_id for order in self._account.open_orders.values())
        return {*plain, *(algo.client_id for algo in self._account.open_algos.values())}

    def swept(self, before: Collection[str]) -> None:
        """The client says that everything has been cancelled that was open at a moment."""
        if left := sorted(self.waiting().intersection(before)):
            self._add(MISJUDGED, "", "everything is cancelled", f"open are still {left}")

    # --- the stream ---

    def departing_text(self, text: str) -> None:
        super().departing_text(text)
        if '"SUBSCRIBE"' in text:
            self._key = json.loads(text)["params"][0]

    def look_at_stream(self, key: ListenKey | None, whole: bool) -> None:
        """Once a second: the key in force, and whether the client takes its stream for whole."""
        if self._in_force(key):
            self._believed_s = 0
        elif whole:
            self._believed_s += 1
            if self._believed_s == MOST_VOID_S:
                self._add(FILLS_MISSED, "", f"a stream whole for {MOST_VOID_S} s", "its key is void")

    def _in_force(self, key: ListenKey | None) -> bool:
        return key is not None and key.text == self._key

    # --- the end ---

    def settle_stream(self, key: ListenKey | None) -> None:
        """After the calm: the stream that is taken for whole has the key that is in force."""
        if not self._in_force(key):
            self._add(FILLS_MISSED, "", "the stream taken for whole has a void key", "one in force")

    def settle_positions(self, positions: Collection[Position]) -> None:
        """After the calm: every position as the venue has it, to the last digit."""
        told = {(one.symbol, one.side): (one.qty, one.entry_price) for one in positions if one.qty}
        true = {}
        for one in self._account.held():
            pair = self._market.listings[one.symbol].pair
            qty = Decimal(one.amount).scaleb(-pair.qty_precision)
            true[self._names[one.symbol], _SIDES[one.side]] = (qty, Decimal(entry_text(one.entry)))
        for symbol, side in sorted({*told, *true}, key=str):
            ours, theirs = told.get((symbol, side)), true.get((symbol, side))
            if ours != theirs:
                self._add(FILLS_MISSED, symbol, f"position {side.value} {ours}", theirs)

    def settle_configuration(self, told: AccountConfiguration | None) -> None:
        """After the calm: the account trades as it is said to, whoever has changed that."""
        if told is None:
            self._add(MISJUDGED, "", "how the account trades is not known", "read again and again")
            return
        account = self._account
        if (told.hedge, told.multi_assets) != (account.hedge, account.multi_assets):
            seen = f"hedge {told.hedge}, multi-assets {told.multi_assets}"
            self._add(MISJUDGED, "", seen, f"hedge {account.hedge}, multi-assets {account.multi_assets}")
        wires = {name: wire for wire, name in self._names.items()}
        for one in told.symbols:
            setting = account.setting(wires[one.symbol])
            mode = MarginMode.ISOLATED if setting.isolated else MarginMode.CROSS
            if (one.leverage, one.margin_mode) != (setting.leverage, mode):
                self._add(MISJUDGED, one.symbol, one, f"leverage {setting.leverage}, {mode.value}")
