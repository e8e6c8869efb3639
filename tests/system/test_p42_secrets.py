"""Key, private key, tokens and signatures appear nowhere, whatever goes wrong and however much is logged."""

from __future__ import annotations

import asyncio
import base64
import gc
import logging
import traceback
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from canaries import Overheard, everything_in, leaks, overheard
from leadline.app.config import parse_settings
from leadline.app.system import System
from leadline.clock import SystemClock
from leadline.errors import (
    AuthError,
    ConfigError,
    ConnectionLost,
    Error,
    ProtocolError,
    RateLimited,
    VenueDown,
)
from leadline.model.order import Amendment
from leadline.net.capture import Meta, RecordedSocket, Recorder
from leadline.venues.ports import Path as Way
from trading_program import FAR, system_of
from trading_venue import TradingVenue, trading_venue

PATIENCE_S = 40
READY_S = 20

HTML = "<html><body>502 Bad Gateway: POST /0/private/CancelOrder</body></html>"
FAULTS: tuple[dict[str, object], ...] = (
    {"kind": "REPLY", "path": "/CancelAll", "body": '{"error":["EAPI:Invalid key"]}', "count": 1},
    {"kind": "REPLY", "path": "/CancelAll", "body": '{"error":["EAPI:Invalid signature"]}', "count": 1},
    {"kind": "REPLY", "path": "/CancelAll", "body": '{"error":["EGeneral:Permission denied"]}', "count": 1},
    {"kind": "REPLY", "path": "/CancelAll", "status": 502, "body": HTML, "count": 1},
    {"kind": "REPLY", "path": "/CancelAll", "body": '{"error":[', "count": 1},
    {"kind": "ACCEPT_THEN_DROP", "path": "CancelAll", "count": 1},
    {"kind": "REFUSE", "route": "rest", "count": 1},
    {"kind": "ACCEPT_THEN_DROP", "method": "add_order", "count": 1},
    {"kind": "CORRUPT", "channel": "executions", "count": 3},
    {"kind": "DROP", "channel": "executions", "count": 1},
    {"kind": "TOKEN_INVALID", "count": 2},
    {"kind": "CLOSE", "code": 1006},
    {"kind": "REPLY", "path": "/CancelAll", "status": 429, "body": "error code: 1015", "count": 1},
    {"kind": "REPLY", "path": "/CancelAll", "body": '{"error":["EAPI:Rate limit exceeded"]}', "count": 1},
    {"kind": "CLOSE", "code": 1008, "reason": "policy"},
)
CANARY = "cAnAryT0kenThatNob0dyMayEverSee/InAnyL0g+0fOurs"
BAD_TOKEN_ANSWERS = (
    f'{{"error":[],"result":{{"token":"{CANARY}","expires":900}}',
    f'{{"error":[],"result":{{"token":["{CANARY}"],"expires":900}}}}',
    f'{{"error":[],"result":{{"token":"{CANARY}","expires":"soon"}}}}',
    f'{{"error":[],"result":"{CANARY}"}}',
)


@pytest.fixture
async def venue(tmp_path: Path) -> AsyncIterator[TradingVenue]:
    async with trading_venue(tmp_path / "state") as running:
        yield running


@pytest.fixture
async def tapped(venue: TradingVenue) -> AsyncIterator[Overheard]:
    async with overheard(venue.settings) as relay:
        yield relay


