"""What private REST tells of an account: balances, orders, trades, ledger, volume (dossier §14.2).

Lists come newest first, 50 a page; `start` is exclusive and `end` inclusive.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol, TypeVar

from leadline.emulator.accounts import SPOT, Account
from leadline.emulator.fault_board import FaultBoard
from leadline.emulator.faults import OLDEST
from leadline.emulator.instruments import asset
from leadline.emulator.kraken import private_rows as rows
from leadline.emulator.kraken.form import Form
from leadline.emulator.kraken.rest import listing_of
from leadline.emulator.market import Market
from leadline.emulator.numbers import NS_PER_S, fixed, ratio, rescaled
from leadline.emulator.orders import AccountOrder, LedgerEntry, Refused

PAGE = 50
MOST_ORDERS_ASKED = 50
MOST_ROWS_ASKED = 20
VOLUME_NS = 30 * 86_400 * NS_PER_S
VALUE_DECIMALS = 4
FIRST_NS, LAST_NS = -1, 1 << 63
_SECONDS = re.compile(r"\d{1,19}(\.\d{1,19})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Call:
    """One admitted request: for whom, with what, when."""

    account: Account
    form: Form
    now_ns: int


class _Timed(Protocol):
    @property
    def time_ns(self) -> int: ...


Timed = TypeVar("Timed", bound=_Timed)
Element = TypeVar("Element")


class AccountQueries:
    """The read-only endpoints of an account; each takes a call and returns the `result`."""

    def __init__(self, market: Market, board: FaultBoard) -> None:
        self._market = market
        self._board = board

    def balance(self, call: Call) -> Any:
        return {
            rows.wallet_asset(name, wallet): rows.amount(name, units)
            for (name, wallet), units in self._balances(call)
        }

    def balance_ex(self, call: Call) -> Any:
        return {
            rows.wallet_asset(name, wallet): {
                "balance": rows.amount(name, units),
                "hold_trade": rows.amount(name, call.account.held(name) if wallet == SPOT else 0),
            }
            for (name, wallet), units in self._balances(call)
        }

    def trade_balance(self, call: Call) -> Any:
        """Everything at last prices; there are no margin positions here."""
        wanted = call.form.text("asset", "ZUSD")
        worth = sum(self._worth(name, units, wanted) for (name, _), units in call.account.balances.items())
        total = fixed(rescaled(worth, rows.BALANCE_DECIMALS, VALUE_DECIMALS), VALUE_DECIMALS)
        nothing = fixed(0, VALUE_DECIMALS)
        return {
            "eb": total,
            "tb": total,
            **dict.fromkeys(("m", "n", "c", "v"), nothing),
            "e": total,
            "mf": total,
            "uv": nothing,
        }

    def open_orders(self, call: Call) -> Any:
        searched = "cl_ord_id" in call.form or "userref" in call.form
        hidden = set() if searched else self._board.hidden_orders()
        oldest = next(iter(call.account.open_orders), None)
        found = [
            one
            for one in call.account.open_orders.values()
            if _wanted(one, call.form)
            and not hidden & {one.order_id, one.ticket.cl_ord_id, OLDEST if one.order_id == oldest else None}
        ]
        return {"open": self._orders(call, sorted(found, key=lambda one: -one.opened_ns))}

    def closed_orders(self, call: Call) -> Any:
        form = call.form
        by = form.choice("closetime", ("open", "close", "both"), "both")
        orders = call.account.orders
        known = {
            one.order_id: one.opened_ns if by == "open" else one.closed_ns or 0 for one in orders.values()
        }
        after_ns, until_ns = _range(form, known)
        found = [
            one
            for one in orders.values()
            if one.closed_ns is not None
            and _wanted(one, form)
            and any(after_ns < at_ns <= until_ns for at_ns in _times(one, by))
        ]
        page = _page(sorted(found, key=lambda one: -(one.closed_ns or 0)), form)
        return {"closed": self._orders(call, page)} | _count(form, found)

    def query_orders(self, call: Call) -> Any:
        ids = _ids(call.form, "txid", MOST_ORDERS_ASKED)
        if any(one not in call.account.orders for one in ids):
            # assumed: one unknown id refuses the whole question
            raise Refused("EOrder:Invalid order")
        found = [call.account.orders[one] for one in ids]
        return self._orders(call, [one for one in found if _wanted(one, call.form)])

    def order_amends(self, call: Call) -> Any:
        order = call.account.orders.get(call.form.needed("order_id"))
        if order is None:
            raise Refused("EOrder:Unknown order")
        found = rows.amends(order, self._market.listings[order.ticket.symbol].pair)
        return {"amends": found, "count": len(found)}

    def trades_history(self, call: Call) -> Any:
        form = call.form
        kinds = ("all", "any position", "closed position", "closing position", "no position")
        kind = form.choice("type", kinds, "all")
        fills = call.account.fills if kind in ("all", "no position") else []
        found = _newest(fills, form, {one.exec_id: one.time_ns for one in call.account.fills})
        page = [one.exec_id for one in _page(found, form)]
        return {"trades": self._trades(call, page)} | _count(form, found)

    def query_trades(self, call: Call) -> Any:
        return self._trades(call, _ids(call.form, "txid", MOST_ROWS_ASKED))

    def open_positions(self, call: Call) -> Any:
        return {}

    def ledgers(self, call: Call) -> Any:
        form = call.form
        names = set(form.words("asset")) - {"all"}
        kind = form.text("type", "all")
        entries = [
            one
            for one in call.account.ledger
            if kind in ("all", one.kind) and (not names or names & set(_asset_names(one)))
        ]
        found = _newest(entries, form, {one.ledger_id: one.time_ns for one in call.account.ledger})
        page = {one.ledger_id: rows.ledger_entry(one) for one in _page(found, form)}
        return {"ledger": page} | _count(form, found)

    def query_ledgers(self, call: Call) -> Any:
        known = {one.ledger_id: one for one in call.account.ledger}
        ids = _ids(call.form, "id", MOST_ROWS_ASKED)
        return {one: rows.ledger_entry(known[one]) for one in ids if one in known}

    def trade_volume(self, call: Call) -> Any:
        """What was traded in 30 days, in US dollars at last prices, and the fees in percent."""
        traded = 0
        for fill in call.account.fills:
            if fill.time_ns > call.now_ns - VOLUME_NS:
                pair = self._market.listings[fill.symbol].pair
                cost = rescaled(fill.cost, pair.cost_precision, rows.BALANCE_DECIMALS)
                traded += self._worth(pair.quote, cost, "ZUSD")
        result: dict[str, Any] = {
            "currency": "ZUSD",
            "volume": fixed(rescaled(traded, rows.BALANCE_DECIMALS, VALUE_DECIMALS), VALUE_DECIMALS),
            "fees": None,
            "fees_maker": None,
        }
        pairs = [listing_of(self._market, name).pair for name in call.form.words("pair")]
        if pairs:
            account = call.account
            result["fees"] = {one.rest_id: _fee(account.taker_bp) for one in pairs}
            result["fees_maker"] = {one.rest_id: _fee(account.maker_bp) for one in pairs}
        return result

    def _balances(self, call: Call) -> Iterable[tuple[tuple[str, str], int]]:
        """Every balance as REST tells it: the truth, but for what a MISSTATE adds to it."""
        for (name, wallet), units in call.account.balances.items():
            yield (name, wallet), units + (self._board.misstated(name) if wallet == SPOT else 0)

    def _orders(self, call: Call, found: Iterable[AccountOrder]) -> dict[str, rows.Row]:
        trades = call.form.flag("trades")
        return {one.order_id: rows.order(one, self._market.listings, trades=trades) for one in found}

    def _trades(self, call: Call, ids: Iterable[str]) -> dict[str, rows.Row]:
        known = {one.exec_id: one for one in call.account.fills}
        found = {}
        for one in ids:
            if one in known:
                found[one] = rows.trade(known[one], self._market.listings[known[one].symbol].pair)
                if call.form.flag("ledgers"):
                    entries = [entry for entry in call.account.ledger if entry.ref_id == one]
                    found[one]["ledgers"] = [entry.ledger_id for entry in entries]
        return found

    def _worth(self, name: str, units: int, wanted: str) -> int:
        """An amount in another asset at the last price; 0 where no listed pair leads there."""
        if wanted in (name, asset(name).rest_id, asset(name).altname):
            return units
        for listing in self._market.listings.values():
            pair, last = listing.pair, listing.tape.last_price
            quote, base = asset(pair.quote), asset(pair.base)
            if pair.base == name and wanted in (quote.name, quote.rest_id, quote.altname):
                return ratio(units * last, 10**pair.price_precision)
            if pair.quote == name and wanted in (base.name, base.rest_id, base.altname):
                return ratio(units * 10**pair.price_precision, last)
        return 0


def _wanted(order: AccountOrder, form: Form) -> bool:
    if "cl_ord_id" in form and order.ticket.cl_ord_id != form.text("cl_ord_id"):
        return False
    return "userref" not in form or order.ticket.userref == form.integer("userref")


def _times(order: AccountOrder, by: str) -> list[int]:
    times = {"open": order.opened_ns, "close": order.closed_ns or 0}
    return list(times.values()) if by == "both" else [times[by]]


def _range(form: Form, known: dict[str, int]) -> tuple[int, int]:
    """After which and up to which moment; both may be given as the id of a row."""
    bounds = []
    for name, default in (("start", FIRST_NS), ("end", LAST_NS)):
        text = form.text(name)
        if not text:
            bounds.append(default)
        elif text in known:
            bounds.append(known[text])
        else:
            bounds.append(_unix_ns(text, name))
    return bounds[0], bounds[1]


def _unix_ns(text: str, name: str) -> int:
    if _SECONDS.fullmatch(text) is None:
        raise Refused(f"EGeneral:Invalid arguments:{name}")
    return int(Decimal(text) * NS_PER_S)


def _newest(entries: Iterable[Timed], form: Form, known: dict[str, int]) -> list[Timed]:
    after_ns, until_ns = _range(form, known)
    found = [one for one in entries if after_ns < one.time_ns <= until_ns]
    return found[::-1]


def _page(found: list[Element], form: Form) -> list[Element]:
    offset = form.integer("ofs")
    if offset < 0:
        raise Refused("EGeneral:Invalid arguments:ofs")
    return found[offset : offset + PAGE]


def _count(form: Form, found: list[Element]) -> dict[str, int]:
    return {} if form.flag("without_count") else {"count": len(found)}


def _ids(form: Form, name: str, most: int) -> list[str]:
    ids = form.words(name)
    if not 1 <= len(ids) <= most:
        raise Refused(f"EGeneral:Invalid arguments:{name}")
    return list(dict.fromkeys(ids))


def _asset_names(one: LedgerEntry) -> tuple[str, ...]:
    if one.wallet != SPOT:
        return (rows.wallet_asset(one.asset, one.wallet),)
    known = asset(one.asset)
    return (known.name, known.rest_id, known.altname)


def _fee(basis_points: int) -> dict[str, str | None]:
    percent = fixed(basis_points * 100, 4)
    return {
        "fee": percent,
        "minfee": percent,
        "maxfee": percent,
        "nextfee": None,
        "nextvolume": None,
        "tiervolume": fixed(0, 4),
    }
