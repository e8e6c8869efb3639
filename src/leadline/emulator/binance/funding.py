"""Funding: at its moment every position pays or gets amount × mark × rate (dossier §15.4)."""

from __future__ import annotations

from collections.abc import Iterable

from leadline.emulator.binance.accounts import Account
from leadline.emulator.binance.margin import TermsOf
from leadline.emulator.binance.ports import MARK_DECIMALS, Funding, Marks
from leadline.emulator.binance.positions import Position
from leadline.emulator.binance.settlement import Settlement
from leadline.emulator.numbers import ratio

FUNDING_FEE = "FUNDING_FEE"


class FundingFees:
    """Books funding; a long pays where the rate is positive."""

    def __init__(
        self, marks: Marks, settlement: Settlement, terms_of: TermsOf, accounts: Iterable[Account]
    ) -> None:
        self._settlement = settlement
        self._terms_of = terms_of
        self._accounts = accounts
        marks.funders.append(self._struck)

    def _struck(self, funding: Funding) -> None:
        for account in self._accounts:
            for position in account.held():
                if position.symbol == funding.symbol:
                    self._pay(account, position, funding)

    def _pay(self, account: Account, position: Position, funding: Funding) -> None:
        terms = self._terms_of(position.symbol)
        fee = -ratio(terms.worth(funding.mark, position.amount) * funding.rate, 10**MARK_DECIMALS)
        if not fee:
            return
        self._settlement.book(account, FUNDING_FEE, terms.margin_asset, fee, funding.time_ns, position.symbol)
        position.paid -= fee
        isolated = account.setting(position.symbol).isolated
        if isolated:
            position.isolated_wallet += fee
        # On a cross position only the balance is told (§12.5).
        told = [position] if isolated else []
        self._settlement.tell_positions(
            account, FUNDING_FEE, told, terms.margin_asset, funding.time_ns, fee, position.symbol
        )
