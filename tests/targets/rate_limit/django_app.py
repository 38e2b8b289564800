"""django-ratelimit, and the throttles of Django REST framework, each on a port of its own: 12
requests in 4 seconds. PORTS names them in the order of VIEWS; the last port tells how many requests
each was asked."""

import logging
import os
import threading

import django
from asked import count, tell
from django.conf import settings
from django.http import JsonResponse
from django.urls import path
from werkzeug.serving import WSGIRequestHandler, make_server

settings.configure(
    ALLOWED_HOSTS=["*"],
    CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
    INSTALLED_APPS=["rest_framework"],
    LOGGING_CONFIG=None,
    REST_FRAMEWORK={
        "DEFAULT_AUTHENTICATION_CLASSES": [],
        "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
        "UNAUTHENTICATED_USER": None,
    },
    ROOT_URLCONF=__name__,
    SECRET_KEY="of a test that signs nothing",
)
django.setup()

from django.core.wsgi import get_wsgi_application
from django_ratelimit.decorators import ratelimit
from rest_framework.response import Response
from rest_framework.throttling import AnonRateThrottle
from rest_framework.views import APIView


@ratelimit(key="ip", rate="12/4s", block=True)
def blocked(request):
    return JsonResponse({"ok": True})


class Throttle(AnonRateThrottle):
    """A rate whose period is none of the framework's, in the way that it leaves for that."""

    rate = "12/4s"

    def parse_rate(self, rate):
        number, period = rate.split("/")
        return int(number), int(period.removesuffix("s"))


class DirectThrottle(Throttle):
    """As under NUM_PROXIES = 0, which is one setting for all views."""

    scope = "direct"

    def get_ident(self, request):
        return request.META["REMOTE_ADDR"]


class Throttled(APIView):
    throttle_classes = [Throttle]

    def get(self, request):
        return Response({"ok": True})


VIEWS = {
    "ratelimit": blocked,
    "rest": Throttled.as_view(),
    "rest_direct": Throttled.as_view(throttle_classes=[DirectThrottle]),
}
urlpatterns = [path(f"{name}/api", view) for name, view in VIEWS.items()]


class Quiet(WSGIRequestHandler):
    def log_request(self, *_):
        pass


application = get_wsgi_application()


def app(name):
    """The view alone, at the root of its port."""

    def counted(environ, start_response):
        count(name)
        environ["PATH_INFO"] = f"/{name}{environ['PATH_INFO']}"
        return application(environ, start_response)

    return counted


# It logs what it refuses.
logging.disable()
*ports, telling = os.environ["PORTS"].split(",")
tell(telling)
servers = [
    make_server("0.0.0.0", int(port), app(name), threaded=True, request_handler=Quiet)
    for port, name in zip(ports, VIEWS)
]
threads = [threading.Thread(target=server.serve_forever) for server in servers]
for thread in threads:
    thread.start()
