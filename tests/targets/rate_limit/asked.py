"""How many requests each limiter was asked: told at GET / of a port of its own."""

import json
import threading
from wsgiref.simple_server import WSGIRequestHandler, make_server

asked = {}


def count(name):
    asked[name] = asked.get(name, 0) + 1


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


def tell(port):
    def answer(_, start_response):
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(asked).encode()]

    server = make_server("127.0.0.1", int(port), answer, handler_class=Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
