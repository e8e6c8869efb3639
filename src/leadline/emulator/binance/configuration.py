"""What an account may choose: leverage, margin type, position mode, assets mode, isolated margin (§8.4)."""

from __future__ import annotations

from typing import Any, cast

from leadline.emulator.binance import user_events
from leadline.emulator.binance.accounts import Account, MarginChange
from leadline.emulator.binance.brackets import brackets_of, most_notional
from leadline.emulator.binance.errors import refused
from leadline.emulator.binance.margin import Margins, TermsOf
from leadline.emulator.binance.orders import PositionSide
from leadline.emulator.binance.params import Params
from leadline.emulator.binance.settlement import NS_PER_MS, Settlement
from leadline.emulator.binance.terms import MONEY_DECIMALS, Terms
from leadline.emulator.numbers import ratio

SUCCESS = {"code": 200, "msg": "success"}
ADD, TAKE = 1, 2


class Configuration:
    """Changes of an account's settings; without a change the venue refuses (§17.18)."""

    def __init__(self, margins: Margins, settlement: Settlement, terms_of: TermsOf) -> None:
        self._margins = margins
        self._settlement = settlement
        self._terms_of = terms_of

    def leverage(self, account: Account, params: Params, now_ns: int) -> dict[str, Any]:
        """POST leverage."""
        terms = self._terms_of(params.needed("symbol"))
        wanted = params.whole("leverage")
        if not 1 <= wanted <= brackets_of(terms.base_asset)[0].leverage:
            raise refused(-4028, wanted)
        setting = account.setting(terms.symbol)
        self._check_leverage(account, terms, wanted)
        changed, setting.leverage = setting.leverage != wanted, wanted
        if changed:
            body = user_events.leverage_update(terms.symbol, wanted, now_ns // NS_PER_MS)
            account.tell("ACCOUNT_CONFIG_UPDATE", body, now_ns)
        most = most_notional(terms.base_asset, wanted) // 10**MONEY_DECIMALS
        return {"leverage": wanted, "maxNotionalValue": str(most), "symbol": terms.symbol}

    def margin_type(self, account: Account, params: Params, now_ns: int) -> dict[str, Any]:
        """POST marginType."""
        terms = self._terms_of(params.needed("symbol"))
        wanted = params.choice("marginType", ("ISOLATED", "CROSSED"), refused(-1130, "marginType"))
        setting = account.setting(terms.symbol)
        if (wanted == "ISOLATED") == setting.isolated:
            raise refused(-4046)
        if account.multi_assets:
            raise refused(-4168)
        if account.open_of(terms.symbol):
            raise refused(-4047)
        if any(one.symbol == terms.symbol for one in account.held()):
            raise refused(-4048)
        setting.isolated = wanted == "ISOLATED"
        return SUCCESS

    def position_mode(self, account: Account, params: Params, now_ns: int) -> dict[str, Any]:
        """POST positionSide/dual; no event tells of it (§12.8)."""
        params.needed("dualSidePosition")
        wanted = params.flag("dualSidePosition")
        if wanted == account.hedge:
            raise refused(-4059)
        if account.open_orders or account.open_algos:
            raise refused(-4067)
        if account.held():
            raise refused(-4068)
        account.hedge = wanted
        return SUCCESS

    def multi_assets(self, account: Account, params: Params, now_ns: int) -> dict[str, Any]:
        """POST multiAssetsMargin."""
        params.needed("multiAssetsMargin")
        wanted = params.flag("multiAssetsMargin")
        if wanted == account.multi_assets:
            raise refused(-4171)
        if wanted and any(one.isolated for one in account.settings.values()):
            raise refused(-4167)
        account.multi_assets = wanted
        body = user_events.multi_assets_update(account, now_ns // NS_PER_MS)
        account.tell("ACCOUNT_CONFIG_UPDATE", body, now_ns)
        return SUCCESS

    def fee_burn(self, account: Account, params: Params, now_ns: int) -> dict[str, Any]:
        """POST feeBurn; assumed: the account has no BNB, so fees stay in the margin asset."""
        params.needed("feeBurn")
        account.fee_burn = params.flag("feeBurn")
        return SUCCESS

    def position_margin(self, account: Account, params: Params, now_ns: int) -> dict[str, Any]:
        """POST positionMargin: more or less margin for an isolated position."""
        terms = self._terms_of(params.needed("symbol"))
        params.needed("amount")
        given = params.decimal("amount")
        amount = 0 if given is None else int(given.scaleb(MONEY_DECIMALS))
        kind = params.whole("type")
        if kind not in (ADD, TAKE):
            raise refused(-1130, "type")
        if amount <= 0:
            raise refused(-4055)
        side = params.choice("positionSide", ("BOTH", "LONG", "SHORT"), refused(-4060), "BOTH")
        position = account.positions.get((terms.symbol, cast("PositionSide", side)))
        if position is None or not position.amount or not account.setting(terms.symbol).isolated:
            raise refused(-4054)
        if kind == ADD and amount > self._margins.available(account, terms.margin_asset):
            raise refused(-4050)
        one = self._margins.exposure(account, terms.symbol, position.side)
        spare = position.isolated_wallet + min(0, one.unrealised) - one.initial
        if kind == TAKE and amount > spare:
            raise refused(-4051)
        position.isolated_wallet += amount if kind == ADD else -amount
        time_ms = now_ns // NS_PER_MS
        account.margin_changes.append(
            MarginChange(terms.symbol, position.side, kind, amount, terms.margin_asset, time_ms)
        )
        self._settlement.tell_positions(account, "MARGIN_TRANSFER", [position], terms.margin_asset, now_ns)
        shown = float(given or 0)
        return {
            "amount": int(shown) if shown.is_integer() else shown,
            "code": 200,
            "msg": "Successfully modify position margin.",
            "type": kind,
        }

    def _check_leverage(self, account: Account, terms: Terms, wanted: int) -> None:
        setting = account.setting(terms.symbol)
        held = [one for one in account.held() if one.symbol == terms.symbol]
        if held and setting.isolated and wanted < setting.leverage:
            raise refused(-4161)
        extra = 0
        for side in account.sides():
            one = self._margins.exposure(account, terms.symbol, side)
            if abs(one.notional) + max(one.bids, one.asks) > most_notional(terms.base_asset, wanted):
                raise refused(-2027)
            extra += ratio(abs(one.notional), wanted) - one.initial
        if extra > max(0, self._margins.available(account, terms.margin_asset)):
            raise refused(-2028)
