"""Conditional orders: taken in without a look at margin, set off by last or mark price (dossier §7).

Rule kept: what is set off is judged like any order then; what does not pass ends REJECTED with the reason.
"""

from __future__ import annotations

from decimal import Decimal

from leadline.emulator.binance import checks, user_events
from leadline.emulator.binance.accounts import Account
from leadline.emulator.binance.agenda import Agenda
from leadline.emulator.binance.algo_form import read_algo
from leadline.emulator.binance.algo_orders import TRAILING, WITH_LIMIT, AlgoOrder, AlgoStatus
from leadline.emulator.binance.desk import Desk, SceneOf
from leadline.emulator.binance.engine import Engine
from leadline.emulator.binance.errors import Refused, refused
from leadline.emulator.binance.ids import Ids
from leadline.emulator.binance.margin import TermsOf
from leadline.emulator.binance.order_form import Scene, sized
from leadline.emulator.binance.orders import Order, Ticket
from leadline.emulator.binance.params import Params
from leadline.emulator.binance.ports import MARK_DECIMALS, Marks
from leadline.emulator.market import Batch, Market
from leadline.emulator.numbers import rescaled

NS_PER_MS = 1_000_000
MOST_OPEN = 200
REDUCE_ONLY_REJECT = "Reduce Only reject"


