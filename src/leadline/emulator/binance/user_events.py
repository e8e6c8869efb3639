"""The bodies of user data events, with the keys and in the number forms of recorded ones (dossier §12).

Every body lacks `e` and `E`, which the stream adds; decimals are trimmed (§17.41).
"""

from __future__ import annotations

from typing import Any

from leadline.emulator.binance.accounts import Account
from leadline.emulator.binance.algo_orders import TRAILING, AlgoOrder
from leadline.emulator.binance.margin import Exposure
from leadline.emulator.binance.orders import Order, UserTrade
from leadline.emulator.binance.positions import ENTRY_DECIMALS, Position
from leadline.emulator.binance.terms import MONEY_DECIMALS, Terms, money_text, trimmed
from leadline.emulator.numbers import ratio

Body = dict[str, Any]
SHOWN_ENTRY = 8


def average(order: Order, terms: Terms, decimals: int) -> int:
    """The average price of an order's fills in so many decimals; 0 without any."""
    if not order.executed:
        return 0
    return ratio(order.cost * 10**decimals, order.executed * 10**terms.price_scale)


def order_update(
    order: Order,
    terms: Terms,
    kind: str,
    time_ms: int,
    sums: tuple[int, int],
    trade: UserTrade | None = None,
    modify_id: int | None = None,
) -> Body:
    """ORDER_TRADE_UPDATE; `kind` is its execution type, `sums` the notionals of open bids and asks."""
    ticket = order.ticket
    fields: Body = {
        "s": ticket.symbol,
        "c": ticket.client_id,
        "S": ticket.side,
        "o": ticket.order_type,
        "f": ticket.time_in_force,
        "q": _qty(terms, order.qty),
        "p": trimmed(order.price or 0, terms.price_scale) if ticket.order_type != "MARKET" else "0",
        "ap": trimmed(average(order, terms, SHOWN_ENTRY), SHOWN_ENTRY),
        "sp": "0",
        "x": kind,
        "X": order.status,
        "i": order.order_id,
        "l": _qty(terms, trade.qty) if trade else "0",
        "z": _qty(terms, order.executed),
        "L": trimmed(trade.price, terms.price_scale) if trade else "0",
        "n": trimmed(trade.commission, MONEY_DECIMALS) if trade else "0",
        "N": trade.commission_asset if trade else terms.margin_asset,
        "T": time_ms,
        "t": trade.trade_id if trade else 0,
        "b": trimmed(sums[0], MONEY_DECIMALS),
        "a": trimmed(sums[1], MONEY_DECIMALS),
        "m": trade.maker if trade else False,
        "R": ticket.closing,
        "wt": ticket.working_type,
        "ot": ticket.order_type,
        "ps": ticket.position_side,
        "cp": ticket.close_position,
        "rp": trimmed(trade.realised, MONEY_DECIMALS) if trade else "0",
        "pP": ticket.price_protect,
        "si": 0,
        "ss": 0,
        "V": ticket.stp,
        "pm": ticket.price_match,
        "gtd": ticket.good_till_ms,
        "er": order.expiry_reason,
    }
    if modify_id is not None:
        fields["M"] = modify_id
    return {"T": time_ms, "o": fields}


def trade_lite(order: Order, terms: Terms, trade: UserTrade) -> Body:
    """TRADE_LITE: fixed decimals, no fee, no status (§12.6)."""
    market = order.ticket.order_type == "MARKET"
    return {
        "T": trade.time_ms,
        "s": trade.symbol,
        "q": terms.qty_text(order.qty),
        "p": terms.price_text(0 if market else order.price or 0),
        "m": trade.maker,
        "c": order.ticket.client_id,
        "S": trade.side,
        "L": terms.price_text(trade.price),
        "l": terms.qty_text(trade.qty),
        "t": trade.trade_id,
        "i": order.order_id,
    }


def account_update(
    account: Account,
    reason: str,
    asset: str,
    cross: int,
    positions: list[tuple[Position, Terms, int]],
    time_ms: int,
    change: int = 0,
    symbol: str = "",
) -> Body:
    """ACCOUNT_UPDATE of one asset; `change` is what is neither profit nor fee."""
    body: Body = {
        "m": reason,
        "B": [
            {
                "a": asset,
                "wb": money_text(account.wallets[asset]),
                "cw": money_text(cross),
                "bc": trimmed(change, MONEY_DECIMALS),
            }
        ],
        "P": [_position(account, *one) for one in positions],
    }
    if symbol:
        body["S"] = symbol
    return {"T": time_ms, "a": body}


