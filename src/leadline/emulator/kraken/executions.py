"""The rows and frames of executions and balances, key for key as recorded (dossier §9, §16).

Rule kept: a report says only what its event is about; who wants symbol and side of a later one must have
kept them from `pending_new` or the snapshot.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping

from leadline.emulator.instruments import Pair, asset
from leadline.emulator.numbers import fixed, ratio, rescaled, stamp
from leadline.emulator.orders import (
    AccountFill,
    AccountOrder,
    Close,
    ExecType,
    Execution,
    LedgerEntry,
    PriceType,
    Ticket,
    Trigger,
)
from leadline.emulator.wire import Frame

USD_DECIMALS = 4
LEDGER_DECIMALS = 10
# The venue puts these four into every acknowledgement of executions.
WARNINGS = [
    "cancel_reason is deprecated, use reason",
    "stop_price is deprecated, use triggers.price",
    "trigger is deprecated use triggers.reference",
    "triggered_price is deprecated use triggers.last_price",
]
# assumed: kinds of ledger entries that have no category of their own are told without one
_CATEGORIES = {
    "trade": "trade",
    "deposit": "deposit",
    "withdrawal": "withdrawal",
    "staking": "staking-rewards",
}

Fields = list[tuple[str, str]]
"""Keys and their values as JSON texts, in wire order."""
InUsd = Callable[[str, int, int], int]
"""(asset, units, decimals) to units of 10^-4 USD."""


def frame(channel: str, kind: str, rows: Iterable[str], sequence: int) -> Frame:
    """One message; the loss of any can be noticed by its sequence."""
    text = f'{{"channel":"{channel}","type":"{kind}","data":[{",".join(rows)}],"sequence":{sequence}}}'
    return Frame(text, kind, channel, telling=True)


class Reports:
    """Writes execution reports in the decimals of each order's pair."""

    def __init__(self, pair_of: Callable[[str], Pair], in_usd: InUsd) -> None:
        self._pair_of = pair_of
        self._in_usd = in_usd

    def update(self, event: Execution) -> str:
        """What happened to an order."""
        if event.exec_type == "pending_new":
            return _object(self._whole(event))
        if event.exec_type == "trade" and event.fill is not None:
            return _object(self._trade(event, event.fill))
        if event.exec_type in ("amended", "restated", "iceberg_refill"):
            return _object(self._changed(event))
        if event.exec_type in ("filled", "canceled", "expired"):
            return _object(self._ended(event))
        return _object(self._moved(event))

    def open_order(self, order: AccountOrder) -> str:
        """An open order as a snapshot has it: everything about it, with what is filled so far."""
        # assumed: it is reported as its last state of life, a fill in between does not show
        kind: ExecType = "pending_new" if order.status == "pending_new" else "new"
        state = Execution(
            kind, order, order.status, order.filled, order.cost, order.fee, order.qty, order.limit_price,
            order.opened_ns,
        )  # fmt: skip
        pair = self._pair_of(order.ticket.symbol)
        fields = self._whole(state) + self._filled(pair, order.filled, order.cost)
        return _object([*fields, ("amended", "true")] if order.amended else fields)

    def past_trade(self, fill: AccountFill, order: AccountOrder | None) -> str:
        """A fill as a snapshot has it: with its final status and without sums."""
        pair = self._pair_of(fill.symbol)
        return _object(
            [
                ("order_id", _quoted(fill.order_id)),
                _tag(order.ticket) if order is not None else ("order_userref", "0"),
                *self._fill(pair, fill),
                ("cost", fixed(fill.cost, pair.cost_precision)),
                ("order_status", '"filled"'),
                ("order_type", _quoted(fill.order_type)),
                ("timestamp", _quoted(stamp(fill.time_ns))),
                *self._fees(pair, fill),
            ]
        )

    def _whole(self, event: Execution) -> Fields:
        """Everything about an order, in the order of keys recorded for `pending_new`."""
        order, ticket = event.order, event.order.ticket
        pair = self._pair_of(ticket.symbol)
        fields: Fields = [("order_id", _quoted(order.order_id)), ("symbol", _quoted(ticket.symbol))]
        if ticket.cash is not None:
            fields.append(("cash_order_qty", fixed(ticket.cash, pair.cost_precision)))
        fields.append(("order_qty", fixed(event.qty, pair.qty_precision)))
        fields.append(("cum_cost", fixed(event.cost, pair.cost_precision)))
        if order.display_qty is not None:
            fields.append(("display_qty", fixed(order.display_qty, pair.qty_precision)))
        fields += [
            ("time_in_force", _quoted(ticket.time_in_force.upper())),
            ("exec_type", _quoted(event.exec_type)),
            ("side", _quoted(ticket.side)),
            ("order_type", _quoted(ticket.order_type)),
            _tag(ticket),
        ]
        if order.parent_id is not None:
            fields.append(("ord_ref_id", _quoted(order.parent_id)))
        fields.append(("limit_price_type", _quoted(ticket.limit_price_type)))
        fields += _prices(order, pair, event.limit_price)
        fields += [(name, "true") for name in ("post_only", "reduce_only", "margin") if getattr(ticket, name)]
        if ticket.close is not None:
            fields.append(("contingent", _contingent(ticket.close, pair)))
        for name, moment_ns in (("effective_time", ticket.effective_ns), ("expire_time", ticket.expire_ns)):
            if moment_ns is not None:
                fields.append((name, _quoted(stamp(moment_ns))))
        return [
            *fields,
            ("order_status", _quoted(event.status)),
            ("fee_usd_equiv", fixed(self._usd(pair, event.fee), USD_DECIMALS)),
            ("fee_ccy_pref", '"fcib"' if ticket.fee_in_base else '"fciq"'),
            ("timestamp", _quoted(stamp(event.time_ns))),
        ]

    def _trade(self, event: Execution, fill: AccountFill) -> Fields:
        pair = self._pair_of(fill.symbol)
        return [
            ("order_id", _quoted(fill.order_id)),
            _tag(event.order.ticket),
            *self._fill(pair, fill),
            ("cost", fixed(fill.cost, pair.cost_precision)),
            ("order_type", _quoted(fill.order_type)),
            ("timestamp", _quoted(stamp(event.time_ns))),
            ("order_status", _quoted(event.status)),
            *self._sums(pair, event.filled, event.cost, None),
            *self._fees(pair, fill),
        ]

    def _changed(self, event: Execution) -> Fields:
        pair = self._pair_of(event.order.ticket.symbol)
        fields: Fields = [
            ("timestamp", _quoted(stamp(event.time_ns))),
            ("exec_type", _quoted(event.exec_type)),
            ("order_status", _quoted(event.status)),
            ("cum_qty", fixed(event.filled, pair.qty_precision)),
        ]
        if event.reason:
            fields.append(("reason", _quoted(event.reason)))
        if event.order.amended:
            fields.append(("amended", "true"))
        fields.append(("order_qty", fixed(event.qty, pair.qty_precision)))
        if event.order.display_qty is not None:
            fields.append(("display_qty", fixed(event.order.display_qty, pair.qty_precision)))
        if event.limit_price is not None:
            fields.append(("limit_price", fixed(event.limit_price, pair.price_precision)))
            fields.append(("limit_price_type", _quoted(event.order.ticket.limit_price_type)))
        return fields + _name(event.order)

    def _ended(self, event: Execution) -> Fields:
        pair = self._pair_of(event.order.ticket.symbol)
        fields = self._head(event) + self._sums(pair, event.filled, event.cost, event.fee)
        tag, order_id = _name(event.order)
        fields.append(tag)
        if event.exec_type != "filled" and event.reason:
            fields += [("cancel_reason", _quoted(event.reason)), ("reason", _quoted(event.reason))]
        return [*fields, order_id]

    def _moved(self, event: Execution) -> Fields:
        """new, and status: a trigger that moved or went off."""
        order, ticket = event.order, event.order.ticket
        fields = self._head(event)
        if event.exec_type == "status" and ticket.trigger is not None:
            pair = self._pair_of(ticket.symbol)
            fields.append(("triggers", _triggers(ticket.trigger, order, pair)))
        if event.reason:
            fields.append(("reason", _quoted(event.reason)))
        tag, order_id = _name(order)
        if ticket.post_only:
            return [*fields, tag, ("post_only", "true"), order_id]
        return [*fields, tag, order_id]

    def _head(self, event: Execution) -> Fields:
        return [
            ("timestamp", _quoted(stamp(event.time_ns))),
            ("order_status", _quoted(event.status)),
            ("exec_type", _quoted(event.exec_type)),
        ]

    def _sums(self, pair: Pair, filled: int, cost: int, fee: int | None) -> Fields:
        fields = [
            ("cum_qty", fixed(filled, pair.qty_precision)),
            ("cum_cost", fixed(cost, pair.cost_precision)),
        ]
        if fee is not None:
            fields.append(("fee_usd_equiv", fixed(self._usd(pair, fee), USD_DECIMALS)))
        return [*fields, ("avg_price", fixed(average(pair, filled, cost), pair.price_precision))]

    @staticmethod
    def _filled(pair: Pair, filled: int, cost: int) -> Fields:
        """What `pending_new` does not say of the fills, for it has none."""
        return [
            ("cum_qty", fixed(filled, pair.qty_precision)),
            ("avg_price", fixed(average(pair, filled, cost), pair.price_precision)),
        ]

    def _fill(self, pair: Pair, fill: AccountFill) -> Fields:
        return [
            ("exec_id", _quoted(fill.exec_id)),
            ("exec_type", '"trade"'),
            ("trade_id", str(fill.trade_id)),
            ("symbol", _quoted(fill.symbol)),
            ("side", _quoted(fill.side)),
            ("last_qty", fixed(fill.qty, pair.qty_precision)),
            ("last_price", fixed(fill.price, pair.price_precision)),
            ("liquidity_ind", '"m"' if fill.maker else '"t"'),
        ]

    def _fees(self, pair: Pair, fill: AccountFill) -> Fields:
        paid = fixed(fill.fee, pair.cost_precision)
        if fill.fee_asset == pair.base:
            paid = fixed(fill.fee_lots, pair.qty_precision)
        fees = f'[{{"asset":"{fill.fee_asset}","qty":{paid}}}]'
        return [("fee_usd_equiv", fixed(self._usd(pair, fill.fee), USD_DECIMALS)), ("fees", fees)]

    def _usd(self, pair: Pair, fee: int) -> int:
        return self._in_usd(pair.quote, fee, pair.cost_precision)