class WithArguments(logging.Formatter):
    """The line as printed, what it was made of, and the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        return f"{super().format(record)} {record.args!r} {record.stack_info}"


@contextmanager
def everything_logged(path: Path) -> Iterator[None]:
    """Every logger there is at DEBUG, into a file."""
    handler = logging.FileHandler(path)
    handler.setFormatter(WithArguments("%(name)s %(levelname)s %(message)s"))
    root = logging.getLogger()
    loggers = [root, *(logging.getLogger(name) for name in root.manager.loggerDict)]
    before = [(logger, logger.level) for logger in loggers]
    root.addHandler(handler)
    for logger in loggers:
        logger.setLevel(logging.DEBUG)
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.close()
        for logger, level in before:
            logger.setLevel(level)


async def ended(work: Awaitable[object], errors: list[Error]) -> None:
    try:
        await work
    except Error as error:
        errors.append(error)


async def acts(system: System, errors: list[Error]) -> None:
    """What a program does, on both ways; what it is told of failures is kept."""
    assert system.account is not None
    orders, account = system.orders, system.account.account
    await ended(account.cancel_all(Way.REST), errors)
    order = None
    try:
        order = await orders.submit(FAR)
        await orders.amend(order.client_id, Amendment(limit_price=Decimal(30_001)))
    except Error as error:
        errors.append(error)
    if order is not None:
        await ended(orders.cancel(order.client_id), errors)


async def lived_through_everything(
    venue: TradingVenue, settings: Overheard, recorder: Recorder, errors: list[Error]
) -> dict[str, bytes]:
    """A program under every fault; what its objects say of themselves at the end."""
    system = system_of(
        settings.settings,
        socket=lambda inner: RecordedSocket(inner, recorder, settings.settings.endpoints.ws_private),
    )
    async with system:
        await system.ready(READY_S)
        assert system.account is not None
        for fault in FAULTS:
            await venue.inject(**fault)
            await acts(system, errors)
        await venue.heal()
        for body in BAD_TOKEN_ANSWERS:
            await venue.inject(kind="REPLY", path="/GetWebSocketsToken", body=body, count=1)
            await venue.inject(kind="CLOSE", code=1006)
            await ended(system.account.account.fetch_token(), errors)
        await venue.heal()
        await venue.inject(kind="REPLY", path="/CancelAll", body='{"error":["EAPI:Invalid nonce"]}')
        await acts(system, errors)
        return told_of_themselves(system)


def told_of_themselves(system: System) -> dict[str, bytes]:
    """The repr of everything of ours that lives now, and the audit."""
    assert system.account is not None
    homes = ((one, str(type(one).__module__)) for one in gc.get_objects())
    ours = [one for one, home in homes if home.startswith("leadline.") and "emulator" not in home]
    said = [repr(one) for one in ours]
    assert len(said) > 100
    return {
        "repr": "\n".join(said).encode(),
        "audit": "\n".join(map(str, system.account.audit.operations)).encode(),
    }


async def test_no_secret_is_told_by_a_program_that_meets_every_fault(
    venue: TradingVenue, tapped: Overheard, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = 0.0
    log, errors = tmp_path / "log", list[Error]()
    with (
        everything_logged(log),
        Recorder(tmp_path / "private.jsonl", Meta("kraken"), SystemClock()) as recorder,
    ):
        async with asyncio.timeout(PATIENCE_S):
            places = await lived_through_everything(venue, tapped, recorder, errors)
    loop.set_debug(False)
    secrets = tapped.secrets() | {CANARY}
    captured = capfd.readouterr()

    told = "".join(f"{error!r} {vars(error)!r} {crash(error)}" for error in errors)
    places |= everything_in(tmp_path) | {"errors": told.encode()}
    places |= {"stdout": captured.out.encode(), "stderr": captured.err.encode()}
    assert len(secrets) > 2 + len(FAULTS)  # the key, the private key, and many signatures and tokens
    assert leaks(secrets, {"traffic": bytes(tapped.traffic)})  # so the search does find them
    for kind in (AuthError, ConnectionLost, ProtocolError, RateLimited, VenueDown):
        assert any(isinstance(error, kind) for error in errors), kind
    assert log.stat().st_size > 10_000
    assert b'token\\":\\"***' in (tmp_path / "private.jsonl").read_bytes()
    assert leaks(secrets, places) == []


def crash(error: Error) -> str:
    """What a crash report would print: the whole way, with what stood in the variables on it."""
    return "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())


def plain_crash(error: Error) -> str:
    """What Python prints of an unhandled one; the variables of a reader of settings are the settings."""
    return "".join(traceback.format_exception(error))


# --- settings that are wrong ---

SECRET = base64.b64encode(bytes(range(100, 164))).decode()
KEY = "K3yThatIsLongEnoughToBeOneOfKrakensAndIsNot0OfThem+/abcd"
WRONG_FILES = {
    "a name misspelled": "credentials: {{api_kye: {key}, private_key: {secret}}}",
    "a list": "credentials: [{key}, {secret}]",
    "a text": "credentials: {key}:{secret}",
    "a variable that is the value": "credentials: {{api_key: '${{{key}}}', private_key: '${{{secret}}}'}}",
    "no private key": "credentials: {{api_key: {key}}}",
    "half a private key": "credentials: {{api_key: {key}, private_key: {half}}}",
    "each in the place of the other": "credentials: {{api_key: {secret}, private_key: {key}}}",
    "a password with white space": "credentials: {{api_key: {key}, private_key: {secret}, otp: '{key} 1'}}",
    "not YAML": "credentials: {{api_key: {key}, private_key: {secret}",
    "not YAML at the value": "credentials:\n      api_key: '{key}\n      private_key: {secret}",
    "a tag": "credentials: {{api_key: !{key} x, private_key: {secret}}}",
    "an account named by its key": "accounts: {{'{key}': {{api_key: {key}, private_key: {secret}}}}}",
    "the key as the account": "credentials: {{api_key: {key}, private_key: {secret}}}\n    {key}: {secret}",
    "in the address": "endpoints: {{rest: 'https://{key}:{secret}@127.0.0.1'}}",
    "in another setting": "credentials: {{api_key: {key}, private_key: {secret}, tier: {secret}}}",
    "as a floor": "credentials: {{api_key: {key}, private_key: {secret}, nonce_floor: {secret}}}",
}


@pytest.mark.parametrize("wrong", WRONG_FILES)
def test_settings_that_are_wrong_are_told_without_what_is_secret_in_them(wrong: str) -> None:
    text = WRONG_FILES[wrong].format(key=KEY, secret=SECRET, half=SECRET[:44])
    with pytest.raises(ConfigError) as caught:
        parse_settings(f"venues:\n  kraken:\n    {text}\n", "settings.yaml", {})

    assert leaks({KEY, SECRET}, {wrong: (plain_crash(caught.value) + repr(caught.value)).encode()}) == []
