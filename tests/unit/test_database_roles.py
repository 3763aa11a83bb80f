"""Each process that strangers speak to, or that reads their answers, takes a database role of its own, or says aloud that it has none."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from hub import bootstrap
from hub.settings import HubSettings

OWN = ("door_database_url", "peer_door_database_url", "courier_database_url")


@pytest.mark.parametrize("own", OWN)
def test_a_process_takes_the_address_of_its_own_role(own: bootstrap.OwnDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAITDUNION_DATABASE_URL", "postgresql://hub@db/hub")
    monkeypatch.setenv(f"TRAITDUNION_{own.upper()}", "postgresql://own@db/hub")
    with capture_logs() as logs:
        assert bootstrap.own_database(HubSettings(), own) == "postgresql://own@db/hub"
    assert logs == []


@pytest.mark.parametrize("own", OWN)
def test_a_process_that_falls_back_on_the_hubs_role_says_so_and_names_the_setting(
    own: bootstrap.OwnDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAITDUNION_DATABASE_URL", "postgresql://hub:word@db/hub")
    with capture_logs() as logs:
        assert bootstrap.own_database(HubSettings(), own) == "postgresql://hub:word@db/hub"
    assert logs == [{"event": "database_role_shared", "log_level": "warning", "missing": f"TRAITDUNION_{own.upper()}"}]
