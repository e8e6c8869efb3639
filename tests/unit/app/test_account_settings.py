from __future__ import annotations

import base64
from dataclasses import replace
from pathlib import Path

import pytest

from leadline.app.account_settings import AccountSettings
from leadline.app.config import Settings, parse_settings, settings_of, settings_of_account, state_home
from leadline.core.nonce import Scale
from leadline.errors import ConfigError
from leadline.venues.kraken.kit import RawKrakenAccount
from leadline.venues.kraken.limits import Tier

KEY, SECRET = "K" * 56, base64.b64encode(b"s" * 64).decode()
OTHER = "L" * 56
VARIABLES = {"KRAKEN_API_KEY": KEY, "KRAKEN_PRIVATE_KEY": SECRET}
BOTH = f"api_key: {KEY}, private_key: {SECRET}"


def parsed(kraken: str, environment: dict[str, str] | None = None) -> Settings:
    return parse_settings(f"venues: {{kraken: {{{kraken}}}}}", "f.yaml", environment or {})


def test_credentials_are_the_account_main() -> None:
    settings = parsed(f"credentials: {{{BOTH}}}")

    account = settings.account()
    assert (account.name, account.key.api_key, account.key.credentials.secret) == ("main", KEY, SECRET)
    assert (account.key.tier, account.dead_man_s, account.cancel_on_exit) == (Tier.INTERMEDIATE, 0, False)


def test_credentials_come_from_variables() -> None:
    text = "credentials: {api_key: '${KRAKEN_API_KEY}', private_key: '${KRAKEN_PRIVATE_KEY}', otp: '${P}'}"

    credentials = parsed(text, VARIABLES | {"P": "pass"}).account().key.credentials

    assert (credentials.api_key, credentials.secret, credentials.otp) == (KEY, SECRET, "pass")


def test_accounts_have_names_and_settings_of_their_own() -> None:
    settings = parsed(
        f"credentials: {{{BOTH}}}, accounts: {{second: {{api_key: {OTHER}, private_key: {SECRET}, tier: pro, "
        "dead_man_s: 60, cancel_on_exit: true, nonce_floor: nanoseconds, formerly: abcd, orders_per_s: 12.5}}"
    )

    second = settings.account("second")
    assert [account.name for account in settings.accounts] == ["main", "second"]
    assert (second.key.tier, second.dead_man_s, second.cancel_on_exit) == (Tier.PRO, 60, True)
    assert second.orders_per_s == 12.5
    assert (second.key.nonce_floor, second.formerly) == (Scale.NANOSECONDS, "abcd")
    assert second.fingerprint != settings.account().fingerprint


def test_without_a_file_the_environment_is_the_account() -> None:
    assert settings_of_account(None, "main", None, VARIABLES).account().key.api_key == KEY
    assert settings_of(None, None, {}, with_account=True) == Settings()


def test_a_file_without_credentials_takes_none_from_the_environment(tmp_path: Path) -> None:
    (tmp_path / "f.yaml").write_text("{}")

    with pytest.raises(
        ConfigError, match="no account is set; put KRAKEN_API_KEY and KRAKEN_PRIVATE_KEY into"
    ):
        settings_of_account(tmp_path / "f.yaml", "main", None, VARIABLES)


