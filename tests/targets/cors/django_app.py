"""Django with django-cors-headers, whose settings hold for a whole process: VARIANT chooses them."""

import json
import os
from wsgiref.simple_server import WSGIRequestHandler, make_server

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import JsonResponse
from django.urls import path

APP = "https://app.example.com"
VARIANTS = {
    "django-list": {"CORS_ALLOWED_ORIGINS": [APP]},
    "django-all": {"CORS_ALLOW_ALL_ORIGINS": True},
    "django-pattern": {"CORS_ALLOWED_ORIGIN_REGEXES": [r"^https://app\.example\.com"]},
}
name = os.environ["VARIANT"]
settings.configure(
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["corsheaders"],
    MIDDLEWARE=["corsheaders.middleware.CorsMiddleware"],
    ROOT_URLCONF=__name__,
    SECRET_KEY="of a test",
    CORS_ALLOW_CREDENTIALS=True,
    **VARIANTS[name],
)
urlpatterns = [path(name + "/api/users", lambda request: JsonResponse({"name": "Ada"}))]
django = get_wsgi_application()
count = 0


def dispatch(environment, start):
    """Answers `/counts` with how many requests came."""
    global count
    if environment["PATH_INFO"] == "/counts":
        start("200 OK", [("Content-Type", "application/json")])
        return [json.dumps({name: count}).encode()]
    count += 1
    return django(environment, start)


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


make_server("127.0.0.1", int(os.environ["PORT"]), dispatch, handler_class=Quiet).serve_forever()
