"""Whatever an account does and the market does to it, the venue's own bookkeeping agrees."""

from __future__ import annotations

import random
from collections import Counter
from contextlib import suppress
from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from emulated import MS, OTHER, QUIET, START_NS, S
from leadline.emulator.accounts import EARN, SPOT, UNIT, Account
from leadline.emulator.market import Market
from leadline.emulator.money import base_units, cost_of, quote_units
from leadline.emulator.orders import (
    AccountOrder,
    Amendment,
    Close,
    LedgerEntry,
    OrderType,
    Refused,
    Ticket,
    Trigger,
)
from leadline.emulator.trading import Trading

PAIRS = (QUIET, OTHER)
TYPES: tuple[OrderType, ...] = get_args(OrderType)
FUNDS = {"BTC": UNIT // 50, "DOGE": 9_000 * UNIT, "USD": 2_000 * UNIT}


class Play:
    """A venue, two accounts that can meet, and one stream of random acts."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.market = Market(PAIRS, seed=seed, rate=40, start_ns=START_NS, history_minutes=0)
        self.trading = Trading(self.market, seed=seed)
        self.accounts = [
            self.trading.account(name, tier="pro", balances=FUNDS) for name in ("first", "second")
        ]
        self.told: list[object] = []
        self.accounts[0].listeners.append(self.told.append)
        self.now_ns = START_NS

    def act(self) -> None:
        self.now_ns += self.rng.choice((MS, 50 * MS, 900 * MS, 6 * S))
        if self.market.system != "online" and self.rng.random() < 0.2:
            self.market.system = "online"
        self.market.advance(self.now_ns)
        self.trading.woke(self.now_ns)
        account = self.rng.choice(self.accounts)
        orders = list(account.orders.values())
        order = self.rng.choice(orders) if orders else None
        with suppress(Refused):
            self.deed(account, order)

    def deed(self, account: Account, order: AccountOrder | None) -> None:
        trading, rng, now_ns = self.trading, self.rng, self.now_ns
        drawn = rng.random()
        if order is None or drawn < 0.55:
            trading.add(account, self.ticket(), now_ns)
        elif drawn < 0.7:
            order = rng.choice([*account.open_orders.values(), order])
            trading.amend(account, order, self.amendment(order), now_ns)
        elif drawn < 0.76:
            trading.cancel(account, order, now_ns)
        elif drawn < 0.82:
            trading.edit(account, order, self.ticket(order.ticket.symbol), now_ns)
        elif drawn < 0.9:
            symbol = rng.choice(PAIRS).symbol
            trading.add_batch(account, [self.ticket(symbol) for _ in range(rng.randint(2, 4))], now_ns)
        elif drawn < 0.93:
            trading.arm(account, rng.choice((0, 1, 5)), now_ns)
        elif drawn < 0.95:
            wallets = [SPOT, EARN]
            rng.shuffle(wallets)
            trading.transfer(account, "USD", wallets[0], wallets[1], rng.randint(1, 300 * UNIT), now_ns)
        elif drawn < 0.98:
            self.market.system = rng.choice(("online", "cancel_only", "post_only", "maintenance"))
        elif self.market.system == "online":
            trading.cancel_all(account, now_ns)

    def ticket(self, symbol: str | None = None) -> Ticket:
        rng = self.rng
        wanted = symbol or rng.choice(PAIRS).symbol
        pair = self.market.listings[wanted].pair
        last = self.market.listings[pair.symbol].tape.last_price
        near = last + rng.randint(-40, 40) * pair.step
        far = rng.randint(1, 25) * pair.step
        kind = rng.choice(("limit", "limit", "market", *TYPES))
        trailing = kind.startswith("trailing")
        qty = rng.randint(1, 40) * pair.qty // 400
        lives = ("gtc", "gtc", "gtc", "ioc", "fok", "gtd")
        life = rng.choice(lives if kind == "limit" else ("gtc", "gtd"))
        trigger = Trigger(far, rng.choice(("quote", "pct"))) if trailing else Trigger(near)
        close = Close("limit", near + far) if rng.random() < 0.2 else None
        return Ticket(
            symbol=pair.symbol,
            side=rng.choice(("buy", "sell")),
            order_type=kind,
            qty=qty,
            limit_price=near if kind.endswith("limit") or kind == "iceberg" else None,
            trigger=trigger if kind not in ("market", "limit", "iceberg", "settle-position") else None,
            time_in_force=life,
            expire_ns=self.now_ns + 3 * S if life == "gtd" else None,
            effective_ns=self.now_ns + S if rng.random() < 0.1 else None,
            post_only=rng.random() < 0.2 and kind == "limit" and life.startswith("gt"),
            close=close,
            display_qty=qty // 4 if kind == "iceberg" else None,
            fee_in_base=rng.random() < 0.2,
            stp=rng.choice(("cancel_newest", "cancel_oldest", "cancel_both")),
            cl_ord_id=f"id-{rng.randint(1, 30)}" if close is None and rng.random() < 0.3 else None,
        )

    def amendment(self, order: AccountOrder) -> Amendment:
        rng = self.rng
        moved = None if order.limit_price is None else order.limit_price + rng.randint(-200, 200)
        return Amendment(
            qty=rng.choice((None, order.qty * rng.randint(1, 30) // 15)),
            limit_price=rng.choice((None, moved)),
            post_only=rng.random() < 0.3,
        )


def agree(account: Account) -> None:
    moved: Counter[tuple[str, str]] = Counter(account.opening)
    for entry in account.ledger:
        moved[entry.asset, entry.wallet] += entry.amount - entry.fee
        assert moved[entry.asset, entry.wallet] == entry.balance
    assert {key: units for key, units in moved.items() if units} == {
        key: units for key, units in account.balances.items() if units
    }
    assert all(units >= 0 for units in account.balances.values())
    for asset in FUNDS:
        assert 0 <= account.held(asset) <= account.balance(asset)


def legs_match(play: Play, account: Account) -> None:
    legs: dict[str, list[LedgerEntry]] = {}
    for entry in account.ledger:
        if entry.kind == "trade":
            legs.setdefault(entry.ref_id, []).append(entry)
    assert list(legs) == [fill.exec_id for fill in account.fills]
    for fill in account.fills:
        pair = play.market.listings[fill.symbol].pair
        base, quote = legs[fill.exec_id]
        sign = 1 if fill.side == "buy" else -1
        assert (base.asset, base.amount) == (pair.base, sign * base_units(pair, fill.qty))
        assert (quote.asset, quote.amount) == (pair.quote, -sign * quote_units(pair, fill.cost))
        assert fill.cost == cost_of(pair, fill.price, fill.qty)
        assert (base.fee == 0) or (quote.fee == 0)


def orders_add_up(play: Play, account: Account) -> None:
    per_order: Counter[str] = Counter()
    for fill in account.fills:
        per_order[fill.order_id] += fill.qty
    for order in account.orders.values():
        assert order.filled == sum(fill.qty for fill in order.fills) == per_order[order.order_id]
        assert order.status != "filled" or not order.remaining
        assert not order.open or order.remaining > 0
        assert order.open == (order.order_id in account.open_orders)
        if order.engine_id is not None:
            resting = play.market.listings[order.ticket.symbol].book.order(order.engine_id)
            assert resting is not None
            assert resting.remaining == order.remaining
            assert resting.price == order.limit_price


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), acts=st.integers(1, 90))
def test_balances_ledger_fills_and_orders_always_agree(seed: int, acts: int) -> None:
    play = Play(seed)
    for _ in range(acts):
        play.act()
        for account in play.accounts:
            agree(account)
    for account in play.accounts:
        legs_match(play, account)
        orders_add_up(play, account)


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**32), decimals=st.sampled_from([(2, 9), (3, 10), (1, 10), (0, 8), (1, 4), (0, 3)])
)
def test_they_agree_across_a_change_of_tick_and_lot(seed: int, decimals: tuple[int, int]) -> None:
    play = Play(seed)
    for step in range(80):
        if step == 40:
            play.market.change_precision("BTC/USD", *decimals)
        play.act()
        for account in play.accounts:
            agree(account)
    finer = decimals[0] >= QUIET.price_precision and decimals[1] >= QUIET.qty_precision
    for account in play.accounts:
        orders_add_up(play, account)
        if finer:
            legs_match(play, account)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_the_news_alone_tells_every_final_state(seed: int) -> None:
    play = Play(seed)
    for _ in range(60):
        play.act()
    last = {news.order.order_id: news for news in play.told if not isinstance(news, LedgerEntry)}  # type: ignore[attr-defined]
    account = play.accounts[0]
    assert last.keys() == account.orders.keys()
    for order_id, order in account.orders.items():
        assert (last[order_id].status, last[order_id].filled) == (order.status, order.filled)  # type: ignore[attr-defined]
    assert [news for news in play.told if isinstance(news, LedgerEntry)] == account.ledger
