from __future__ import annotations

import ssl

import pytest
from yarl import URL

from leadline.errors import ConfigError
from leadline.net.endpoint import endpoint, is_loopback, proxy_for, verifying

PROXY_NAMES = ("http_proxy", "https_proxy", "ws_proxy", "wss_proxy", "all_proxy", "no_proxy")


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in PROXY_NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    return monkeypatch


@pytest.mark.parametrize(
    "url", ["wss://venue.example/v2", "ws://127.0.0.1:9/v2", "ws://localhost/v2", "ws://[::1]:9/v2"]
)
def test_encrypted_addresses_and_loopback_are_accepted(url: str) -> None:
    assert str(endpoint(url, "wss")) == url


@pytest.mark.parametrize("url", ["ws://venue.example/v2", "ws://10.0.0.1/v2", "ws://localhost.evil.example/"])
def test_plain_text_to_anywhere_else_is_refused_with_the_cure(url: str) -> None:
    with pytest.raises(ConfigError, match="unencrypted; use wss://"):
        endpoint(url, "wss")


@pytest.mark.parametrize("url", ["https://venue.example", "venue.example", "", "wss://", "wss://[::1"])
def test_an_address_of_another_form_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="is not an address"):
        endpoint(url, "wss")


@pytest.mark.parametrize(
    "url", ["https://key:secret@host", "http://secret@127.0.0.1", "https://a/secret@host"]
)
def test_an_address_with_a_password_in_it_is_refused_and_not_printed(url: str) -> None:
    with pytest.raises(ConfigError, match="no @ and no password") as caught:
        endpoint(url, "https")

    assert "secret" not in str(caught.value)


def test_loopback_is_told_by_number_not_by_looks() -> None:
    assert is_loopback(URL("http://127.9.9.9"))
    assert not is_loopback(URL("http://127.0.0.1.example"))


def test_an_authority_that_checks_nothing_is_refused() -> None:
    blind = ssl.create_default_context()
    blind.check_hostname = False
    with pytest.raises(ConfigError, match="does not verify"):
        verifying(blind)

    blind.verify_mode = ssl.CERT_NONE
    with pytest.raises(ConfigError, match="does not verify"):
        verifying(blind)

    careful = ssl.create_default_context()
    assert verifying(careful) is careful
    assert verifying(None) is True


def test_a_websocket_goes_through_the_https_proxy(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("https_proxy", "http://name:secret@proxy.example:3128")

    proxy = proxy_for(URL("wss://venue.example/v2"))

    assert proxy is not None
    assert str(proxy.url) == "http://proxy.example:3128"
    assert proxy.headers == {"Proxy-Authorization": "Basic bmFtZTpzZWNyZXQ="}


def test_the_most_specific_proxy_wins_and_a_bare_host_means_http(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("all_proxy", "http://all.example")
    environment.setenv("wss_proxy", "wss-proxy.example:8080")

    for address, expected in (("wss://v.example", "wss-proxy.example"), ("https://v.example", "all.example")):
        proxy = proxy_for(URL(address))
        assert proxy is not None
        assert proxy.url.host == expected
        assert proxy.headers == {}


def test_loopback_and_excepted_hosts_have_no_proxy(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("https_proxy", "http://proxy.example")
    environment.setenv("http_proxy", "http://proxy.example")
    environment.setenv("no_proxy", "venue.example")

    assert proxy_for(URL("ws://127.0.0.1:9/v2")) is None
    assert proxy_for(URL("https://localhost:9/")) is None
    assert proxy_for(URL("https://venue.example")) is None
    environment.delenv("https_proxy")
    assert proxy_for(URL("https://other.example")) is None


def test_a_proxy_of_an_unknown_kind_is_refused_by_name(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("all_proxy", "socks5://proxy.example")

    with pytest.raises(ConfigError, match="socks5://"):
        proxy_for(URL("wss://venue.example"))
