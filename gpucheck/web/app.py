"""The web application: an inventory, the names under which it is shown, and what becomes of failures."""

from collections.abc import Callable, Collection

from flask import Flask, Response, make_response, request
from werkzeug.exceptions import HTTPException

from gpucheck.model.base import GpucheckError
from gpucheck.store.store import Store
from gpucheck.web import guard
from gpucheck.web.pages import page
from gpucheck.web.refusal import TITLES
from gpucheck.web.views import Views

_FAULTS = {"call": 404, "store": 503}
_MESSAGES = {404: "There is nothing at this address.", 405: "These pages are only read; nothing is changed by them."}
OWN_FAULT = "The page could not be made. Where gpucheck was started, a line tells why."


def make_app(
    store: Store, hosts: Collection[str] = (), tell: Callable[[Exception, str], object] | None = None
) -> Flask:
    """Return the application that shows ``store``, also under the names ``hosts``.

    ``tell`` is called with a failure of our own and the address that met it.
    """
    app = Flask(__name__, static_folder=None, template_folder=None)
    app.url_map.merge_slashes = False
    guard.install(app, hosts)
    Views(store).install(app)

    @app.errorhandler(Exception)
    def failed(error: Exception) -> Response:
        status, message, hint = _told(error)
        if status == 500 and tell is not None:
            tell(error, request.path)
        text = page("error.html", title=TITLES.get(status, TITLES[400]), message=message, hint=hint)
        return make_response(text, status)

    return app


def _told(error: Exception) -> tuple[int, str, str]:
    """The status of a failure, and what a person is told of it."""
    if isinstance(error, HTTPException):
        status = error.code or 500
        return status, _MESSAGES.get(status, "The request means nothing here."), ""
    if isinstance(error, GpucheckError):
        status = getattr(error, "status", 0) or _FAULTS.get(getattr(error, "fault", ""), 500)
        if status != 500:
            return status, error.message, error.hint
    return 500, OWN_FAULT, ""