class Algos:
    """The conditional orders of every account."""

    def __init__(
        self, market: Market, marks: Marks, engine: Engine, desk: Desk, scene_of: SceneOf, terms_of: TermsOf,
        agenda: Agenda, ids: Ids,
    ) -> None:  # fmt: skip
        self._market = market
        self._marks = marks
        self._engine = engine
        self._desk = desk
        self._scene_of = scene_of
        self._terms_of = terms_of
        self._agenda = agenda
        self._ids = ids
        self._waiting: dict[str, dict[int, tuple[Account, AlgoOrder]]] = {}
        self._sent: dict[int, tuple[Account, AlgoOrder]] = {}
        market.listeners.append(self._traded)
        marks.listeners.append(self._marked)
        engine.entered.append(self._entered)
        engine.ended.append(self._order_ended)
        engine.filled.append(self._position_changed)

    def place(self, account: Account, params: Params, now_ns: int) -> AlgoOrder:
        """POST algoOrder; raises `errors.Refused`."""
        scene = self._scene_of(params.needed("symbol"), now_ns)
        ticket = read_algo(account, params, scene)
        client_id = params.text("clientAlgoId") or self._ids.client_id()
        checks.check_client_id(client_id, "clientAlgoId")
        same = account.algo_by_client_id(client_id)
        if same is not None and same.open:
            raise refused(-4116)
        if len(account.open_algos) >= MOST_OPEN:
            raise refused(-4045)
        if ticket.close_position and self._closed_twice(
            account, ticket.symbol, ticket.side, ticket.position_side
        ):
            raise refused(-4130)
        algo = AlgoOrder(0, client_id, ticket, scene.now_ms, scene.now_ms)
        algo.active = ticket.order_type != TRAILING or ticket.activate is None
        last = self._price(algo)
        if ticket.order_type != TRAILING and algo.reached(last):
            raise refused(-2021)
        algo.algo_id = self._ids.algo_id()
        account.enter_algo(algo)
        self._waiting.setdefault(ticket.symbol, {})[algo.algo_id] = (account, algo)
        self._tell(account, algo, "NEW", now_ns)
        if ticket.order_type == TRAILING:
            self._look(account, algo, last, now_ns)
        if ticket.good_till_ms:
            due_ns = ticket.good_till_ms * NS_PER_MS
            self._agenda.at(due_ns, lambda at_ns: self._end(account, algo, "EXPIRED", at_ns))
        return algo

    def cancel(self, account: Account, params: Params, now_ns: int) -> AlgoOrder:
        """DELETE algoOrder; raises -2011 where it does not wait any more."""
        algo = self.found(account, params, -2011)
        if not algo.open:
            raise refused(-2011)
        self._end(account, algo, "CANCELED", now_ns)
        return algo

    def cancel_all(self, account: Account, symbol: str, now_ns: int) -> None:
        """Cancel every conditional order of a contract."""
        self.end_all(account, symbol, "CANCELED", now_ns)

    def end_all(self, account: Account, symbol: str, status: AlgoStatus, now_ns: int) -> None:
        """Let no conditional order of a contract wait any more."""
        for algo in [one for one in account.open_algos.values() if one.ticket.symbol == symbol]:
            self._end(account, algo, status, now_ns)

    def found(self, account: Account, params: Params, missing: int) -> AlgoOrder:
        """The conditional order of `algoId`, else of `clientAlgoId`."""
        algo_id = params.integer("algoId")
        if algo_id is not None:
            algo = account.algo_orders.get(algo_id)
        elif "clientAlgoId" in params:
            algo = account.algo_by_client_id(params.text("clientAlgoId"))
        else:
            raise refused(-1102, "algoId")
        if algo is None:
            raise refused(missing)
        return algo

    @staticmethod
    def _closed_twice(account: Account, symbol: str, side: str, position_side: str) -> bool:
        return any(
            one.ticket.close_position
            and (one.ticket.symbol, one.ticket.side, one.ticket.position_side)
            == (symbol, side, position_side)
            for one in account.open_algos.values()
        )

    def _price(self, algo: AlgoOrder) -> int:
        """The price that counts for it now, in 10^-8."""
        symbol = algo.ticket.symbol
        if algo.ticket.working_type == "MARK_PRICE":
            return self._marks.mark(symbol)
        return self._last(symbol)

    def _last(self, symbol: str) -> int:
        last = self._market.listings[symbol].tape.last_price
        return rescaled(last, self._terms_of(symbol).price_scale, MARK_DECIMALS)

    def _traded(self, batch: Batch) -> None:
        waiting = self._waiting.get(batch.symbol)
        if not batch.trades or not waiting:
            return
        scale = self._terms_of(batch.symbol).price_scale
        for account, algo in list(waiting.values()):
            if algo.ticket.working_type == "CONTRACT_PRICE":
                for trade in batch.trades:
                    self._look(account, algo, rescaled(trade.price, scale, MARK_DECIMALS), batch.time_ns)

    def _marked(self, symbol: str, now_ns: int) -> None:
        mark = self._marks.mark(symbol)
        for account, algo in list(self._waiting.get(symbol, {}).values()):
            if algo.ticket.working_type == "MARK_PRICE":
                self._look(account, algo, mark, now_ns)
        self._engine.follow(now_ns)

    def _look(self, account: Account, algo: AlgoOrder, price: int, now_ns: int) -> None:
        if not algo.open:
            return
        was_active = algo.active
        reached = algo.reached(price)
        if algo.active and not was_active:
            self._tell(account, algo, "NEW", now_ns)
        if reached and not self._protected(algo):
            algo.trigger_ms = now_ns // NS_PER_MS
            self._leave(account, algo)
            self._tell(account, algo, "TRIGGERING", now_ns)
            self._engine.soon(lambda at_ns: self._set_off(account, algo, at_ns))

    def _protected(self, algo: AlgoOrder) -> bool:
        """Whether mark and last price are too far apart for an order with priceProtect."""
        if not algo.ticket.price_protect:
            return False
        mark, last = self._marks.mark(algo.ticket.symbol), self._last(algo.ticket.symbol)
        return abs(Decimal(mark - last)) > self._terms_of(algo.ticket.symbol).trigger_protect * mark

    def _set_off(self, account: Account, algo: AlgoOrder, now_ns: int) -> None:
        try:
            scene = self._scene_of(algo.ticket.symbol, now_ns)
            ticket = self._desk.admitted(account, self._ticket(account, algo, scene), scene)
            algo.sent_type = ticket.order_type
            self._sent[algo.algo_id] = (account, algo)
            self._desk.enter(account, ticket, now_ns, algo.algo_id)
        except Refused as refusal:
            self._sent.pop(algo.algo_id, None)
            algo.reason = REDUCE_ONLY_REJECT if refusal.code == -2022 else refusal.message
            # assumed: without a position left to close, closePosition and GTE_GTC orders expire
            gone = refusal.code == -2022 and _follows_position(algo)
            self._tell(account, algo, "EXPIRED" if gone else "REJECTED", now_ns)

    def _ticket(self, account: Account, algo: AlgoOrder, scene: Scene) -> Ticket:
        asked = algo.ticket
        limit = asked.order_type in WITH_LIMIT
        qty = asked.qty
        if asked.close_position:
            position = account.positions.get((asked.symbol, asked.position_side))
            qty = abs(position.amount) if position is not None else 0
            if not qty:
                raise refused(-2022)
        ticket = Ticket(
            symbol=asked.symbol,
            side=asked.side,
            order_type="LIMIT" if limit else "MARKET",
            qty=0,
            time_in_force=asked.time_in_force if limit else "GTC",
            position_side=asked.position_side,
            reduce_only=asked.reduce_only,
            close_position=asked.close_position,
            client_id=self._ids.client_id(),
            stp=asked.stp,
            price_match=asked.price_match,
            good_till_ms=asked.good_till_ms,
            working_type=asked.working_type,
            price_protect=asked.price_protect,
        )
        price = None if asked.price is None else scene.terms.price_value(asked.price)
        return sized(ticket, scene.terms.qty_value(qty), price, scene)

    def _entered(self, account: Account, order: Order, now_ns: int) -> None:
        if order.algo_id in self._sent:
            _, algo = self._sent[order.algo_id]
            algo.order = order
            self._tell(account, algo, "TRIGGERED", now_ns)

    def _order_ended(self, account: Account, order: Order, now_ns: int) -> None:
        if order.algo_id is not None and order.algo_id in self._sent:
            _, algo = self._sent.pop(order.algo_id)
            self._tell(account, algo, "FINISHED", now_ns)

    def _position_changed(self, account: Account, order: Order, now_ns: int) -> None:
        """Expire the GTE_GTC orders of a position that is closed (§7)."""
        ticket = order.ticket
        if account.position(ticket.symbol, ticket.position_side).amount:
            return
        for algo in list(account.open_algos.values()):
            same = (algo.ticket.symbol, algo.ticket.position_side) == (ticket.symbol, ticket.position_side)
            if same and algo.ticket.time_in_force == "GTE_GTC":
                self._end(account, algo, "EXPIRED", now_ns)

    def _end(self, account: Account, algo: AlgoOrder, status: AlgoStatus, now_ns: int) -> None:
        if algo.open:
            self._leave(account, algo)
            self._tell(account, algo, status, now_ns)

    def _leave(self, account: Account, algo: AlgoOrder) -> None:
        account.open_algos.pop(algo.algo_id, None)
        self._waiting[algo.ticket.symbol].pop(algo.algo_id, None)

    def _tell(self, account: Account, algo: AlgoOrder, status: AlgoStatus, now_ns: int) -> None:
        algo.status, algo.update_ms = status, now_ns // NS_PER_MS
        terms = self._terms_of(algo.ticket.symbol)
        account.tell("ALGO_UPDATE", user_events.algo_update(algo, terms, algo.update_ms), now_ns)


def _follows_position(algo: AlgoOrder) -> bool:
    return algo.ticket.close_position or algo.ticket.time_in_force == "GTE_GTC"