def average(pair: Pair, filled: int, cost: int) -> int:
    """The mean price of what is filled, in ticks; 0 before the first fill."""
    if not filled:
        return 0
    decimals = pair.price_precision + pair.qty_precision - pair.cost_precision
    return ratio(cost * 10 ** max(decimals, 0), filled * 10 ** max(-decimals, 0))


def ledger_row(entry: LedgerEntry) -> str:
    """One row of a balances update, in the decimals of its asset."""
    wallet_type, _, wallet_id = entry.wallet.partition("/")
    fields: Fields = [
        ("ledger_id", _quoted(entry.ledger_id)),
        ("ref_id", _quoted(entry.ref_id)),
        ("timestamp", _quoted(stamp(entry.time_ns))),
        ("type", _quoted(entry.kind)),
    ]
    if entry.subtype:
        fields.append(("subtype", _quoted(entry.subtype)))
    fields += [("asset", _quoted(entry.asset)), ("asset_class", '"currency"')]
    if entry.kind in _CATEGORIES:
        fields.append(("category", _quoted(_CATEGORIES[entry.kind])))
    fields += [("wallet_type", _quoted(wallet_type)), ("wallet_id", _quoted(wallet_id))]
    for name, units in (("amount", entry.amount), ("fee", entry.fee), ("balance", entry.balance)):
        fields.append((name, _amount(entry.asset, units)))
    return _object(fields)


