"""An order as one writes it on a command line, read without a float and without a guess."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

import click
from msgspec import Struct

from leadline.cli.options import Amount
from leadline.clock import NS_PER_S
from leadline.model.market import Side
from leadline.model.order import (
    OrderKind,
    OrderRequest,
    PositionSide,
    PriceMatch,
    PriceType,
    TimeInForce,
    Trigger,
    TriggerReference,
)

F = TypeVar("F", bound=Callable[..., Any])

_DIGITS = r"[0-9]+(\.[0-9]+)?"


def exact(text: str) -> Decimal:
    """A positive number in plain digits; raises BadParameter for a sign, an exponent, or anything else."""
    if not re.fullmatch(_DIGITS, text) or not Decimal(text):
        raise click.BadParameter(f"{text!r} is not a positive number in plain digits, such as 0.01")
    return Decimal(text)


class Distance(Struct, frozen=True):
    """How far from the market: an amount of the quote currency, or a percentage."""

    qty: Decimal
    price_type: PriceType


def distance(text: str) -> Distance:
    """A distance such as `150`, `2.5%` or, where a sign means something, `-1%`; raises BadParameter."""
    found = re.fullmatch(rf"([+-]?{_DIGITS})(%?)", text)
    if not found:
        raise click.BadParameter(f"{text!r} is not a distance, such as 150 or 2.5%")
    return Distance(Decimal(found[1]), PriceType.PCT if found[3] else PriceType.QUOTE)


def read_exact(context: click.Context, option: click.Parameter, text: str | None) -> Decimal | None:
    """The number of an option that was given."""
    return None if text is None else exact(text)


def _read_distance(context: click.Context, option: click.Parameter, text: str | None) -> Distance | None:
    return None if text is None else distance(text)


_OPTIONS = (
    click.option("--limit", "limit", metavar="PRICE", help="No worse than this price."),
    click.option(
        "--cost", callback=read_exact, help="A market buy for so much quote currency, instead of QTY."
    ),
    click.option(
        "--iceberg", "display_qty", callback=read_exact, metavar="QTY", help="Show only so much at a time."
    ),
    click.option("--stop", callback=read_exact, metavar="PRICE", help="Wait until the market is this bad."),
    click.option(
        "--take-profit", callback=read_exact, metavar="PRICE", help="Wait until the market is this good."
    ),
    click.option(
        "--trailing",
        callback=_read_distance,
        metavar="DISTANCE",
        help="Wait until the market turns by so much, or so much %.",
    ),
    click.option(
        "--trigger-by",
        type=click.Choice([one.value for one in TriggerReference]),
        default=TriggerReference.LAST.value,
        show_default=True,
        help="Which price sets a waiting order off.",
    ),
    click.option("--post-only", is_flag=True, help="Never take what is on the book already."),
    click.option("--reduce-only", is_flag=True, help="Only ever make a position smaller."),
    click.option(
        "--position-side",
        type=click.Choice([one.value for one in PositionSide]),
        default=PositionSide.NET.value,
        show_default=True,
        help="In hedge mode: which position it changes.",
    ),
    click.option(
        "--close-position", is_flag=True, help="Instead of QTY: all there is when a --stop or the like comes."
    ),
    click.option(
        "--price-match",
        type=click.Choice([one.value for one in PriceMatch]),
        help="Instead of --limit: priced by the book as the venue has it.",
    ),
    click.option(
        "--activation", callback=read_exact, metavar="PRICE", help="Where a --trailing begins to follow."
    ),
    click.option("--margin", is_flag=True, help="With borrowed funds."),
    click.option(
        "--tif",
        type=click.Choice([one.value for one in TimeInForce]),
        help="How long it stands; gtd with --expires. Default gtc.",
    ),
    click.option(
        "--expires", "expires_s", type=Amount(min=0, min_open=True), help="Expire after so many seconds."
    ),
    click.option(
        "--deadline",
        "deadline_s",
        type=Amount(min=0, min_open=True),
        default=2.0,
        show_default=True,
        help="So many seconds after now the venue may not accept it any more.",
    ),
    click.option("--validate", is_flag=True, help="Only ask the venue whether it would take the order."),
)


def order_options(function: F) -> F:
    """Every option that shapes an order."""
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


class Wanted(Struct, frozen=True, kw_only=True):
    """The options as they were given."""

    side: str
    symbol: str
    qty: Decimal | None
    limit: str | None
    cost: Decimal | None
    display_qty: Decimal | None
    stop: Decimal | None
    take_profit: Decimal | None
    trailing: Distance | None
    trigger_by: str
    post_only: bool
    reduce_only: bool
    position_side: str
    close_position: bool
    price_match: str | None
    activation: Decimal | None
    margin: bool
    tif: str | None
    expires_s: float | None
    deadline_s: float
    validate: bool

    def request(self, now_ns: int) -> OrderRequest:
        """The order that is meant; raises UsageError for options that do not go together."""
        self._check_size()
        limit = self._limit()
        expires_ns = None
        if self.expires_s is not None:  # the venue takes whole seconds
            expires_ns = math.ceil(now_ns / NS_PER_S + self.expires_s) * NS_PER_S
        in_force = self.tif or (TimeInForce.GTC if expires_ns is None else TimeInForce.GTD).value
        return OrderRequest(
            symbol=self.symbol,
            side=Side(self.side),
            kind=self._kind(),
            qty=self.qty,
            cost=self.cost,
            limit_price=None if limit is None else limit.qty,
            limit_price_type=PriceType.STATIC if limit is None else limit.price_type,
            trigger=self._trigger(),
            time_in_force=TimeInForce(in_force),
            expires_ns=expires_ns,
            deadline_s=self.deadline_s,
            post_only=self.post_only,
            reduce_only=self.reduce_only,
            margin=self.margin,
            position_side=PositionSide(self.position_side),
            close_position=self.close_position,
            price_match=None if self.price_match is None else PriceMatch(self.price_match),
            display_qty=self.display_qty,
            validate=self.validate,
        )

    def _check_size(self) -> None:
        if sum((self.qty is not None, self.cost is not None, self.close_position)) != 1:
            ways = "QTY, or --cost for a market buy, or --close-position"
            raise click.UsageError(f"say how much, in one way: {ways}")
        if self.limit is not None and self.price_match is not None:
            raise click.UsageError("a price is given by --limit or by --price-match, not by both")

    def _limit(self) -> Distance | None:
        """A price, but a distance from the trigger where that moves."""
        if self.limit is None:
            return None
        try:
            if self.trailing is not None:
                return distance(self.limit)
            return Distance(exact(self.limit), PriceType.STATIC)
        except click.BadParameter as error:
            error.param_hint = "'--limit'"
            raise

    def _kind(self) -> OrderKind:
        waiting = [one is not None for one in (self.stop, self.take_profit, self.trailing)]
        if sum(waiting) > 1:
            raise click.UsageError("only one of --stop, --take-profit and --trailing can set an order off")
        if self.display_qty is not None:
            if self.limit is None or any(waiting):
                raise click.UsageError("--iceberg goes with --limit alone")
            return OrderKind.ICEBERG
        plain, limited = OrderKind.MARKET, OrderKind.LIMIT
        for there, kinds in zip(waiting, _WAITING, strict=True):
            if there:
                plain, limited = kinds
        return plain if self.limit is None and self.price_match is None else limited

    def _trigger(self) -> Trigger | None:
        reference = TriggerReference(self.trigger_by)
        if self.trailing is not None:
            return Trigger(self.trailing.qty, self.trailing.price_type, reference, self.activation)
        if self.activation is not None:
            raise click.UsageError("--activation goes with --trailing")
        price = self.stop or self.take_profit
        return None if price is None else Trigger(price, reference=reference)


_WAITING = (
    (OrderKind.STOP_LOSS, OrderKind.STOP_LOSS_LIMIT),
    (OrderKind.TAKE_PROFIT, OrderKind.TAKE_PROFIT_LIMIT),
    (OrderKind.TRAILING_STOP, OrderKind.TRAILING_STOP_LIMIT),
)
