from __future__ import annotations

import pytest

from leadline.errors import Acted, ConnectFailed, ConnectionLost, Error, Refused, Rejected
from leadline.venues.unanswered import raise_unanswered

UNSENT, LOST, NO = ConnectFailed("no way"), ConnectionLost("cut"), Rejected("no")


def test_where_all_were_answered_nothing_is_raised() -> None:
    raise_unanswered([])
    raise_unanswered([None, NO])


@pytest.mark.parametrize(
    ("outcomes", "kind", "acted"),
    [
        ([UNSENT, Refused("no room")], ConnectFailed, Acted.NO),
        ([Refused("no room")], Refused, Acted.NO),
        ([None, LOST], ConnectionLost, Acted.MAYBE),
        ([UNSENT, None], ConnectFailed, Acted.MAYBE),
        ([NO, UNSENT], ConnectFailed, Acted.MAYBE),
        ([Refused("no room"), LOST], ConnectFailed, Acted.MAYBE),
    ],
)
def test_that_nothing_has_left_is_said_only_where_none_has(
    outcomes: list[object], kind: type[Error], acted: Acted
) -> None:
    with pytest.raises(kind) as raised:
        raise_unanswered(outcomes)
    assert raised.value.acted is acted
    assert ConnectFailed.acted is UNSENT.acted is Acted.NO
