"""Flask-Limiter by each of its strategies, and without headers, each on a port of its own: 12
requests in 4 seconds. PORTS names them in the order of STRATEGIES; the last port tells how many
requests each was asked."""

import os
import threading

from asked import count, tell
from flask import Flask, jsonify
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from werkzeug.serving import WSGIRequestHandler, make_server

STRATEGIES = {
    "fixed": ("fixed-window", True),
    "moving": ("moving-window", True),
    "counter": ("sliding-window-counter", True),
    "bare": ("fixed-window", False),
}


class Quiet(WSGIRequestHandler):
    def log_request(self, *_):
        pass


def app(name, strategy, headers):
    made = Flask(name)
    Limiter(
        get_remote_address,
        app=made,
        default_limits=["12 per 4 second"],
        storage_uri="memory://",
        strategy=strategy,
        headers_enabled=headers,
    )

    @made.get("/api")
    def api():
        return jsonify(ok=True)

    def counted(environ, start_response):
        count(name)
        return made(environ, start_response)

    return counted


*ports, telling = os.environ["PORTS"].split(",")
tell(telling)
servers = [
    make_server("0.0.0.0", int(port), app(name, *made), threaded=True, request_handler=Quiet)
    for port, (name, made) in zip(ports, STRATEGIES.items())
]
threads = [threading.Thread(target=server.serve_forever) for server in servers]
for thread in threads:
    thread.start()
