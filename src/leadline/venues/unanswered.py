"""What to raise of several requests that were to leave for one call, where not all of them were answered.

Rule: that nothing has left is said only where none has.
"""

from __future__ import annotations

from collections.abc import Iterable

from leadline.errors import Acted, ConnectFailed, Error, Refused, VenueError

_UNSENT = (ConnectFailed, Refused)


def raise_unanswered(outcomes: Iterable[object]) -> None:
    """Raise for outcomes among which some are what kept an answer away; a refusal is an answer.

    Where one request never left that is what is raised, so that all are tried again; it may have acted unless
    none has left.
    """
    told = list(outcomes)
    silent = [one for one in told if isinstance(one, Error) and not isinstance(one, VenueError)]
    unsent = next((one for one in silent if isinstance(one, _UNSENT)), None)
    if silent and (unsent is None or all(isinstance(one, _UNSENT) for one in told)):
        raise silent[0]
    if unsent is not None:
        partly = ConnectFailed(f"not every request has left: {unsent}")
        partly.acted = Acted.MAYBE
        raise partly
