"""How the twin shows things: JSON as each generation writes it, and the pages of its users."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from adapters.exo.twin.store import Item, Person, Space, Store

SOCIAL = "/portal/rest/v1/social"
LIKERS = 5  # of a v1 activity, written out


class Views:
    """Documents about what a store holds, with addresses under `url`."""

    def __init__(self, store: Store, url: str) -> None:
        self._store, self._url = store, url

    # --- v1 -----------------------------------------------------------------------------------------------------------

    def activity(self, item: Item, expand: str) -> dict[str, Any]:
        """An activity of v1."""
        comments = self._store.comments(item.id)
        space = self._store.spaces[item.space]
        return {
            **self._common(item, expand),
            "titleId": None,
            "body": None,
            "type": item.type,
            "attachments": [],
            "comments": f"{self._url}{SOCIAL}/activities/{item.id}/comments",
            "commentsCount": str(len(comments)),
            "likesCount": str(len(item.likes)),
            "hasCommented": "false",
            "read": "true",
            "priority": None,
            "visible": "true",
            "hidden": False,
            "pinned": item.pinned,
            "activityStream": {"type": "space", "id": space.pretty},
            "templateParams": dict(item.params),
        }

    def comment(self, item: Item, expand: str) -> dict[str, Any]:
        """A comment of v1."""
        return {
            **self._common(item, expand),
            "body": item.title,
            "poster": self._store.people[item.poster].username,
            "parentCommentId": item.above,
            "mentions": [],
            "activity": f"{self._url}{SOCIAL}/activities/{item.root}",
            "activityId": item.root,
        }

    def _common(self, item: Item, expand: str) -> dict[str, Any]:
        asked, person = expand.split(","), self._store.people[item.poster]
        likers = [self.profile(self._store.people[one]) for one in item.likes[:LIKERS]]
        return {
            "id": item.id,
            "href": f"{self._url}{SOCIAL}/activities/{item.id}",
            "identity": self.identity(person) if "identity" in asked else f"{self._url}{SOCIAL}/identities/{person.id}",
            "title": item.title,
            "owner": {"id": person.id, "href": f"{self._url}{SOCIAL}/users/{person.username}"},
            "likes": likers if "likes" in asked else f"{self._url}{SOCIAL}/activities/{item.id}/likes",
            "createDate": _iso(item.created),
            "updateDate": _iso(item.updated),
        }

    def identity(self, person: Person) -> dict[str, Any]:
        """An identity of v1."""
        return {
            "id": person.id,
            "href": f"{self._url}{SOCIAL}/identities/{person.id}",
            "providerId": "organization",
            "remoteId": person.username,
            "deleted": False,
            "profile": self.profile(person),
        }

    def profile(self, person: Person) -> dict[str, Any]:
        """A profile of v1: it holds an e-mail address, as the vendor's does."""
        return {"id": person.id, "username": person.username, "fullname": person.name, "email": f"{person.username}@rse.example"}

    def space(self, space: Space) -> dict[str, Any]:
        """A space of v1."""
        return {
            "id": space.id,
            "href": f"{self._url}{SOCIAL}/spaces/{space.id}",
            "displayName": space.name,
            "prettyName": space.pretty,
            "groupId": f"/spaces/{space.pretty}",
            "visibility": "hidden" if space.closed else "private",
            "subscription": "validation" if space.closed else "open",
        }

    # --- v1-alpha3 ------------------------------------------------------------------------------------------------------

    def old_activity(self, item: Item, comments: int, likes: int) -> dict[str, Any]:
        """An activity of v1-alpha3 with the last of its comments and likers."""
        under, space = self._store.comments(item.id), self._store.spaces[item.space]
        return {
            "id": item.id,
            "title": item.title,
            "body": "",
            "appId": "",
            "type": item.type,
            "postedTime": item.created,
            "lastUpdated": item.updated,
            "createdAt": _old_date(item.created),
            "priority": 0.0,
            "titleId": "",
            "templateParams": dict(item.params),
            "identityId": space.identity,
            "liked": False,
            "likedByIdentities": [self.old_identity(self._store.people[one]) for one in item.likes[::-1][:likes]],
            "totalNumberOfLikes": len(item.likes),
            "posterIdentity": self.old_identity(self._store.people[item.poster]),
            "comments": [self.old_comment(one) for one in under[:comments]],
            "totalNumberOfComments": len(under),
            "activityStream": {"type": "space", "prettyId": space.pretty, "fullName": space.name, "permaLink": ""},
        }

    def old_comment(self, item: Item) -> dict[str, Any]:
        """A comment of v1-alpha3."""
        return {
            "id": item.id,
            "text": item.title,
            "posterIdentity": self.old_identity(self._store.people[item.poster]),
            "postedTime": item.created,
            "createdAt": _old_date(item.created),
        }

    def old_identity(self, person: Person) -> dict[str, Any]:
        """An identity of v1-alpha3."""
        profile = {"fullName": person.name, "avatarUrl": ""}
        return {"id": person.id, "providerId": "organization", "remoteId": person.username, "profile": profile}

    def old_space_identity(self, space: Space) -> dict[str, Any]:
        """A space's own identity."""
        return {"id": space.identity, "providerId": "space", "remoteId": space.pretty, "profile": {"fullName": space.name, "avatarUrl": ""}}

    def old_space(self, space: Space) -> dict[str, Any]:
        """A space in the list of one's own."""
        return {
            "id": f"jcr{space.id}",
            "displayName": space.name,
            "prettyName": space.pretty,
            "registration": "validation" if space.closed else "open",
            "visibility": "hidden" if space.closed else "private",
        }

    # --- pages ----------------------------------------------------------------------------------------------------------

    def page(self, title: str) -> str:
        """All spaces with their streams, as their members see them."""
        parts = "".join(f"<h2>{escape(space.name)}</h2>{self._stream(space)}" for space in self._store.spaces.values())
        style = (
            "body{font:1rem/1.5 sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}"
            "article{border-top:1px solid #bbb;margin-top:1rem}article article{margin-left:2rem}"
        )
        return (
            f'<!doctype html><html lang="fr"><head><meta charset="utf-8"><title>{escape(title)}</title><style>{style}</style></head>'
            f"<body><main><h1>{escape(title)}</h1>{parts}</main></body></html>"
        )

    def _stream(self, space: Space) -> str:
        items = self._store.stream(space.id)
        return "".join(self._article(item) for item in items) or "<p>Aucune activité.</p>"

    def _article(self, item: Item) -> str:
        person = self._store.people[item.poster]
        likes = f" <small>{len(item.likes)} j’aime</small>" if item.likes else ""
        under = [one for one in self._store.comments(item.root or item.id) if _stands_under(one, item)]
        return (
            f'<article id="{escape(item.id)}"><p><strong>{escape(person.name or person.username)}</strong> '
            f"<small>{_iso(item.created)}</small>{likes}</p>{item.title}{''.join(map(self._article, under))}</article>"
        )


def _stands_under(one: Item, item: Item) -> bool:
    return one.above == item.id if item.root is not None else one.above is None


def _iso(millis: int) -> str:
    return datetime.fromtimestamp(millis / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{millis % 1000:03d}Z"


def _old_date(millis: int) -> str:
    return datetime.fromtimestamp(millis / 1000, UTC).strftime("%a %b %d %H:%M:%S +0000 %Y")
