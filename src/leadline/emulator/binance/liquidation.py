"""Liquidation: what cannot keep its maintenance margin is closed at the mark price (dossier §12.4, §15.4)."""

from __future__ import annotations

from collections.abc import Iterable

from leadline.emulator.binance import user_events
from leadline.emulator.binance.accounts import Account
from leadline.emulator.binance.forced import LIQUIDATION, ForcedCloses
from leadline.emulator.binance.margin import AssetMargin, Exposure, Margins
from leadline.emulator.binance.ports import Marks

CALL_PERCENT = 80
"""assumed: a margin call comes at four fifths of the way to liquidation."""


class Liquidations:
    """Looks at every account whenever a mark price is new."""

    def __init__(
        self,
        marks: Marks,
        margins: Margins,
        forced: ForcedCloses,
        accounts: Iterable[Account],
    ) -> None:
        self._margins = margins
        self._forced = forced
        self._accounts = accounts
        self._called: set[tuple[str, str]] = set()
        marks.listeners.append(self._marked)

    def _marked(self, symbol: str, now_ns: int) -> None:
        for account in self._accounts:
            if any(one.symbol == symbol for one in account.held()):
                self._look(account, now_ns)

    def _look(self, account: Account, now_ns: int) -> None:
        held = [one for one in self._margins.exposures(account) if one.position.amount]
        for one in held:
            if account.setting(one.position.symbol).isolated:
                self._judge(
                    account, [one], one.position.isolated_wallet + one.unrealised, one.maint, None, now_ns
                )
        for asset in self._pools(account):
            cross = [
                one
                for one in held
                if not account.setting(one.position.symbol).isolated
                and (account.multi_assets or one.terms.margin_asset == asset[0].asset)
            ]
            if cross:
                equity = sum(each.cross + each.cross_unrealised for each in asset)
                self._judge(
                    account,
                    cross,
                    equity,
                    sum(one.maint for one in cross),
                    sum(a.cross for a in asset),
                    now_ns,
                )

    def _pools(self, account: Account) -> list[list[AssetMargin]]:
        """Assets that stand in for each other: all in multi-assets mode, else each for itself."""
        assets = list(self._margins.assets(account).values())
        return [assets] if account.multi_assets else [[one] for one in assets]

    def _judge(
        self,
        account: Account,
        exposures: list[Exposure],
        equity: int,
        maint: int,
        cross: int | None,
        now_ns: int,
    ) -> None:
        key = (account.name, exposures[0].position.symbol if cross is None else "")
        if equity <= maint:
            self._called.discard(key)
            for one in exposures:
                self._forced.take(account, one.position, LIQUIDATION, one.mark, now_ns)
        elif maint * 100 >= equity * CALL_PERCENT:
            if key not in self._called:
                self._called.add(key)
                account.tell("MARGIN_CALL", user_events.margin_call(account, cross, exposures), now_ns)
        else:
            self._called.discard(key)
