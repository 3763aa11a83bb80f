"""Who reads the pages: every way to the door, through the door."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from fastapi.routing import APIRoute
from pydantic import SecretStr

from hub.operations.reader import COOKIE, Approach, Gate
from hub.settings import HubSettings
from hub.site import site
from hub.storage.engine import engine_for
from tests.fakes_asgi import call
from tests.fakes_hub import FakeStreams

if TYPE_CHECKING:
    from fastapi import FastAPI

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
ELSEWHERE = "192.0.2.7"
PAGE = "/rebuts"  # asks the broker alone, so no database is needed here


@pytest.fixture(scope="module")
def app() -> FastAPI:
    settings = HubSettings(operator_token=SecretStr("jeton-secret"))
    return site(engine_for("postgresql://nobody@192.0.2.1/none"), settings, lambda: NOW, FakeStreams())


@pytest.fixture(scope="module")
def app_without_token() -> FastAPI:
    return site(engine_for("postgresql://nobody@192.0.2.1/none"), HubSettings(operator_token=None), lambda: NOW, FakeStreams())


@pytest.mark.parametrize("host", ["127.0.0.1:8400", "localhost:8400", "[::1]:8400", "LOCALHOST"])
@pytest.mark.parametrize("client", ["127.0.0.1", "127.8.8.8", "::1"])
async def test_loopback_reads_under_a_loopback_name(app: FastAPI, client: str, host: str) -> None:
    assert (await call(app, PAGE, client=client, headers={"host": host})).status == 200


@pytest.mark.parametrize(
    "host", ["pirate.example", "127.0.0.1.pirate.example", "", "localhost.pirate.example:8400", "[::1", "user@pirate.example"]
)
async def test_loopback_under_another_name_is_a_rebound_browser(app: FastAPI, host: str) -> None:
    assert (await call(app, PAGE, headers={"host": host})).status == 401


@pytest.mark.parametrize("header", ["x-forwarded-for", "forwarded", "x-real-ip", "x-forwarded-host", "via"])
async def test_a_proxy_on_loopback_does_not_open_the_pages_to_all(app: FastAPI, header: str) -> None:
    assert (await call(app, PAGE, headers={header: "127.0.0.1"})).status == 401


async def test_a_forwarding_header_from_elsewhere_is_not_believed(app: FastAPI) -> None:
    assert (await call(app, PAGE, client=ELSEWHERE, headers={"x-forwarded-for": "127.0.0.1"})).status == 401


async def test_another_address_is_refused_in_french(app: FastAPI) -> None:
    answer = await call(app, PAGE, client=ELSEWHERE)
    assert answer.status == 401
    assert "Réservé aux opérateurs" in answer.text
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_the_token_opens_from_anywhere_and_behind_a_proxy(app: FastAPI) -> None:
    headers = {"authorization": "Bearer jeton-secret", "x-forwarded-for": "192.0.2.9", "host": "hub.example"}
    assert (await call(app, PAGE, client=ELSEWHERE, headers=headers)).status == 200


@pytest.mark.parametrize(
    "said", ["Bearer faux", "Bearer ", "Bearer", "Basic jeton-secret", "jeton-secret", "Bearer jeton-secret2", "Bearer jet\xe9"]
)
async def test_a_wrong_token_is_refused(app: FastAPI, said: str) -> None:
    assert (await call(app, PAGE, client=ELSEWHERE, headers={"authorization": said})).status == 401


@pytest.mark.parametrize("said", ["Bearer ", "Bearer None", "Bearer"])
async def test_no_token_set_means_that_no_token_opens(app_without_token: FastAPI, said: str) -> None:
    assert (await call(app_without_token, PAGE, client=ELSEWHERE, headers={"authorization": said})).status == 401


async def test_an_empty_token_in_the_settings_opens_nothing() -> None:
    settings = HubSettings(operator_token=SecretStr(""))
    app = site(engine_for("postgresql://nobody@192.0.2.1/none"), settings, lambda: NOW, FakeStreams())
    assert (await call(app, PAGE, client=ELSEWHERE, headers={"authorization": "Bearer "})).status == 401


async def test_the_form_gives_a_session_that_does_not_hold_the_token(app: FastAPI) -> None:
    form = {"content-type": "application/x-www-form-urlencoded"}
    entered = await call(app, "/entrer", client=ELSEWHERE, method="POST", body=f"jeton={quote('jeton-secret')}".encode(), headers=form)
    assert entered.status == 303
    cookie = entered.headers["set-cookie"]
    assert "jeton-secret" not in cookie
    assert all(word in cookie for word in ("HttpOnly", "Secure", "SameSite=strict", "Path=/"))
    pair = cookie.partition(";")[0]
    assert (await call(app, PAGE, client=ELSEWHERE, headers={"cookie": pair})).status == 200
    assert (await call(app, PAGE, client=ELSEWHERE, headers={"cookie": pair[:-1] + ("0" if pair[-1] != "0" else "1")})).status == 401


@pytest.mark.parametrize("body", [b"jeton=faux", b"", b"jeton=", b"\xff\xfe", b"autre=jeton-secret"])
async def test_the_form_refuses_another_token(app: FastAPI, body: bytes) -> None:
    answer = await call(app, "/entrer", client=ELSEWHERE, method="POST", body=body)
    assert answer.status == 401
    assert "set-cookie" not in answer.headers


async def test_a_form_longer_than_a_token_is_not_read_to_its_end(app: FastAPI) -> None:
    assert (await call(app, "/entrer", method="POST", body=b"jeton=" + b"x" * 10_000)).status == 413


def test_a_session_ends() -> None:
    early, late = Gate("jeton", "127.0.0.1", lambda: NOW), Gate("jeton", "127.0.0.1", lambda: NOW + timedelta(hours=13))
    approach = Approach(ELSEWHERE, {}, early.session())
    assert early.permit(approach) is not None
    assert late.permit(approach) is None


def test_a_session_cannot_be_lengthened_and_ends_with_its_token() -> None:
    gate = Gate("jeton", "127.0.0.1", lambda: NOW)
    until, _, mark = gate.session().partition(".")
    assert gate.permit(Approach(ELSEWHERE, {}, f"{int(until) + 1}.{mark}")) is None
    assert Gate("autre", "127.0.0.1", lambda: NOW).permit(Approach(ELSEWHERE, {}, gate.session())) is None


@pytest.mark.parametrize("cookie", ["", ".", "9" * 40 + ".x", "١٢٣.x", "x.y", "1."])
def test_a_malformed_session_is_refused(cookie: str) -> None:
    assert Gate("jeton", "127.0.0.1", lambda: NOW).permit(Approach(ELSEWHERE, {}, cookie)) is None


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/communautes/x",
        "/messages/x",
        "/noeuds",
        "/rattachements",
        "/signalements",
        "/rebuts",
        "/api/communities/x/messages",
        "/api/messages/x",
        "/api/trace/x",
        "/api/nodes",
        "/metrics",
    ],
)
async def test_every_route_that_shows_anything_asks_who_reads(app: FastAPI, path: str) -> None:
    assert (await call(app, path, client=ELSEWHERE)).status == 401


async def test_no_route_was_forgotten_in_that_list(app: FastAPI) -> None:
    """A route added later answers 401 to a stranger, or stands here by name."""
    open_to_all = {"/accessibilite", "/comprendre", "/entrer", "/theme.css", "/healthz", "/readyz", "/.well-known/traitdunion/registry"}
    open_to_all |= {
        "/candidature",
        "/personne",
        "/api/applications",
        "/sortir",
    }  # those who apply have no account, and people bring their own tokens
    methods = {route.path: route.methods or set() for route in app.routes if isinstance(route, APIRoute)}
    assert open_to_all < methods.keys()
    for path in methods.keys() - open_to_all:
        plain = path.replace("{", "").replace("}", "").replace(":path", "")
        method = "GET" if "GET" in methods[path] else "POST"
        assert (await call(app, plain, method=method, client=ELSEWHERE)).status == 401, path


async def test_programs_get_problem_details(app: FastAPI) -> None:
    answer = await call(app, "/api/nodes", client=ELSEWHERE)
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json()["reason"] == "not_permitted"


@pytest.mark.parametrize("path", [PAGE, "/entrer", "/nulle-part", "/theme.css", "/api/nodes", "/healthz"])
async def test_every_answer_has_the_strict_headers(app: FastAPI, path: str) -> None:
    headers = (await call(app, path, client=ELSEWHERE)).headers
    policy = headers["content-security-policy"]
    assert all(rule in policy for rule in ("default-src 'self'", "script-src 'none'", "frame-ancestors 'none'", "base-uri 'none'"))
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "access-control-allow-origin" not in headers


async def test_shown_pages_are_not_kept_by_browsers(app: FastAPI) -> None:
    assert (await call(app, PAGE)).headers["cache-control"] == "no-store"


async def test_an_unknown_page_says_so_in_french(app: FastAPI) -> None:
    answer = await call(app, "/nulle-part")
    assert answer.status == 404
    assert "Cette page n’existe pas" in answer.text


async def test_there_is_no_page_that_loads_scripts_from_elsewhere(app: FastAPI) -> None:
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert (await call(app, path)).status == 404


async def test_a_database_that_does_not_answer_is_named_and_the_pages_come_back() -> None:
    settings = HubSettings(operator_token=None)
    app = site(engine_for("postgresql://nobody@127.0.0.1:1/none"), settings, lambda: NOW, FakeStreams())
    answer = await call(app, "/noeuds")
    assert answer.status == 503
    assert "La base de données ne répond pas" in answer.text
    assert answer.headers["retry-after"] == "5"
    ready = await call(app, "/readyz")
    assert (ready.status, ready.json()["failing"]) == (503, ["database"])


def test_the_cookie_is_bound_to_this_host() -> None:
    assert COOKIE.startswith("__Host-")


async def test_who_entered_finds_the_way_out_and_others_do_not(app: FastAPI) -> None:
    assert "/sortir" not in (await call(app, "/entrer", client=ELSEWHERE)).text
    session = Gate("jeton-secret", "127.0.0.1", lambda: NOW).session()
    assert 'action="/sortir"' in (await call(app, "/entrer", client=ELSEWHERE, headers={"cookie": f"{COOKIE}={session}"})).text
    left = await call(app, "/sortir", client=ELSEWHERE, method="POST", body=b"")
    assert (left.status, left.headers["location"]) == (303, "/entrer")
    assert all(word in left.headers["set-cookie"] for word in (f'{COOKIE}=""', "Max-Age=0", "Path=/", "Secure"))


@pytest.mark.parametrize(("path", "allowed"), [("/entrer", "GET, HEAD, POST"), ("/sortir", "POST"), ("/rebuts", "GET, HEAD")])
async def test_a_method_that_an_address_does_not_take_is_answered_with_those_that_it_does(app: FastAPI, path: str, allowed: str) -> None:
    answer = await call(app, path, client=ELSEWHERE, method="DELETE")
    assert (answer.status, answer.headers["allow"]) == (405, allowed)
