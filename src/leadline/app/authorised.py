"""A private stream begins with a credential of its own: got first, then connected."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from leadline.errors import AuthError, ConnectFailed, Error
from leadline.net.websocket import Socket

Connect = Callable[[], Awaitable[Socket]]


async def authorised(authorise: Callable[[], Awaitable[None]], connect: Connect) -> Socket:
    """A socket of a private stream, with a fresh credential ready; raises ConnectFailed only.

    A key that the venue refuses is a failure for good: asking again cannot help.
    """
    try:
        await authorise()
    except ConnectFailed:
        raise
    except AuthError as error:
        raise ConnectFailed(f"the key may not open the stream: {error}", terminal=True) from error
    except Error as error:
        raise ConnectFailed(f"no credential for the stream: {error}") from error
    return await connect()