def balance_rows(balances: Mapping[tuple[str, str], int]) -> list[str]:
    """The rows of a balances snapshot: every asset that is held, with its wallets."""
    held: dict[str, list[tuple[str, int]]] = {}
    for (name, wallet), units in balances.items():
        if units:
            held.setdefault(name, []).append((wallet, units))
    return [_balance(name, wallets) for name, wallets in held.items()]


def _balance(name: str, wallets: list[tuple[str, int]]) -> str:
    rows = []
    for wallet, units in wallets:
        wallet_type, _, wallet_id = wallet.partition("/")
        rows.append(f'{{"type":"{wallet_type}","id":"{wallet_id}","balance":{_amount(name, units)}}}')
    total = _amount(name, sum(units for _, units in wallets))
    return f'{{"asset":"{name}","asset_class":"currency","wallets":[{",".join(rows)}],"balance":{total}}}'


def _amount(name: str, units: int) -> str:
    decimals = asset(name).precision
    return fixed(rescaled(units, LEDGER_DECIMALS, decimals), decimals)


def _prices(order: AccountOrder, pair: Pair, limit_price: int | None) -> Fields:
    """Trigger and limit with the deprecated twins, in the recorded order of each kind."""
    decimals, trigger = pair.price_precision, order.ticket.trigger
    limit = [] if limit_price is None else [("limit_price", fixed(limit_price, decimals))]
    if trigger is None:
        return [*limit, ("stop_price", fixed(0, decimals))]
    price = _valued(trigger.price, trigger.price_type, pair)
    return [
        ("triggers", _triggers(trigger, order, pair)),
        ("stop_price", price),
        *limit,
        ("trigger", _quoted(trigger.reference)),
    ]


