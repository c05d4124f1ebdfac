"""What the client's methods send, against the specification: the table of facts everywhere, and
the specification's own OpenAPI files where they are."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import appservice_api.client
import appservice_api.intent
from appservice_api import AppServiceAPI, IntentAPI, MatrixRequestError
from appservice_api.api.endpoint import endpoints_of
from appservice_api.api.media_stream import MediaStream
from appservice_api.api.pages import Pages
from appservice_api.testing import Recorded, StubHomeserver, answer
from appservice_api.testing import Response as HTTPResponse
from tests.conftest import GHOST

from . import facts, files
from .conformance import check
from .conftest import CALLED, OUTSIDE, RAISED
from .operation import Response, Specification
from .rows import OF_REAL_USERS, ROWS
from .rows.sample import USER
from .sample import sample

pytestmark = pytest.mark.openapi


ENDPOINTS = endpoints_of(appservice_api.client, appservice_api.intent)

METHODS = sorted(
    {name for one in ENDPOINTS.values() for name in one.methods if not name.startswith("_")}
)


@pytest.fixture(params=["facts", "files"] if files.is_there() else ["facts"])
def specification(request: pytest.FixtureRequest) -> Specification:
    """The specification, as each place has it."""
    return files.specification() if request.param == "files" else facts.specification()


def _answering(specification: Specification) -> Callable[[Recorded], HTTPResponse]:
    """Answers as the first documented response of success does."""

    def respond(request: Recorded) -> HTTPResponse:
        if request.path == "/_matrix/client/versions":
            # The example is of an old homeserver; the endpoints that matter are the newest.
            return answer(200, {"versions": ["r0.6.1", "v1.1", "v1.18"]})
        if request.path.endswith("/account/whoami") and request.token == "user_token":
            return answer(200, {"user_id": USER})
        found = specification.match(request.method, request.path)
        if found is None:
            return answer(404, {"errcode": "M_UNRECOGNIZED", "error": "not in the specification"})
        if not found[0].responses:
            return answer(501, {"errcode": "M_UNKNOWN", "error": "no good answer is documented"})
        return _answer(found[0].responses[0])

    return respond


def _answer(response: Response) -> HTTPResponse:
    status, bodies = int(response.status), response.bodies
    if bodies and "application/json" not in bodies:
        return answer(status, b"bytes", {"Content-Type": next(iter(bodies))})
    if response.examples or not bodies:
        return answer(status, response.examples[0] if response.examples else {})
    return answer(status, sample(bodies["application/json"]))


@pytest.mark.parametrize("name", ENDPOINTS)
def test_endpoint_is_an_operation(name: str, specification: Specification) -> None:
    endpoint = ENDPOINTS[name]
    known = {str(operation) for operation in specification.operations}
    assert f"{endpoint.method} {endpoint.template}" in known


@pytest.mark.parametrize("name", sorted({*METHODS, *ROWS}))
def test_method_keeps_to_the_specification(
    name: str,
    stub: StubHomeserver,
    api: AppServiceAPI,
    specification: Specification,
    record_property: Callable[[str, object], None],
) -> None:
    if name not in ROWS:
        pytest.fail(f"{name}() serves an endpoint: add a row with its arguments to ROWS")
    stub.script("*", "", _answering(specification), forever=True)
    problems = []
    speaker = api.intent(USER, token="user_token") if name in OF_REAL_USERS else api.intent(GHOST)
    for args, kwargs in ROWS[name]:
        try:
            outcome = getattr(speaker, name)(*args, **kwargs)
            if isinstance(outcome, Pages):
                next(outcome, None)
            if isinstance(outcome, MediaStream):
                outcome.close()
        except Exception as error:
            if isinstance(error, MatrixRequestError) and "failures" in error.body:
                continue  # so says the example, and so must the method
            problems.append(f"{name}() raised {error!r}")
            record_property(RAISED, problems[-1])
    reached = set()
    for request in stub.requests:
        found = specification.match(request.method, request.path)
        if found is not None:
            deprecated = " (deprecated)" if found[0].deprecated else ""
            reached.add(str(found[0]))
            record_property(CALLED, f"{found[0]}{deprecated}")
        for problem in check(request, specification):
            problems.append(problem)
            record_property(OUTSIDE, f"{name}(): {problem}")
    served = {f"{one.method} {one.template}" for one in ENDPOINTS.values() if name in one.methods}
    problems += [f"{name}() never requested {missed}" for missed in sorted(served - reached)]
    assert not problems, "\n".join(problems)


@pytest.mark.parametrize(
    "name",
    ["download_media", "stream_media", "download_thumbnail", "get_url_preview",
     "get_media_repo_config"],
)  # fmt: skip
def test_media_of_old_homeservers(
    name: str, stub: StubHomeserver, api: AppServiceAPI, specification: Specification
) -> None:
    stub.script("GET", "/versions", answer(200, {"versions": ["v1.10"]}))
    stub.script("*", "", _answering(specification), forever=True)
    for args, kwargs in ROWS[name]:
        result = getattr(api.intent(GHOST), name)(*args, **kwargs)
        if isinstance(result, MediaStream):
            result.close()
    requests = [request for request in stub.requests if request.path.startswith("/_matrix/media/")]
    assert len(requests) == len(ROWS[name])
    assert [problem for request in requests for problem in check(request, specification)] == []


_R = "/_matrix/client/v3/rooms/!r:hs.test"
_JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    "method, target, body, problem",
    [
        ("PUT", f"{_R}/send/m.x/t1?user_id=@a:b&device_id=D&ts=5", b'{"x": 1}', None),
        ("POST", "/_matrix/client/v3/join/%23a:b?via=x&via=y&server_name=x&server_name=y", b"{}",
         None),
        ("PUT", f"{_R}/state/m.room.name", b"{}", None),
        ("POST", f"{_R}/invite", b'{"id_server": "x", "id_access_token": "x", "medium": "email", '
         b'"address": "a@b"}', None),
        ("GET", "/_matrix/client/v3/nothing", b"", "isn't in the specification"),
        ("GET", f"{_R}/join", b"", "isn't in the specification"),
        ("PUT", f"{_R}/send//t1", b"{}", "eventType in the path is empty"),
        ("PUT", "/_matrix/client/v3/rooms/r/send/m.x/t1", b"{}", "roomId in the path"),
        ("PUT", f"{_R}/send/m.x/t1?access_token=t", b"{}", "access_token in the query isn't"),
        ("PUT", f"{_R}/send/m.x/t1?user_id=a", b"{}", "user_id in the query is"),
        ("PUT", f"{_R}/redact/$e/t1?ts=5", b"{}", "ts in the query isn't"),
        ("GET", f"{_R}/messages", b"", "dir is missing"),
        ("GET", f"{_R}/messages?dir=x", b"", "dir in the query: 'x' is not one of"),
        ("GET", f"{_R}/messages?dir=b&limit=five", b"", "limit in the query: 'five' is not"),
        ("GET", f"{_R}/messages?dir=b&dir=f", b"", "dir in the query is given 2 times"),
        ("GET", f"{_R}/messages?dir=b", b"{}", "a body isn't in the specification"),
        ("POST", "/_matrix/client/v3/join/%23a:b?server_name=x", b"{}", "server_name in the query"),
        ("POST", f"{_R}/kick", b"{}", "'user_id' is a required property"),
        ("POST", f"{_R}/kick", b'{"user_id": 5}', "the body['user_id']: 5 is not of type"),
        ("POST", f"{_R}/kick", b"{", "the body isn't JSON"),
        ("POST", f"{_R}/kick", b"", "the body is missing"),
    ],
)  # fmt: skip
def test_check(
    method: str, target: str, body: bytes, problem: str | None, specification: Specification
) -> None:
    found = check(Recorded(method, target, _JSON if body else {}, body), specification)
    if problem is None:
        assert found == []
    else:
        assert len(found) == 1
        assert problem in found[0]


def test_rows_are_of_methods() -> None:
    assert [name for name in ROWS if not hasattr(IntentAPI, name)] == []
