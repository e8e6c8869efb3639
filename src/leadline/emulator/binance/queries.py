"""What an account can look up: orders, trades, income, balances, positions, settings (dossier §6.4, §8)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from leadline.emulator.binance import account_rows, order_rows
from leadline.emulator.binance.accounts import Account
from leadline.emulator.binance.algo import Algos
from leadline.emulator.binance.algo_orders import AlgoOrder
from leadline.emulator.binance.desk import Desk
from leadline.emulator.binance.errors import refused
from leadline.emulator.binance.forced import ADL, LIQUIDATION
from leadline.emulator.binance.margin import AssetMargin, Exposure, Margins, TermsOf
from leadline.emulator.binance.orders import Order
from leadline.emulator.binance.params import Params
from leadline.emulator.binance.ports import Board

NS_PER_MS = 1_000_000
DAY_MS = 86_400_000
WINDOW_MS = 7 * DAY_MS
UNFILLED_KEPT_MS, KEPT_MS = 3 * DAY_MS, 90 * DAY_MS
LIMIT, MOST = 500, 1_000
INCOME_LIMIT = 100
FORCED_IDS = {"LIQUIDATION": LIQUIDATION.client_id, "ADL": ADL.client_id}
"""The beginnings of the client ids of what was closed by force, by `autoCloseType`."""
Row = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """One request of an account that was let in."""

    account: Account
    params: Params
    now_ns: int

    @property
    def now_ms(self) -> int:
        return self.now_ns // NS_PER_MS


class Queries:
    """The reading endpoints; the symbol of a request is judged by `terms_of`."""

    def __init__(
        self,
        desk: Desk,
        algos: Algos,
        margins: Margins,
        board: Board,
        terms_of: TermsOf,
        symbols: Callable[[], Iterable[str]],
    ) -> None:
        self._desk = desk
        self._algos = algos
        self._margins = margins
        self._board = board
        self._terms_of = terms_of
        self._symbols = symbols

    def order(self, call: Call) -> Row:
        """GET order."""
        self._terms_of(call.params.needed("symbol"))
        order = self._desk.found(call.account, call.params, -2013)
        if not self._known(order, call):
            raise refused(-2013)
        return self._asked(order)

    def open_order(self, call: Call) -> Row:
        """GET openOrder."""
        self._terms_of(call.params.needed("symbol"))
        order = self._desk.found(call.account, call.params, -2013)
        if not order.open or not self._known(order, call):
            raise refused(-2013)
        return self._asked(order)

    def open_orders(self, call: Call) -> list[Row]:
        """GET openOrders."""
        symbol = self._symbol(call)
        return [
            self._asked(one)
            for one in call.account.open_orders.values()
            if symbol in (None, one.ticket.symbol)
            and self._known(one, call)
            and not self._hidden(call.account, one)
        ]

    def all_orders(self, call: Call) -> list[Row]:
        """GET allOrders."""
        symbol, least = self._symbol(call), call.params.integer("orderId")
        found = [
            one
            for one in call.account.orders.values()
            if symbol in (None, one.ticket.symbol) and self._known(one, call)
        ]
        if least is not None:
            # From an id on, the oldest are told first.
            return [self._asked(one) for one in found if one.order_id >= least][: _limit(call, LIMIT)]
        return [self._asked(one) for one in _recent(call, found, lambda one: one.time_ms, LIMIT)]

    def force_orders(self, call: Call) -> list[Row]:
        """GET forceOrders, of one cause where `autoCloseType` names it (§8.7)."""
        symbol, cause = self._symbol(call), call.params.text("autoCloseType")
        if cause and cause not in FORCED_IDS:
            raise refused(-1130, "autoCloseType")
        names = (FORCED_IDS[cause],) if cause else tuple(FORCED_IDS.values())
        found = [
            order_rows.forced(one, self._terms_of(one.ticket.symbol))
            for one in call.account.orders.values()
            if one.ticket.client_id.startswith(names) and symbol in (None, one.ticket.symbol)
        ]
        return found[-_limit(call, 50) :]

    def amendments(self, call: Call) -> list[Row]:
        """GET orderAmendment, newest first."""
        terms = self._terms_of(call.params.needed("symbol"))
        order_id, client_id = call.params.integer("orderId"), call.params.text("origClientOrderId")
        found = [
            order_rows.amendment_row(change, order, terms)
            for order in call.account.orders.values()
            if order.ticket.symbol == terms.symbol
            and order_id in (None, order.order_id)
            and client_id in ("", order.ticket.client_id)
            for change in order.amendments
        ]
        return sorted(found, key=lambda row: -int(row["amendmentId"]))[: _limit(call, 50)]

    def algo_order(self, call: Call) -> Row:
        """GET algoOrder."""
        algo = self._algos.found(call.account, call.params, -2013)
        if not self._in_sight(algo.create_ms, call):
            raise refused(-2013)
        return self._algo(algo)

    def open_algo_orders(self, call: Call) -> list[Row]:
        """GET openAlgoOrders."""
        symbol, algo_id = self._symbol(call), call.params.integer("algoId")
        return [
            self._algo(one)
            for one in call.account.open_algos.values()
            if symbol in (None, one.ticket.symbol)
            and algo_id in (None, one.algo_id)
            and self._in_sight(one.create_ms, call)
        ]

    def all_algo_orders(self, call: Call) -> list[Row]:
        """GET allAlgoOrders."""
        symbol, least = self._terms_of(call.params.needed("symbol")).symbol, call.params.integer("algoId", 0)
        found = [
            one
            for one in call.account.algo_orders.values()
            if one.ticket.symbol == symbol
            and one.algo_id >= (least or 0)
            and self._in_sight(one.create_ms, call)
        ]
        return [self._algo(one) for one in _recent(call, found, lambda one: one.create_ms, LIMIT)]

    def user_trades(self, call: Call) -> list[Row]:
        """GET userTrades."""
        terms, params = self._terms_of(call.params.needed("symbol")), call.params
        order_id, least = params.integer("orderId"), params.integer("fromId")
        if least is not None and ("startTime" in params or "endTime" in params):
            raise refused(-1128)
        found = [
            one
            for one in call.account.trades
            if one.symbol == terms.symbol
            and order_id in (None, one.order_id)
            and one.time_ms > call.now_ms - KEPT_MS
        ]
        if least is not None:
            chosen = [one for one in found if one.trade_id >= least][: _limit(call, LIMIT)]
        else:
            chosen = _recent(call, found, lambda one: one.time_ms, LIMIT)
        return [order_rows.trade_row(one, terms) for one in chosen]

    def income(self, call: Call) -> list[Row]:
        """GET income, of the last three months."""
        symbol, kind = call.params.text("symbol").upper(), call.params.text("incomeType")
        found = [
            one
            for one in call.account.income
            if symbol in ("", one.symbol)
            and kind in ("", one.income_type)
            and one.time_ms > call.now_ms - KEPT_MS
        ]
        chosen = _recent(call, found, lambda one: one.time_ms, INCOME_LIMIT)
        return [account_rows.income_row(one) for one in chosen]

    def margin_history(self, call: Call) -> list[Row]:
        """GET positionMargin/history."""
        symbol = self._terms_of(call.params.needed("symbol")).symbol
        found = [one for one in call.account.margin_changes if one.symbol == symbol]
        return [account_rows.margin_change_row(one) for one in found[-_limit(call, LIMIT) :]]

    def balance(self, call: Call) -> list[Row]:
        """GET balance."""
        return [account_rows.balance(call.account, one) for one in self._assets(call)]

    def account(self, call: Call) -> Row:
        """GET v3/account: positions with an amount or open orders only."""
        account, assets = call.account, self._assets(call)
        return account_rows.totals(account, assets) | {
            "assets": [account_rows.asset(account, one) for one in assets],
            "positions": [account_rows.position(account, one) for one in self._margins.exposures(account)],
        }

    def old_account(self, call: Call) -> Row:
        """GET v2/account: a position row for every contract."""
        account, assets = call.account, self._assets(call)
        return (
            account_rows.old_head(account)
            | account_rows.totals(account, assets)
            | {
                "assets": [account_rows.asset(account, one, old=True) for one in assets],
                "positions": [account_rows.old_position(account, one) for one in self._everywhere(call)],
            }
        )

    def risk(self, call: Call) -> list[Row]:
        """GET v3/positionRisk."""
        symbol, account = self._symbol(call), call.account
        found = [one for one in self._margins.exposures(account) if symbol in (None, one.position.symbol)]
        return [account_rows.risk(account, one, self._equity(call, one)) for one in found]

    def old_risk(self, call: Call) -> list[Row]:
        """GET v2/positionRisk: every contract."""
        symbol, account = self._symbol(call), call.account
        found = [one for one in self._everywhere(call) if symbol in (None, one.position.symbol)]
        return [account_rows.old_risk(account, one, self._equity(call, one)) for one in found]

    def account_config(self, call: Call) -> Row:
        """GET accountConfig."""
        return account_rows.account_config(call.account)

    def symbol_config(self, call: Call) -> list[Row]:
        """GET symbolConfig."""
        return [account_rows.symbol_config(call.account, self._terms_of(name)) for name in self._names(call)]

    def brackets(self, call: Call) -> list[Row]:
        """GET leverageBracket; assumed: an array with a symbol too."""
        return [account_rows.bracket_row(self._terms_of(name)) for name in self._names(call)]

    def commission(self, call: Call) -> Row:
        """GET commissionRate."""
        return account_rows.commission_row(call.account, self._terms_of(call.params.needed("symbol")).symbol)

    def adl(self, call: Call) -> list[Row]:
        """GET adlQuantile: `HEDGE` beside both sides in hedge mode, else `BOTH`."""
        rows: dict[str, dict[str, int]] = {}
        last = "HEDGE" if call.account.hedge else "BOTH"
        for one in call.account.held():
            levels = rows.setdefault(one.symbol, {"LONG": 0, "SHORT": 0, last: 0})
            levels[one.side if one.side != "BOTH" else "LONG" if one.amount > 0 else "SHORT"] = (
                account_rows.ADL_LEVEL
            )
        symbol = self._symbol(call)
        return [{"symbol": name, "adlQuantile": row} for name, row in rows.items() if symbol in (None, name)]

    def trading_status(self, call: Call) -> Row:
        """GET apiTradingStatus: nothing is locked here."""
        return {"indicators": {}, "updateTime": call.now_ms}

    def order_limits(self, call: Call) -> list[Row]:
        """GET rateLimit/order."""
        return call.account.counts.limits()

    def position_mode(self, call: Call) -> Row:
        """GET positionSide/dual."""
        return {"dualSidePosition": call.account.hedge}

    def multi_assets(self, call: Call) -> Row:
        """GET multiAssetsMargin."""
        return {"multiAssetsMargin": call.account.multi_assets}

    def fee_burn(self, call: Call) -> Row:
        """GET feeBurn."""
        return {"feeBurn": call.account.fee_burn}

    def _symbol(self, call: Call) -> str | None:
        return self._terms_of(call.params.text("symbol")).symbol if "symbol" in call.params else None

    def _names(self, call: Call) -> list[str]:
        symbol = self._symbol(call)
        return list(self._symbols()) if symbol is None else [symbol]

    def _asked(self, order: Order) -> Row:
        return order_rows.asked(order, self._terms_of(order.ticket.symbol))

    def _known(self, order: Order, call: Call) -> bool:
        """Whether the venue knows an order: no more after a while (§6.4), and perhaps not yet (§17.33)."""
        return _kept(order, call.now_ms) and self._in_sight(order.time_ms, call)

    def _in_sight(self, made_ms: int, call: Call) -> bool:
        return call.now_ns >= made_ms * NS_PER_MS + self._board.unseen_ns()

    def _hidden(self, account: Account, order: Order) -> bool:
        names = self._board.hidden_orders()
        oldest = "oldest" in names and order is next(iter(account.open_orders.values()))
        return oldest or bool({str(order.order_id), order.ticket.client_id} & names)

    def _algo(self, algo: AlgoOrder) -> Row:
        return order_rows.algo_asked(algo, self._terms_of(algo.ticket.symbol))

    def _assets(self, call: Call) -> list[AssetMargin]:
        """The truth, but for what the switchboard makes of it, whose unit is 10^-10."""
        told = []
        for one in self._margins.assets(call.account).values():
            more = self._board.misstated(one.asset) // 100
            told.append(replace(one, wallet=one.wallet + more, cross=one.cross + more) if more else one)
        return told

    def _equity(self, call: Call, one: Exposure) -> int:
        """What cross positions of one asset have together, less what the others of them must keep."""
        asset = self._margins.assets(call.account)[one.terms.margin_asset]
        return asset.cross + asset.cross_unrealised - (asset.cross_maint - one.maint)

    def _everywhere(self, call: Call) -> list[Exposure]:
        sides = call.account.sides()
        return [
            self._margins.exposure(call.account, name, side) for name in self._symbols() for side in sides
        ]


def _kept(order: Order, now_ms: int) -> bool:
    """Whether the venue still knows an order (§6.4)."""
    if order.open:
        return True
    kept_ms = KEPT_MS if order.executed else UNFILLED_KEPT_MS
    return order.time_ms > now_ms - kept_ms


def _limit(call: Call, default: int) -> int:
    limit = call.params.integer("limit", default) or default
    if limit > MOST:
        raise refused(-1130, "limit")
    return limit


def _recent(call: Call, rows: Iterable[T], time_of: Callable[[T], int], default: int) -> list[T]:
    """Those of a span of at most seven days, the last seven days where none is given; ascending.

    With a start the oldest of them come first into the limit, else the newest.
    """
    start, end = call.params.integer("startTime"), call.params.integer("endTime")
    if start is not None and end is not None:
        if start > end:
            raise refused(-1023)
        if end - start > WINDOW_MS:
            raise refused(-4165)
    if start is None:
        start = (end if end is not None else call.now_ms) - WINDOW_MS
        from_start = False
    else:
        from_start = True
    last = start + WINDOW_MS if end is None else end
    found = sorted((one for one in rows if start <= time_of(one) <= last), key=time_of)
    limit = _limit(call, default)
    return found[:limit] if from_start else found[-limit:]