def _position(account: Account, one: Position, terms: Terms, mark: int) -> Body:
    return {
        "s": one.symbol,
        "pa": _qty(terms, one.amount),
        "ep": entry_text(one.entry),
        "bep": entry_text(one.break_even(terms)),
        "cr": trimmed(one.realised, MONEY_DECIMALS),
        "up": trimmed(one.unrealised(terms, mark), MONEY_DECIMALS),
        "mt": "isolated" if account.setting(one.symbol).isolated else "cross",
        "iw": trimmed(one.isolated_wallet, MONEY_DECIMALS),
        "ps": one.side,
        "ma": terms.margin_asset,
    }


def entry_text(entry: int) -> str:
    """An entry or break-even price, at most eight decimals, trimmed."""
    return trimmed(ratio(entry, 10 ** (ENTRY_DECIMALS - SHOWN_ENTRY)), SHOWN_ENTRY)


def algo_update(algo: AlgoOrder, terms: Terms, time_ms: int) -> Body:
    """ALGO_UPDATE: no `ap`, `aq`, `act` while it is TRIGGERING, `ia` for trailing ones (§12.7)."""
    ticket, order = algo.ticket, algo.order
    fields: Body = {
        "caid": algo.client_id,
        "aid": algo.algo_id,
        "at": "CONDITIONAL",
        "o": ticket.order_type,
        "s": ticket.symbol,
        "S": ticket.side,
        "ps": ticket.position_side,
        "f": ticket.time_in_force,
        "q": _qty(terms, ticket.qty),
        "X": algo.status,
        "ai": str(order.order_id) if order is not None else "",
    }
    if algo.status != "TRIGGERING":
        filled = order is not None
        fields["ap"] = trimmed(average(order, terms, SHOWN_ENTRY), SHOWN_ENTRY) if order else "0.00000"
        fields["aq"] = _qty(terms, order.executed) if order else "0.00000"
        fields["act"] = algo.sent_type if filled else "0"
    fields |= {
        "tp": trimmed(ticket.trigger, MONEY_DECIMALS),
        "p": trimmed(ticket.price or 0, terms.price_scale),
        "V": ticket.stp,
        "wt": ticket.working_type,
        "pm": ticket.price_match,
        "cp": ticket.close_position,
        "pP": ticket.price_protect,
        "R": ticket.reduce_only,
        "tt": algo.trigger_ms,
        "gtd": ticket.good_till_ms,
    }
    if ticket.order_type == TRAILING:
        fields |= {
            "AP": trimmed(ticket.activate or 0, MONEY_DECIMALS),
            "cr": trimmed(ticket.callback, 2),
            "ia": algo.active,
        }
    if algo.reason:
        fields["rm"] = algo.reason
    return {"T": time_ms, "o": fields}


def leverage_update(symbol: str, leverage: int, time_ms: int) -> Body:
    """ACCOUNT_CONFIG_UPDATE of a contract's leverage."""
    return {"T": time_ms, "ac": {"s": symbol, "l": leverage}}


def multi_assets_update(account: Account, time_ms: int) -> Body:
    """ACCOUNT_CONFIG_UPDATE of the multi-assets mode."""
    return {"T": time_ms, "ai": {"j": account.multi_assets}}


def margin_call(account: Account, cross: int | None, exposures: list[Exposure]) -> Body:
    """MARGIN_CALL; `cw` only where cross positions are called."""
    rows = [
        {
            "s": one.position.symbol,
            "ps": one.position.side,
            "pa": _qty(one.terms, one.position.amount),
            "mt": "ISOLATED" if account.setting(one.position.symbol).isolated else "CROSSED",
            "iw": trimmed(one.position.isolated_wallet, MONEY_DECIMALS),
            "mp": trimmed(one.mark, MONEY_DECIMALS),
            "up": trimmed(one.unrealised, MONEY_DECIMALS),
            "mm": trimmed(one.maint, MONEY_DECIMALS),
        }
        for one in exposures
    ]
    called: Body = {} if cross is None else {"cw": money_text(cross)}
    return {**called, "p": rows}


def _qty(terms: Terms, qty: int) -> str:
    return trimmed(qty, terms.qty_scale)
