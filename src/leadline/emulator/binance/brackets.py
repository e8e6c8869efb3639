"""Notional brackets: how much leverage a position may have and what it must keep (dossier §8.4, §15.4).

assumed: the figures; the dossier gives the form and one row of them.
"""

from __future__ import annotations

from dataclasses import dataclass

MONEY = 10**8
RATIO_UNIT = 10**4
MAJOR = ("BTC", "ETH")
_MAJOR = (
    (125, 300_000, 40), (100, 800_000, 50), (75, 3_000_000, 65), (50, 12_000_000, 100),
    (25, 70_000_000, 200), (20, 100_000_000, 250), (10, 230_000_000, 500), (5, 480_000_000, 1_000),
    (4, 600_000_000, 1_250), (3, 800_000_000, 1_500), (2, 1_200_000_000, 2_500), (1, 1_800_000_000, 5_000),
)  # fmt: skip
_MINOR = (
    (75, 10_000, 65), (50, 50_000, 100), (25, 500_000, 200), (20, 1_000_000, 250), (10, 2_000_000, 500),
    (5, 5_000_000, 1_000), (4, 6_250_000, 1_250), (2, 12_500_000, 2_500), (1, 25_000_000, 5_000),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bracket:
    """Floor and cap in 10^-8 of the margin asset, `maint_ratio` in 10^-4, `cum` in 10^-8."""

    number: int
    leverage: int
    floor: int
    cap: int
    maint_ratio: int
    cum: int


def _ladder(rows: tuple[tuple[int, int, int], ...]) -> tuple[Bracket, ...]:
    found: list[Bracket] = []
    floor, cum, before = 0, 0, rows[0][2]
    for number, (leverage, cap, maint) in enumerate(rows, 1):
        # The sum that makes the maintenance margin continuous where one bracket follows another.
        cum += floor * (maint - before) // RATIO_UNIT
        found.append(Bracket(number, leverage, floor, cap * MONEY, maint, cum))
        floor, before = cap * MONEY, maint
    return tuple(found)


_LADDERS = {True: _ladder(_MAJOR), False: _ladder(_MINOR)}


def brackets_of(base_asset: str) -> tuple[Bracket, ...]:
    """The brackets of a contract, smallest notional first."""
    return _LADDERS[base_asset in MAJOR]


def most_notional(base_asset: str, leverage: int) -> int:
    """The largest position that leverage allows, in 10^-8; 0 beyond the first bracket."""
    return max((one.cap for one in brackets_of(base_asset) if one.leverage >= leverage), default=0)


def maintenance(base_asset: str, notional: int) -> int:
    """What a position of that worth must keep, both in 10^-8."""
    ladder = brackets_of(base_asset)
    one = next((each for each in ladder if notional <= each.cap), ladder[-1])
    return notional * one.maint_ratio // RATIO_UNIT - one.cum
