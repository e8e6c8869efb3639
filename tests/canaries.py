"""Secrets that must appear nowhere, overheard on their way to the venue, and the search for them."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote, quote_plus, urlsplit

from leadline.app.config import Settings

PIECE = 16
"""So many characters of a secret in a row are the secret."""

_HEADER = re.compile(rb"^API-(?:Key|Sign): (\S+)\r$", re.MULTILINE | re.IGNORECASE)
_TOKEN = re.compile(rb'"token": ?"([^"]{20,})"')


@dataclass(frozen=True)
class Overheard:
    """The venue's address as the program sees it, and every byte that went through."""

    settings: Settings
    traffic: bytearray

    def secrets(self) -> set[str]:
        """Key, signatures and tokens as they travelled, and the private key, which never does."""
        [main] = self.settings.accounts
        found = {one.decode() for one in _HEADER.findall(self.traffic) + _TOKEN.findall(self.traffic)}
        return found | {main.key.api_key, main.key.credentials.secret}


@asynccontextmanager
async def overheard(settings: Settings) -> AsyncIterator[Overheard]:
    """A relay before the venue; programs are given its address."""
    venue = urlsplit(settings.endpoints.rest)
    traffic = bytearray()
    tasks: set[asyncio.Task[None]] = set()

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while some := await reader.read(65_536):
                traffic.extend(some)
                writer.write(some)
        except ConnectionError:
            pass
        finally:
            with suppress(ConnectionError):
                writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_connection(venue.hostname, venue.port)
        for pair in ((reader, there[1]), (there[0], writer)):
            task = asyncio.create_task(carry(*pair))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    kraken = settings.endpoints
    names = ("ws_public", "ws_private", "ws_level3", "rest")
    moved = {name: getattr(kraken, name).replace(f":{venue.port}", f":{port}") for name in names}
    try:
        yield Overheard(Settings(replace(kraken, **moved), settings.accounts, settings.state_dir), traffic)
    finally:
        server.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def leaks(secrets: Iterable[str], places: dict[str, bytes]) -> list[str]:
    """Where a secret stands, whole or in a piece, in any of its spellings; never which one."""
    pieces = {piece for secret in secrets for form in _forms(secret) for piece in _pieces(form)}
    return sorted(
        f"{place}, byte {there.find(piece)}"
        for place, there in places.items()
        for piece in pieces
        if piece in there
    )


def everything_in(folder: Path) -> dict[str, bytes]:
    """Every file under a folder, its bytes and its name."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {str(path): path.read_bytes() + str(path.relative_to(folder)).encode() for path in files}


def _forms(secret: str) -> set[bytes]:
    forms = {
        secret,
        quote(secret, safe=""),
        quote_plus(secret),
        json.dumps(secret),
        secret.replace("/", "\\/"),
    }
    found = {form.encode() for form in forms}
    with suppress(ValueError):
        raw = base64.b64decode(secret, validate=True)
        found |= {raw, raw.hex().encode(), repr(raw)[2:-1].encode(), base64.urlsafe_b64encode(raw)}
    return found


def _pieces(form: bytes) -> set[bytes]:
    last = max(0, len(form) - PIECE)
    return {form[start : start + PIECE] for start in [*range(0, last, 4), last]}
