"""Accounts, balances, positions and settings as REST and the WebSocket API show them (dossier §8)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from leadline.emulator.binance.accounts import RATE_UNIT, Account, Income, MarginChange
from leadline.emulator.binance.brackets import MONEY, RATIO_UNIT, brackets_of, maintenance, most_notional
from leadline.emulator.binance.margin import AssetMargin, Exposure
from leadline.emulator.binance.terms import MONEY_DECIMALS, Terms, money_text, trimmed
from leadline.emulator.binance.user_events import entry_text
from leadline.emulator.numbers import fixed, ratio

Row = dict[str, Any]
ADL_LEVEL = 2
"""assumed: where a position stands in the queue of automatic deleveraging; it plays no part here."""


def balance(account: Account, one: AssetMargin) -> Row:
    """A row of balance (§8.1)."""
    return {
        "accountAlias": account.alias,
        "asset": one.asset,
        "balance": money_text(one.wallet),
        "crossWalletBalance": money_text(one.cross),
        "crossUnPnl": money_text(one.cross_unrealised),
        "availableBalance": money_text(one.available),
        "maxWithdrawAmount": money_text(one.withdrawable),
        "marginAvailable": True,
        "updateTime": account.touched_ms.get(one.asset, 0),
    }


def totals(account: Account, assets: Iterable[AssetMargin]) -> Row:
    """The head of account: of USDT alone, or of all assets in multi-assets mode (§8.2)."""
    mine = [one for one in assets if account.multi_assets or one.asset == "USDT"]

    def total(name: str) -> str:
        return money_text(sum(int(getattr(one, name)) for one in mine))

    return {
        "totalInitialMargin": total("initial"),
        "totalMaintMargin": total("maint"),
        "totalWalletBalance": total("wallet"),
        "totalUnrealizedProfit": total("unrealised"),
        "totalMarginBalance": money_text(sum(one.wallet + one.unrealised for one in mine)),
        "totalPositionInitialMargin": total("position_initial"),
        "totalOpenOrderInitialMargin": total("order_initial"),
        "totalCrossWalletBalance": total("cross"),
        "totalCrossUnPnl": total("cross_unrealised"),
        "availableBalance": total("available"),
        "maxWithdrawAmount": total("withdrawable"),
    }


def asset(account: Account, one: AssetMargin, *, old: bool = False) -> Row:
    """A row of account.assets; the `old` form of v2 has `marginAvailable`."""
    row = {
        "asset": one.asset,
        "walletBalance": money_text(one.wallet),
        "unrealizedProfit": money_text(one.unrealised),
        "marginBalance": money_text(one.wallet + one.unrealised),
        "maintMargin": money_text(one.maint),
        "initialMargin": money_text(one.initial),
        "positionInitialMargin": money_text(one.position_initial),
        "openOrderInitialMargin": money_text(one.order_initial),
        "crossWalletBalance": money_text(one.cross),
        "crossUnPnl": money_text(one.cross_unrealised),
        "availableBalance": money_text(one.available),
        "maxWithdrawAmount": money_text(one.withdrawable),
    }
    more: Row = {"marginAvailable": True} if old else {}
    return row | more | {"updateTime": account.touched_ms.get(one.asset, 0)}


def position(account: Account, one: Exposure) -> Row:
    """A row of account.positions in v3."""
    return {
        "symbol": one.position.symbol,
        "positionSide": one.position.side,
        "positionAmt": one.terms.qty_text(one.position.amount),
        "unrealizedProfit": money_text(one.unrealised),
        "isolatedMargin": _money(_isolated_margin(account, one)),
        "notional": _money(one.notional),
        "isolatedWallet": _money(one.position.isolated_wallet),
        "initialMargin": _money(one.initial + one.order_initial),
        "maintMargin": _money(one.maint),
        "updateTime": one.position.update_ms,
    }


def old_position(account: Account, one: Exposure) -> Row:
    """A row of account.positions in v2, which has one for every contract."""
    setting, symbol = account.setting(one.position.symbol), one.position.symbol
    return {
        "symbol": symbol,
        "initialMargin": _money(one.initial + one.order_initial),
        "maintMargin": _money(one.maint),
        "unrealizedProfit": money_text(one.unrealised),
        "positionInitialMargin": _money(one.initial),
        "openOrderInitialMargin": _money(one.order_initial),
        "leverage": str(setting.leverage),
        "isolated": setting.isolated,
        "entryPrice": entry_text(one.position.entry),
        "breakEvenPrice": entry_text(one.position.break_even(one.terms)),
        "maxNotional": _most(one.terms, setting.leverage),
        "positionSide": one.position.side,
        "positionAmt": one.terms.qty_text(one.position.amount),
        "notional": _money(one.notional),
        "isolatedWallet": _money(one.position.isolated_wallet),
        "bidNotional": _money(one.bids),
        "askNotional": _money(one.asks),
        "updateTime": one.position.update_ms,
    }


def risk(account: Account, one: Exposure, cross_equity: int) -> Row:
    """A row of positionRisk v3 (§8.3); `cross_equity` is what all cross positions of the asset share."""
    return {
        "symbol": one.position.symbol,
        "positionSide": one.position.side,
        "positionAmt": one.terms.qty_text(one.position.amount),
        "entryPrice": entry_text(one.position.entry),
        "breakEvenPrice": entry_text(one.position.break_even(one.terms)),
        "markPrice": fixed(one.mark, MONEY_DECIMALS),
        "unRealizedProfit": money_text(one.unrealised),
        "liquidationPrice": liquidation_price(account, one, cross_equity),
        "isolatedMargin": _money(_isolated_margin(account, one)),
        "notional": _money(one.notional),
        "marginAsset": one.terms.margin_asset,
        "isolatedWallet": _money(one.position.isolated_wallet),
        "initialMargin": _money(one.initial + one.order_initial),
        "maintMargin": _money(one.maint),
        "positionInitialMargin": _money(one.initial),
        "openOrderInitialMargin": _money(one.order_initial),
        "adl": ADL_LEVEL if one.position.amount else 0,
        "bidNotional": _money(one.bids),
        "askNotional": _money(one.asks),
        "updateTime": one.position.update_ms,
    }


def old_risk(account: Account, one: Exposure, cross_equity: int) -> Row:
    """A row of positionRisk v2, which has leverage and margin type."""
    setting = account.setting(one.position.symbol)
    return {
        "symbol": one.position.symbol,
        "positionAmt": one.terms.qty_text(one.position.amount),
        "entryPrice": entry_text(one.position.entry),
        "breakEvenPrice": entry_text(one.position.break_even(one.terms)),
        "markPrice": fixed(one.mark, MONEY_DECIMALS),
        "unRealizedProfit": money_text(one.unrealised),
        "liquidationPrice": liquidation_price(account, one, cross_equity),
        "leverage": str(setting.leverage),
        "maxNotionalValue": _most(one.terms, setting.leverage),
        "marginType": "isolated" if setting.isolated else "cross",
        "isolatedMargin": money_text(_isolated_margin(account, one)),
        "isAutoAddMargin": "false",
        "positionSide": one.position.side,
        "notional": _money(one.notional),
        "isolatedWallet": _money(one.position.isolated_wallet),
        "updateTime": one.position.update_ms,
    }


def liquidation_price(account: Account, one: Exposure, cross_equity: int) -> str:
    """Where the position would be closed by force, its bracket staying; "0" where nowhere above zero."""
    amount = one.position.amount
    if not amount:
        return "0"
    equity = cross_equity
    if account.setting(one.position.symbol).isolated:
        equity = one.position.isolated_wallet + one.unrealised
    spare = equity - maintenance(one.terms.base_asset, abs(one.notional))
    moved = ratio(spare * 10**one.terms.qty_scale, abs(amount))
    price = one.mark - moved if amount > 0 else one.mark + moved
    return fixed(price, MONEY_DECIMALS) if price > 0 else "0"


def symbol_config(account: Account, terms: Terms) -> Row:
    """A row of symbolConfig."""
    setting = account.setting(terms.symbol)
    return {
        "symbol": terms.symbol,
        "marginType": "ISOLATED" if setting.isolated else "CROSSED",
        "isAutoAddMargin": False,
        "leverage": setting.leverage,
        "maxNotionalValue": _most(terms, setting.leverage),
    }


def account_config(account: Account) -> Row:
    """accountConfig."""
    return {
        "feeTier": 0,
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": True,
        "dualSidePosition": account.hedge,
        "updateTime": 0,
        "multiAssetsMargin": account.multi_assets,
        "tradeGroupId": -1,
    }


def old_head(account: Account) -> Row:
    """What account v2 has before the totals."""
    return {
        "feeTier": 0,
        "feeBurn": account.fee_burn,
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": True,
        "updateTime": 0,
        "multiAssetsMargin": account.multi_assets,
        "tradeGroupId": -1,
    }


def bracket_row(terms: Terms) -> Row:
    """A row of leverageBracket: numbers, not texts (§8.4)."""
    return {
        "symbol": terms.symbol,
        "notionalCoef": 1.0,
        "brackets": [
            {
                "bracket": one.number,
                "initialLeverage": one.leverage,
                "notionalCap": one.cap // MONEY,
                "notionalFloor": one.floor // MONEY,
                "maintMarginRatio": one.maint_ratio / RATIO_UNIT,
                "cum": one.cum / MONEY,
            }
            for one in brackets_of(terms.base_asset)
        ],
    }


def commission_row(account: Account, symbol: str) -> Row:
    """commissionRate."""
    return {
        "symbol": symbol,
        "makerCommissionRate": fixed(account.maker_rate, len(str(RATE_UNIT)) - 1),
        "takerCommissionRate": fixed(account.taker_rate, len(str(RATE_UNIT)) - 1),
        "rpiCommissionRate": "0.00005",
    }


def income_row(one: Income) -> Row:
    """A row of income (§8.6)."""
    return {
        "symbol": one.symbol,
        "incomeType": one.income_type,
        "income": money_text(one.amount),
        "asset": one.asset,
        "info": one.info,
        "time": one.time_ms,
        "tranId": one.tran_id,
        "tradeId": one.trade_id,
    }


def margin_change_row(one: MarginChange) -> Row:
    """A row of positionMargin/history."""
    return {
        "symbol": one.symbol,
        "type": one.kind,
        "deltaType": "USER_ADJUST",
        "amount": money_text(one.amount),
        "asset": one.asset,
        "time": one.time_ms,
        "positionSide": one.position_side,
    }


def _isolated_margin(account: Account, one: Exposure) -> int:
    isolated = account.setting(one.position.symbol).isolated and one.position.amount
    return one.position.isolated_wallet + one.unrealised if isolated else 0


def _most(terms: Terms, leverage: int) -> str:
    return str(most_notional(terms.base_asset, leverage) // MONEY)


def _money(units: int) -> str:
    """An amount with all decimals, or a bare 0 as the venue writes it."""
    return money_text(units) if units else trimmed(units, 0)
