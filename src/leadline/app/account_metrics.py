"""The metrics of one account: its orders, budgets, balances and breaker.

Rule: nothing of what it owns or trades is a label; the page is for whoever is on this machine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from prometheus_client.core import Metric

from leadline.app.account import LiveAccount
from leadline.app.metric_rows import one, timed, told
from leadline.clock import NS_PER_S, Clock
from leadline.core.breaker import BreakerState
from leadline.engine.halts import ACCOUNT_CHECK, CROSS_CHECK, OPERATOR, RECONCILIATION
from leadline.model.order import OrderState


def account_metrics(account: LiveAccount, clock: Clock) -> Iterator[Metric]:
    """How an account stands that has been entered."""
    desk, now_ns = account.desk, clock.mono_ns()
    yield one("leadline_account_ready", desk.streaming)
    yield one("leadline_credential_failures", account.account.credential_failures)
    yield one("leadline_protection_missing", desk.protection.missed)
    offset_s = (account.account.venue_ns() - clock.wall_ns()) / NS_PER_S
    yield one("leadline_clock_offset_seconds", abs(offset_s))
    yield from _budgets(account, now_ns)
    yield from _orders(account)
    known = desk.balances.known()
    if known is not None:
        yield one("leadline_balances_age_seconds", known.age_s)
    yield one("leadline_balance_drifts", desk.balances.drifts)
    yield one("leadline_reconciliations", desk.reconciliations)
    state = account.breaker.state(now_ns)
    yield told("leadline_breaker_state", [((each.value,), each is state) for each in BreakerState])
    yield one("leadline_breaker_trips", account.breaker.opened)
    yield one("leadline_dead_man_armed", desk.dead_man.armed_until_ns is not None)


def account_times(account: LiveAccount) -> Iterator[Metric]:
    """How long the venue took over orders."""
    yield timed("leadline_order_answer_seconds", [((), account.desk.orders.answer_times)])


def _budgets(account: LiveAccount, now_ns: int) -> Iterator[Metric]:
    spent = account.spent(now_ns)
    yield one("leadline_private_requests", account.audit.count)
    yield one("leadline_key_counter_spent", spent.requests)
    yield one("leadline_key_counter_limit", spent.requests_limit)
    yield one("leadline_order_counter_spent", spent.orders)
    yield one("leadline_order_counter_limit", spent.orders_limit)


def _orders(account: LiveAccount) -> Iterator[Metric]:
    orders = account.desk.orders
    counts = orders.counts
    states = Counter(order.state for order in orders.live())
    unfinished = [state for state in OrderState if not state.final]
    yield told("leadline_orders", [((state.value,), states[state]) for state in unfinished])
    yield one("leadline_orders_unconfirmed", counts.unconfirmed)
    yield one("leadline_orders_queued", counts.queued)
    yield one("leadline_orders_delayed", counts.delayed)
    holders = (OPERATOR, RECONCILIATION, CROSS_CHECK, ACCOUNT_CHECK)
    yield told("leadline_symbols_halted", [((by,), len(orders.halts(by))) for by in holders])
    yield one("leadline_fills", counts.fills)
    yield one("leadline_fills_duplicate", counts.fills_duplicate)
    yield one("leadline_orders_adopted", counts.adopted)
    yield one("leadline_orders_contradicted", counts.contradicted)
    yield one("leadline_order_lookups", counts.finds)
    yield one("leadline_order_lookups_failed", counts.finds_failed)
