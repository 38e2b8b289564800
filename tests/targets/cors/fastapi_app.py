"""Every way in which FastAPI lets pages of other origins in, each below a path of its own."""

import json
import os

import uvicorn
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware

APP = "https://app.example.com"


def api(**options):
    server = FastAPI()
    if options:
        server.add_middleware(CORSMiddleware, **options)

    @server.get("/api/users")
    def users():
        return {"name": "Ada"}

    return server


ALL = {"allow_credentials": True, "allow_methods": ["*"], "allow_headers": ["*"]}
VARIANTS = {
    "fastapi-list": api(allow_origins=[APP], **ALL),
    "fastapi-star": api(allow_origins=["*"], **ALL),
    "fastapi-pattern": api(allow_origin_regex=r"https://.*\.example\.com", **ALL),
    "fastapi-methods": api(allow_origins=[APP], allow_credentials=True, allow_headers=["*"]),
    "fastapi-none": api(),
}

counts = {}


async def dispatch(scope, receive, send):
    """Answers `/counts` with how many requests each variant got."""
    if scope["type"] != "http":
        return
    _, name, *rest = scope["path"].split("/")
    if name in VARIANTS:
        counts[name] = counts.get(name, 0) + 1
        path = "/" + "/".join(rest)
        await VARIANTS[name](dict(scope, path=path, raw_path=path.encode()), receive, send)
        return
    status = 200 if name == "counts" else 404
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": json.dumps(counts).encode()})


uvicorn.run(
    dispatch, host="127.0.0.1", port=int(os.environ["PORT"]), lifespan="off", log_level="error"
)
