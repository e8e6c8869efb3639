"""What one match does to one account: its fill, the sums of its order, and the two ledger lines."""

from __future__ import annotations

from leadline.emulator import money
from leadline.emulator.accounts import SPOT, Account, Ids
from leadline.emulator.instruments import Pair
from leadline.emulator.matching import Fill
from leadline.emulator.orders import AccountFill, AccountOrder, LedgerEntry
from leadline.emulator.tape import Trade


def booked(
    account: Account, order: AccountOrder, pair: Pair, fill: Fill, trade: Trade, ids: Ids, *, maker: bool
) -> tuple[AccountFill, tuple[LedgerEntry, LedgerEntry]]:
    """Enter a match: base line first, then quote, both under the fill's id (dossier §9.2)."""
    ticket = order.ticket
    bp = account.maker_bp if maker else account.taker_bp
    cost = money.cost_of(pair, fill.price, fill.qty)
    one = AccountFill(
        exec_id=ids.new("T"),
        trade_id=trade.trade_id,
        order_id=order.order_id,
        symbol=pair.symbol,
        side=ticket.side,
        order_type=ticket.order_type,
        qty=fill.qty,
        price=fill.price,
        cost=cost,
        fee=cost * bp // money.WHOLE_BP,
        fee_asset=pair.base if ticket.fee_in_base else pair.quote,
        maker=maker,
        time_ns=trade.time_ns,
        fee_lots=fill.qty * bp // money.WHOLE_BP if ticket.fee_in_base else 0,
    )
    order.filled += one.qty
    order.cost += one.cost
    order.fee += one.fee
    order.fills.append(one)
    account.fills.append(one)
    return one, _lines(account, pair, one, ids)


def _lines(account: Account, pair: Pair, one: AccountFill, ids: Ids) -> tuple[LedgerEntry, LedgerEntry]:
    sign = 1 if one.side == "buy" else -1
    quote_fee = 0 if one.fee_asset == pair.base else money.quote_units(pair, one.fee)
    legs = (
        (pair.base, sign * money.base_units(pair, one.qty), money.base_units(pair, one.fee_lots)),
        (pair.quote, -sign * money.quote_units(pair, one.cost), quote_fee),
    )
    base, quote = (
        account.post(ids.new("L"), one.exec_id, one.time_ns, "trade", "", asset, SPOT, amount, fee)
        for asset, amount, fee in legs
    )
    return base, quote
