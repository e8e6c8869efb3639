"""What an account's positions and orders bind, and what is left (dossier §15.4).

assumed: in one-way mode open orders bind what the larger side would add to the position.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from leadline.emulator.binance.accounts import Account
from leadline.emulator.binance.brackets import maintenance
from leadline.emulator.binance.orders import PositionSide
from leadline.emulator.binance.ports import Marks
from leadline.emulator.binance.positions import Position
from leadline.emulator.binance.terms import Terms
from leadline.emulator.numbers import ratio

TermsOf = Callable[[str], Terms]


@dataclass(frozen=True, slots=True)
class Exposure:
    """One position with its orders; money in 10^-8, `notional` signed; `bids` and `asks` are of orders."""

    position: Position
    terms: Terms
    mark: int
    notional: int
    unrealised: int
    initial: int
    order_initial: int
    maint: int
    bids: int
    asks: int


@dataclass(frozen=True, slots=True)
class AssetMargin:
    """All of one asset; `cross` is the wallet without what isolated positions keep."""

    asset: str
    wallet: int
    cross: int
    unrealised: int
    cross_unrealised: int
    position_initial: int
    order_initial: int
    maint: int
    cross_maint: int
    cross_initial: int

    @property
    def initial(self) -> int:
        return self.position_initial + self.order_initial

    @property
    def free(self) -> int:
        """What new orders may bind; below zero where too much is bound."""
        return self.cross + self.cross_unrealised - self.cross_initial - self.order_initial

    @property
    def available(self) -> int:
        return max(0, self.free)

    @property
    def withdrawable(self) -> int:
        return max(0, min(self.available, self.cross))


class Margins:
    """Margin of accounts, worked out afresh at every question."""

    def __init__(self, marks: Marks, terms_of: TermsOf) -> None:
        self._marks = marks
        self._terms_of = terms_of

    def exposure(self, account: Account, symbol: str, side: PositionSide) -> Exposure:
        """One position of an account with the orders of its side."""
        position = account.positions.get((symbol, side)) or Position(symbol, side)
        terms, mark = self._terms_of(symbol), self._marks.mark(symbol)
        bids, asks = self.resting(account, symbol, side)
        leverage = account.setting(symbol).leverage
        notional = position.notional(terms, mark)
        return Exposure(
            position=position,
            terms=terms,
            mark=mark,
            notional=notional,
            unrealised=position.unrealised(terms, mark),
            initial=ratio(abs(notional), leverage),
            order_initial=ratio(added(notional, bids, asks), leverage),
            maint=maintenance(terms.base_asset, abs(notional)),
            bids=bids,
            asks=asks,
        )

    def resting(self, account: Account, symbol: str, side: PositionSide) -> tuple[int, int]:
        """What the open orders of a side would buy and sell, in 10^-8, closing ones too (§12.4)."""
        terms = self._terms_of(symbol)
        sums = {"BUY": 0, "SELL": 0}
        for order in account.open_of(symbol):
            ticket = order.ticket
            if ticket.position_side == side and order.price is not None:
                sums[ticket.side] += terms.money(order.price, order.remaining)
        return sums["BUY"], sums["SELL"]

    def exposures(self, account: Account) -> list[Exposure]:
        """Every position and every contract with open orders, in order of appearance."""
        keys = [(one.symbol, one.side) for one in account.held()]
        keys += [(order.ticket.symbol, order.ticket.position_side) for order in account.open_orders.values()]
        return [self.exposure(account, symbol, side) for symbol, side in dict.fromkeys(keys)]

    def assets(self, account: Account) -> dict[str, AssetMargin]:
        """Every asset the account has, or has positions in."""
        exposures = self.exposures(account)
        names = dict.fromkeys((*account.wallets, *(one.terms.margin_asset for one in exposures)))
        return {name: self._asset(account, name, exposures) for name in names}

    def available(self, account: Account, asset: str) -> int:
        """What new orders in that asset may bind; in multi-assets mode all assets stand in for each other.

        assumed: every margin asset of the emulated venue is worth one dollar.
        """
        assets = self.assets(account)
        if account.multi_assets:
            return sum(one.free for one in assets.values())
        return assets[asset].free if asset in assets else 0

    @staticmethod
    def _asset(account: Account, name: str, exposures: Iterable[Exposure]) -> AssetMargin:
        mine = [one for one in exposures if one.terms.margin_asset == name]
        cross = [one for one in mine if not account.setting(one.position.symbol).isolated]
        wallet = account.wallets.get(name, 0)
        return AssetMargin(
            asset=name,
            wallet=wallet,
            cross=wallet - sum(one.position.isolated_wallet for one in mine),
            unrealised=sum(one.unrealised for one in mine),
            cross_unrealised=sum(one.unrealised for one in cross),
            position_initial=sum(one.initial for one in mine),
            order_initial=sum(one.order_initial for one in mine),
            maint=sum(one.maint for one in mine),
            cross_maint=sum(one.maint for one in cross),
            cross_initial=sum(one.initial for one in cross),
        )


def added(notional: int, bids: int, asks: int) -> int:
    """By how much the fills of one side's orders would enlarge a position at most."""
    return max(0, abs(notional + bids) - abs(notional), abs(notional - asks) - abs(notional))
