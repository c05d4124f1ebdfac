"""An application service in a Flask application.

>>> site.register_blueprint(blueprint(app), url_prefix="/bridge")

The ``url`` of the registration is then that of the site with ``/bridge`` behind it. The commands
``flask appservice check`` and ``flask appservice register`` are there once this is installed.
"""

from __future__ import annotations

from functools import partial
from io import BytesIO
from typing import IO, Any
from urllib.parse import quote

from .application import AppService
from .errors import MissingExtraError
from .receiver.binding import PAGES, TREES, serve

try:
    from flask import Blueprint, Response, request
    from werkzeug.exceptions import HTTPException
    from werkzeug.routing import BaseConverter
    from werkzeug.wsgi import get_input_stream
except ImportError as error:
    raise MissingExtraError("appservice_api.flask", "flask") from error

__all__ = ["EXTENSION", "blueprint"]

#: Where Flask's ``extensions`` have the application services, by the names of their blueprints.
EXTENSION = "appservice"
# A method that no route has is the receiver's to refuse.
_METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT")


class _Rest(BaseConverter):
    """All that follows, slashes and line feeds, too: the receiver refuses what it doesn't know."""

    part_isolating = False
    regex = r"[\s\S]+"
    weight = 200


def blueprint(app: AppService, name: str = "appservice") -> Blueprint:
    """Make the blueprint that receives what the homeserver sends.

    It serves ``/_matrix/app/...``, ``/healthz``, ``/readyz`` and the paths of old homeservers,
    ``/transactions/...``, ``/users/...`` and ``/rooms/...``: give it a ``url_prefix`` if the site
    has pages there. Bodies may be as large as the application service's ``max_body`` allows; the
    site's ``MAX_CONTENT_LENGTH`` holds for the other views only. With Flask-WTF's
    ``CSRFProtect``, exempt the blueprint: ``csrf.exempt(...)``.

    Args:
        app: The application service.
        name: The name of the blueprint.
    """
    made = Blueprint(name, __name__)
    made.record(lambda state: state.app.url_map.converters.update(appservice=_Rest))
    options: dict[str, Any] = {"methods": _METHODS, "provide_automatic_options": False}
    for path in PAGES:
        made.add_url_rule(path, path[1:], partial(_receive, app, path), **options)
    for path in TREES:
        endpoint = path.strip("/").replace("/", "_")
        view = partial(_receive, app, path)
        made.add_url_rule(
            f"{path}/<appservice:rest>", endpoint, view, merge_slashes=False, **options
        )
    made.record(
        lambda state: state.app.extensions.setdefault(EXTENSION, {}).update({state.name: app})
    )
    made.record(partial(_bind, app))
    return made


def _bind(app: AppService, state: Any) -> None:
    """Give each attempt of a handler an application context of its own: another ``g``, other
    database sessions."""
    app.receiver.units.default = state.app.app_context


def _receive(app: AppService, path: str, rest: str | None = None) -> Response:
    if rest is not None:
        path = f"{path}/{rest}"
    query = request.query_string.decode("latin-1")
    stream = _body()

    def read(size: int) -> bytes:
        try:
            return stream.read(size)
        except (HTTPException, OSError):  # the homeserver has gone
            return b""

    made = serve(app.receiver, request.method, quote(path), query, request.headers, read)
    return Response(made.data, made.status, made.headers)


def _body() -> IO[bytes]:
    if "stream" in vars(request):
        # A hook of the site has read it, and Flask has kept it.
        return BytesIO(request.get_data())
    return get_input_stream(request.environ)
