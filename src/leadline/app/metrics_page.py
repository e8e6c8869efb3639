"""The Prometheus page: on loopback alone, read only, for whoever is on this machine.

Rule: a request whose Host is not this machine's own is refused, so that no web page elsewhere can read it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.registry import Collector
from yarl import URL

from leadline.errors import ConfigError
from leadline.net.endpoint import is_loopback

HOST = "127.0.0.1"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


@asynccontextmanager
async def metrics_page(collector: Collector, port: int) -> AsyncIterator[str]:
    """Serve the metrics of a collector and of this process; gives the address, port 0 takes a free one.

    Raises ConfigError where the port is taken.
    """
    registry = CollectorRegistry()
    registry.register(collector)
    ProcessCollector(registry=registry)

    async def page(request: web.Request) -> web.Response:
        if not is_loopback(URL(f"http://{request.host}")):
            raise web.HTTPForbidden(text="this page is for this machine alone\n")
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE})

    app = web.Application()
    app.router.add_get("/metrics", page)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, HOST, port)
        try:
            await site.start()
        except OSError as error:
            raise ConfigError(
                f"metrics.port: {port} cannot be used ({error.strerror}); choose another"
            ) from error
        bound = runner.addresses[0][1]
        yield f"http://{HOST}:{bound}/metrics"
    finally:
        await runner.cleanup()
