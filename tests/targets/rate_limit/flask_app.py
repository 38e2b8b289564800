"""Flask-Limiter by each of its strategies, and without headers, each on a port of its own: 12
requests in 4 seconds. PORTS names them in the order of STRATEGIES."""

import os
import threading

from flask import Flask, jsonify
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from werkzeug.serving import WSGIRequestHandler, make_server

STRATEGIES = [
    ("fixed-window", True),
    ("moving-window", True),
    ("sliding-window-counter", True),
    ("fixed-window", False),
]


class Quiet(WSGIRequestHandler):
    def log_request(self, *_):
        pass


def app(strategy, headers):
    made = Flask(strategy)
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

    return made


servers = [
    make_server("0.0.0.0", int(port), app(*strategy), threaded=True, request_handler=Quiet)
    for port, strategy in zip(os.environ["PORTS"].split(","), STRATEGIES)
]
threads = [threading.Thread(target=server.serve_forever) for server in servers]
for thread in threads:
    thread.start()