@pytest.mark.parametrize(
    ("kraken", "message"),
    [
        (
            f"credentials: {{api_key: {KEY}}}",
            r"venues\.kraken\.credentials: missing private_key; write private_key: \$\{KRAKEN",
        ),
        (f"credentials: {{private_key: {SECRET}}}", r"venues\.kraken\.credentials: missing api_key; "),
        (
            "credentials: {api_key: '${NOPE}', private_key: x}",
            r"credentials: the environment has no variable 'NOPE'",
        ),
        (f"credentials: {{api_key: {KEY}, private_key: '!!'}}", r"venues\.kraken\.credentials: .*not base64"),
        (
            f"credentials: {{api_key: {KEY}, private_key: c2hvcnQ=}}",
            r"venues\.kraken\.credentials: .*5 bytes instead of 64",
        ),
        (f"credentials: {{api_key: short, private_key: {SECRET}}}", r"5 characters instead of 56"),
        (
            f"credentials: {{{BOTH}, tier: vip}}",
            r"credentials: tier: it is none of starter, intermediate, pro",
        ),
        (
            f"credentials: {{{BOTH}, orders_per_s: 0}}",
            r"orders_per_s: 0 is not possible; leave it out for no limit, else more than 0 and at most 1000",
        ),
        (
            f"credentials: {{{BOTH}, dead_man_s: 5}}",
            r"dead_man_s: 5 is not possible; 0 leaves the switch alone",
        ),
        (
            f"credentials: {{{BOTH}, dead_man_s: soon}}",
            r"credentials\.dead_man_s: expected a whole number, found a text",
        ),
        (
            f"credentials: {{{BOTH}, cancel_on_exit: perhaps}}",
            r"cancel_on_exit: expected true or false, found a text",
        ),
        (f"credentials: {{{BOTH}, nonce_floor: high}}", r"credentials: nonce_floor: it is neither"),
        (
            f"credentials: {{{BOTH}, colour: red}}",
            r"credentials\.colour: there is no such setting; valid here: api_key, formerly, ",
        ),
        ("accounts: {x: {colour: red}}", r"accounts.*colour: there is no such setting; valid here: api_key"),
        ("accounts: {x: {}}", r"venues\.kraken\.accounts\.x: missing api_key"),
        (f"accounts: {{'../x': {{{BOTH}}}}}", r"kraken\.accounts: an account is named by up to 40 letters"),
        (
            f"credentials: {{{BOTH}}}, accounts: {{main: {{{BOTH}}}}}",
            r"accounts\.main: credentials is this account already",
        ),
        (f"accounts: {{a: {{{BOTH}}}, b: {{{BOTH}}}}}", r"accounts a and b have the same key"),
        (f"credentials: {SECRET}", r"venues\.kraken\.credentials: expected settings by name, found a text"),
    ],
)
def test_an_error_names_the_place_and_the_cure_and_no_secret(kraken: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        parsed(kraken)

    assert str(caught.value).startswith("f.yaml: ")
    assert KEY not in str(caught.value)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({"KRAKEN_API_KEY": KEY}, "has KRAKEN_API_KEY and no KRAKEN_PRIVATE_KEY; set both, or neither"),
        (
            {"KRAKEN_PRIVATE_KEY": SECRET, "KRAKEN_API_KEY": ""},
            "has KRAKEN_PRIVATE_KEY and no KRAKEN_API_KEY",
        ),
        (VARIABLES | {"KRAKEN_PRIVATE_KEY": "no"}, "the environment: the Kraken private key"),
    ],
)
def test_half_an_environment_is_said(environment: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        settings_of_account(None, "main", None, environment)


def test_an_account_that_is_not_there_is_told_by_those_that_are() -> None:
    settings = parsed(f"credentials: {{{BOTH}}}")

    with pytest.raises(ConfigError, match="there is no account 'other'; there are main at Kraken"):
        settings.account("other")


def test_no_repr_shows_a_secret() -> None:
    settings = parsed(f"credentials: {{{BOTH}, otp: canary}}")

    for shown in (
        repr(settings),
        repr(settings.account()),
        repr(RawKrakenAccount(KEY, private_key=SECRET)),
        f"{settings}",
    ):
        assert KEY not in shown
        assert SECRET not in shown
        assert "canary" not in shown


def test_the_fingerprint_depends_on_the_key_alone() -> None:
    account = parsed(f"credentials: {{{BOTH}}}").account()

    assert account.fingerprint == AccountSettings("other", replace(account.key, tier=Tier.PRO)).fingerprint
    assert KEY[:8] not in account.fingerprint


def test_state_lies_where_it_is_told_or_where_the_platform_has_it() -> None:
    assert parse_settings("state_dir: '${D}/x'", "f.yaml", {"D": "/d"}).state_dir == Path("/d/x")
    assert parse_settings("state_dir: ~/x", "f.yaml", {}).state_dir == Path.home() / "x"
    assert parse_settings("", "f.yaml", {}).state_dir is None
    assert state_home({"XDG_STATE_HOME": "/s"}) == Path("/s/leadline")
    assert state_home({}) == Path.home() / ".local" / "state" / "leadline"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("state_dir: x", "state_dir: 'x' depends on where one stands"),
        ("state_dir: '${D}'", "no variable 'D'"),
    ],
)
def test_a_state_dir_that_cannot_be_is_said(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=rf"f\.yaml: state_dir: .*{message.split(': ')[-1]}"):
        parse_settings(text, "f.yaml", {})
