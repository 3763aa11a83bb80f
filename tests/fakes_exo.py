"""Invented eXo things for tests: an instance, an activity and a comment of either generation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import SecretStr

from adapters.settings import Instance

API_KEY = "un-mot-de-passe"
ACCOUNT = "traitdunion"
V1, ALPHA3 = "v1", "v1-alpha3"
SPACES = {V1: ("12", "13"), ALPHA3: ("5012", "5013")}  # the open one, the closed one


def exo_instance(url: str = "https://rse.example", generation: str = V1, **options: str) -> Instance:
    """A ministry's eXo."""
    return Instance(
        node="gendarmerie",
        organisation="Intérieur",
        platform="exo",
        url=url,
        api_secret=SecretStr(API_KEY),
        signing_key=Path("unused.key"),
        spaces=frozenset(SPACES[generation]),
        options={"account": ACCOUNT, "generation": generation, **options},
    )


def activity(**changes: Any) -> dict[str, Any]:
    """An activity of v1, its poster written out."""
    return {
        "id": "42",
        "identity": {"id": "7", "remoteId": "camille", "profile": {"fullname": "Camille Roux", "email": "camille@rse.example"}},
        "title": "<p>Bonjour à tous</p>",
        "body": None,
        "type": "DEFAULT_ACTIVITY",
        "owner": {"id": "7", "href": "https://rse.example/portal/rest/v1/social/users/camille"},
        "createDate": "2026-03-02T08:00:00.100Z",
        "updateDate": "2026-03-02T08:00:00.100Z",
        "hidden": False,
        "likes": "https://rse.example/portal/rest/v1/social/activities/42/likes",
        "likesCount": "0",
        "commentsCount": "0",
        "activityStream": {"type": "space", "id": "futurs_publics"},
        **changes,
    }


def comment(**changes: Any) -> dict[str, Any]:
    """A comment of v1."""
    return {
        "id": "comment43",
        "identity": {"id": "8", "remoteId": "leo", "profile": {"fullname": "Léo Petit"}},
        "poster": "leo",
        "title": "<p>Merci</p>",
        "body": "<p>Merci</p>",
        "createDate": "2026-03-02T08:05:00.100Z",
        "updateDate": "2026-03-02T08:05:00.100Z",
        "parentCommentId": None,
        **changes,
    }


def old_activity(**changes: Any) -> dict[str, Any]:
    """An activity of v1-alpha3."""
    return {
        "id": "f92cd6f0",
        "title": "Bonjour à tous",
        "type": "exosocial:core",
        "postedTime": 1772438400100,
        "lastUpdated": 1772438400100,
        "createdAt": "Mon Mar 02 08:00:00 +0000 2026",
        "identityId": "5012",
        "likedByIdentities": [],
        "posterIdentity": {"id": "7", "remoteId": "camille", "profile": {"fullName": "Camille Roux"}},
        "comments": [],
        "totalNumberOfComments": 0,
        **changes,
    }


def old_comment(**changes: Any) -> dict[str, Any]:
    """A comment of v1-alpha3."""
    return {
        "id": "c1",
        "text": "Merci",
        "posterIdentity": {"id": "8", "remoteId": "leo", "profile": {"fullName": "Léo Petit"}},
        "postedTime": 1772438700100,
        "createdAt": "Mon Mar 02 08:05:00 +0000 2026",
        **changes,
    }
