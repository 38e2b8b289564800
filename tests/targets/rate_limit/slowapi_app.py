"""slowapi on FastAPI, by two of its strategies and without headers, each on a port of its own: 12
requests in 4 seconds. PORTS names them in the order of LIMITERS; the last port tells how many
requests each was asked."""

import asyncio
import os

import uvicorn
from asked import count, tell
from fastapi import FastAPI, Request, Response
from slowapi import Limiter, _rate_limit_exceeded_handler
from slowapi.errors import RateLimitExceeded
from slowapi.util import get_remote_address

LIMITERS = {
    "fixed": ("fixed-window", True),
    "moving": ("moving-window", True),
    "bare": ("fixed-window", False),
}


def app(name, strategy, headers):
    made = FastAPI()
    limiter = Limiter(key_func=get_remote_address, strategy=strategy, headers_enabled=headers)
    made.state.limiter = limiter
    made.add_exception_handler(RateLimitExceeded, _rate_limit_exceeded_handler)

    @made.get("/api")
    @limiter.limit("12/4 seconds")
    async def api(request: Request, response: Response):
        return {"ok": True}

    async def counted(scope, receive, send):
        if scope["type"] == "http":
            count(name)
        await made(scope, receive, send)

    return counted


async def serve(ports):
    # No header of a proxy is believed: there is none.
    servers = [
        uvicorn.Server(
            uvicorn.Config(
                app(name, *made),
                host="0.0.0.0",
                port=int(port),
                log_level="warning",
                proxy_headers=False,
            )
        )
        for port, (name, made) in zip(ports, LIMITERS.items())
    ]
    await asyncio.gather(*(server.serve() for server in servers))


*ports, telling = os.environ["PORTS"].split(",")
tell(telling)
asyncio.run(serve(ports))
