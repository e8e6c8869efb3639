from __future__ import annotations

from collections.abc import Iterable

import aiohttp
import pytest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector
from yarl import URL

from leadline.app.metric_rows import one
from leadline.app.metrics_page import metrics_page
from leadline.errors import ConfigError


class Three(Collector):
    def collect(self) -> Iterable[Metric]:
        yield one("leadline_gaps", 3)

    def describe(self) -> Iterable[Metric]:
        return ()


async def test_the_page_is_what_prometheus_reads() -> None:
    async with metrics_page(Three(), 0) as address, aiohttp.ClientSession() as client:
        async with client.get(address) as response:
            text = await response.text()

        assert (response.status, response.headers["Content-Type"].split(";")[0]) == (200, "text/plain")
        families = {family.name: family for family in text_string_to_metric_families(text)}
        assert families["leadline_gaps"].samples[0].value == 3
        assert families["process_resident_memory_bytes"].samples[0].value > 0


async def test_it_listens_on_loopback_alone() -> None:
    async with metrics_page(Three(), 0) as address:
        assert URL(address).host == "127.0.0.1"


@pytest.mark.parametrize("host", ["evil.example", "192.168.1.7:9464", "localhost.evil.example"])
async def test_a_page_elsewhere_cannot_have_it_read_by_a_name_of_its_own(host: str) -> None:
    async with (
        metrics_page(Three(), 0) as address,
        aiohttp.ClientSession() as client,
        client.get(address, headers={"Host": host}) as response,
    ):
        assert response.status == 403
        assert "leadline" not in await response.text()


@pytest.mark.parametrize(("method", "path", "status"), [("POST", "/metrics", 405), ("GET", "/", 404)])
async def test_nothing_but_the_page_is_answered(method: str, path: str, status: int) -> None:
    async with (
        metrics_page(Three(), 0) as address,
        aiohttp.ClientSession() as client,
        client.request(method, URL(address).with_path(path)) as response,
    ):
        assert response.status == status


async def test_a_port_that_is_taken_is_an_error_with_its_cure() -> None:
    async with metrics_page(Three(), 0) as address:
        port = URL(address).port
        assert port is not None
        with pytest.raises(
            ConfigError, match=rf"metrics\.port: {port} cannot be used \(.*\); choose another"
        ):
            async with metrics_page(Three(), port):
                pass


async def test_the_port_is_free_again_afterwards() -> None:
    async with metrics_page(Three(), 0) as address:
        port = URL(address).port or 0
    async with metrics_page(Three(), port) as again:
        assert again == address