def _triggers(trigger: Trigger, order: AccountOrder, pair: Pair) -> str:
    fields: Fields = [
        ("price", _valued(trigger.price, trigger.price_type, pair)),
        ("price_type", _quoted(trigger.price_type)),
        ("reference", _quoted(trigger.reference)),
        ("status", '"triggered"' if order.triggered else '"untriggered"'),
    ]
    if order.trigger_price is not None and trigger.price_type != "static":
        fields.insert(1, ("actual_price", fixed(order.trigger_price, pair.price_precision)))
    return _object(fields)


def _contingent(close: Close, pair: Pair) -> str:
    fields: Fields = [("order_type", _quoted(close.order_type))]
    if close.trigger is not None:
        fields.append(("trigger_price", _valued(close.trigger.price, close.trigger.price_type, pair)))
        fields.append(("trigger_price_type", _quoted(close.trigger.price_type)))
    if close.limit_price is not None:
        fields.append(("limit_price", _valued(close.limit_price, close.limit_price_type, pair)))
        fields.append(("limit_price_type", _quoted(close.limit_price_type)))
    return _object(fields)


def _valued(price: int, kind: PriceType, pair: Pair) -> str:
    return fixed(price, 2 if kind == "pct" else pair.price_precision)


def _name(order: AccountOrder) -> Fields:
    """How a later report names its order: one tag and the id, last."""
    return [_tag(order.ticket), ("order_id", _quoted(order.order_id))]


def _tag(ticket: Ticket) -> tuple[str, str]:
    if ticket.cl_ord_id is not None:
        return "cl_ord_id", _quoted(ticket.cl_ord_id)
    return "order_userref", str(ticket.userref)


def _object(fields: Fields) -> str:
    return "{" + ",".join(f'"{name}":{text}' for name, text in fields) + "}"


def _quoted(text: str) -> str:
    return json.dumps(text)
