"""What a fill does to an account: position, wallet, fee, income; and the events that tell of it."""

from __future__ import annotations

from itertools import count

from leadline.emulator.binance import user_events
from leadline.emulator.binance.accounts import RATE_UNIT, Account, Income
from leadline.emulator.binance.margin import TermsOf
from leadline.emulator.binance.orders import Order, UserTrade
from leadline.emulator.binance.ports import Marks
from leadline.emulator.binance.positions import Position, apply_fill
from leadline.emulator.binance.terms import Terms
from leadline.emulator.numbers import ratio

NS_PER_MS = 1_000_000
FIRST_TRAN_ID = 9_689_322_392


class Settlement:
    """Books fills, fees and funding; every change of a wallet is an income row."""

    def __init__(self, marks: Marks, terms_of: TermsOf) -> None:
        self._marks = marks
        self._terms_of = terms_of
        self._tran_ids = count(FIRST_TRAN_ID)

    def fill(
        self,
        account: Account,
        order: Order,
        trade_id: int,
        price: int,
        qty: int,
        time_ns: int,
        *,
        maker: bool,
        income: str = "REALIZED_PNL",
    ) -> UserTrade:
        """Enter one match of an order; nothing is told yet. `income` is what its profit is called."""
        ticket, terms = order.ticket, self._terms_of(order.ticket.symbol)
        position = account.position(ticket.symbol, ticket.position_side)
        before, notional = position.amount, terms.money(price, qty)
        realised = apply_fill(position, terms, ticket.sign * qty, price)
        rate = account.maker_rate if maker else account.taker_rate
        commission = ratio(notional * rate, RATE_UNIT)
        trade = UserTrade(
            trade_id=trade_id,
            order_id=order.order_id,
            symbol=ticket.symbol,
            side=ticket.side,
            position_side=ticket.position_side,
            price=price,
            qty=qty,
            realised=realised,
            commission=commission,
            commission_asset=terms.margin_asset,
            maker=maker,
            time_ms=time_ns // NS_PER_MS,
            client_id=ticket.client_id,
        )
        position.paid = position.paid + commission if position.amount else 0
        position.update_ms = trade.time_ms
        order.executed += qty
        order.cost += price * qty
        order.trades.append(trade)
        account.trades.append(trade)
        self._settle(account, trade, income, time_ns)
        if account.setting(ticket.symbol).isolated:
            self._keep_isolated(account, position, before, notional)
        return trade

    def _settle(self, account: Account, trade: UserTrade, income: str, time_ns: int) -> None:
        """Enter the profit and the fee of a match."""
        asset = trade.commission_asset
        for kind, amount in ((income, trade.realised), ("COMMISSION", -trade.commission)):
            if amount:
                self.book(account, kind, asset, amount, time_ns, trade.symbol, trade.trade_id)

    def book(
        self,
        account: Account,
        kind: str,
        asset: str,
        amount: int,
        time_ns: int,
        symbol: str = "",
        trade_id: int | None = None,
    ) -> None:
        """Enter a change of a wallet as an income row."""
        told = "" if trade_id is None else str(trade_id)
        tran_id = next(self._tran_ids)
        account.book(Income(kind, asset, amount, time_ns // NS_PER_MS, tran_id, symbol, told, told or kind))

    def tell_positions(
        self, account: Account, reason: str, positions: list[Position], asset: str, now_ns: int,
        change: int = 0, symbol: str = "",
    ) -> None:  # fmt: skip
        """ACCOUNT_UPDATE of one asset and the positions that changed with it."""
        rows: list[tuple[Position, Terms, int]] = [
            (one, self._terms_of(one.symbol), self._marks.mark(one.symbol)) for one in positions
        ]
        body = user_events.account_update(
            account, reason, asset, self.cross(account, asset), rows, now_ns // NS_PER_MS, change, symbol
        )
        account.tell("ACCOUNT_UPDATE", body, now_ns)

    def cross(self, account: Account, asset: str) -> int:
        """The wallet of an asset without what isolated positions keep."""
        kept = sum(
            one.isolated_wallet
            for one in account.held()
            if one.isolated_wallet and self._terms_of(one.symbol).margin_asset == asset
        )
        return account.wallets.get(asset, 0) - kept

    def _keep_isolated(self, account: Account, position: Position, before: int, notional: int) -> None:
        """Let an isolated position take its margin from the cross wallet, or give it back in proportion.

        assumed: fees and realised profit go to the cross wallet.
        """
        after = position.amount
        if not after:
            position.isolated_wallet = 0
        elif before * after > 0 and abs(after) < abs(before):
            position.isolated_wallet = ratio(position.isolated_wallet * abs(after), abs(before))
        elif before * after < 0:
            terms = self._terms_of(position.symbol)
            opened = ratio(notional * abs(after), abs(after) + abs(before))
            position.isolated_wallet = ratio(opened, account.setting(terms.symbol).leverage)
        else:
            position.isolated_wallet += ratio(notional, account.setting(position.symbol).leverage)
