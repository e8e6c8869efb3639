"""The line of single orders says why it does not come."""

from __future__ import annotations

import pytest

from leadline.app.level3 import no_address
from leadline.errors import ConnectFailed


async def test_without_an_address_there_is_no_line_and_no_second_try() -> None:
    with pytest.raises(ConnectFailed, match="no address") as refused:
        await no_address()
    assert refused.value.terminal
