"""REST v1-alpha3 of eXo 3.5 to 6: a space is the identity that owns its stream.

Sources: `ActivityStreamResources`, `ActivityResources`, `SpacesRestService` of exoplatform/social, and the Social reference guide of
docs.jboss.org. `since_id` and `max_id` exclude each other (with both, the first counts); 100 at most; a `since_id` that names a deleted
activity is answered 404. Nothing can be edited. A comment has no address of its own: `activity/{comment}.json` is 404 while it lives.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adapters.exo.clock import Reached
from adapters.exo.dialect import HEAD, Page, in_order, listed, made, mark_of, quoted, read, settled
from adapters.exo.http import Api
from adapters.exo.payload import Identity, SpaceOfMine
from adapters.exo.reading import Entry, comment_of, entry_of
from adapters.far_clock import utc
from adapters.people import chosen_name
from adapters.port import UNSUPPORTED, Later, Never, Same, SpaceReport
from schemas.words import Audience

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from adapters.exo.dialect import Found, Known
    from adapters.exo.http import Answer
    from adapters.exo.payload import Liker
    from adapters.pacing import Paces
    from adapters.settings import Instance

ROOT = "/rest/private"
PAGE = 100
MOST_PAGES = 100
AFTER = ">"
WHOLE = (("number_of_comments", 100), ("number_of_likes", 100))


class Alpha3:
    """REST v1-alpha3."""

    edits = likes_comments = False
    levels = 1

    def __init__(self, instance: Instance, timeout: float, paces: Paces, clock: Callable[[], datetime] = utc) -> None:
        self._clock = clock
        self._portal = instance.options.get("portal", "portal")
        self._externals = instance.options.get("externals") == "true"
        self._social = f"/api/social/v1-alpha3/{self._portal}"
        self.api = Api(
            instance, timeout, instance.options.get("rest", ROOT), f"{self._social}/activity_stream/me.json?limit=1", paces, clock
        )

    async def newer(self, space: str, cursor: str | None) -> Page | Later | Never:
        """By `since_id`, which goes by times; back by `max_id` where more came than a page holds, the cursor names no activity that is there, or the clock was moved."""
        known, _, stamp = (cursor or "").partition("@")
        reached = Reached.read(stamp) if stamp else None
        if reached and not known:
            return await self._back(space, [], reached, cursor)
        answer = await self.api.get(f"{self._social}/activity_stream/{space}.json", _page([("since_id", known)] if known else []))
        if isinstance(answer, Later):
            return answer
        if reached and (answer.absent or reached.jumped(self.api.offset)):
            return await self._back(space, [], reached, cursor)
        refused = await settled(self.api, answer)
        if refused is not None:
            return refused
        entries = [entry_of(one) for one in listed(answer.document, "activities")]
        if reached and len(entries) >= PAGE:
            return await self._back(space, entries, reached, cursor)
        return Page(in_order(entries), self._cursor(entries) or cursor, head=() if known else (answer,))

    async def _back(self, space: str, entries: list[Found], reached: Reached, cursor: str | None) -> Page | Later | Never:
        first = place = _lowest(entries)
        head: tuple[Answer, ...] = ()
        for _ in range(MOST_PAGES):
            answer = await self._stream(space, place)
            refused = await settled(self.api, answer)
            if refused is not None or isinstance(answer, Later):
                return refused or Later("unreachable")
            head = (*head, answer)[:HEAD] if first is None else head
            page = [entry_of(one) for one in listed(answer.document, "activities")]
            entries = entries + page
            place = _next(place, page)
            if place is None or (page and _touched_before(page[-1], reached.limit(self.api.offset))):
                break
        until = reached.limit(self.api.offset)
        fresh = [entry for entry in entries if not isinstance(entry, Entry) or entry.created >= until]
        return Page(in_order(fresh), self._cursor(fresh) or cursor, head=head)

    def _cursor(self, entries: list[Found]) -> str | None:
        """The newest and its time; a time alone where the newest lies in our future; None where there is none."""
        known = [entry for entry in entries if isinstance(entry, Entry)]
        if not known:
            return None
        newest, offset = max(known, key=lambda entry: entry.created), self.api.offset
        reached = Reached.until(newest.created, offset, self._clock())
        return f"{newest.id if reached.at == newest.created - offset else ''}@{reached}"

    async def window(
        self, space: str, since: datetime, most: int, unless: str, head: tuple[Answer, ...] = ()
    ) -> Page | Same | Later | Never:
        """The newest pages, each activity with its comments."""
        found: list[Any] = []
        bodies: list[bytes] = []
        places: list[str | None] = [None]
        while len(found) < most:
            answer = head[len(bodies)] if len(bodies) < len(head) else await self._stream(space, places[-1])
            refused = await settled(self.api, answer)
            if refused is not None or isinstance(answer, Later):
                return refused or Later("unreachable")
            page = listed(answer.document, "activities")
            found += page
            bodies.append(answer.body)
            whole = [entry_of(one) for one in page]
            places.append(_next(places[-1], whole))
            if places[-1] is None or (whole and _touched_before(whole[-1], since + self.api.offset)):
                break
        mark, beyond = mark_of(bodies), None if places[-1] is None else places[min(len(places) - 1, max(most // PAGE, 1))]
        return Same() if mark == unless else Page(in_order(map(entry_of, found[:most])), beyond, mark)

    async def deeper(self, space: str, place: str, unless: str) -> Page | Same | Later | Never:
        """A page by creation; where the activity that names it is gone, 404."""
        page = await self.page(space, place)
        return Same() if isinstance(page, Page) and page.mark == unless else page

    async def page(self, space: str, place: str | None) -> Page | Later | Never:
        """One question: the first page by the last touch, those behind it by creation."""
        answer = await self._stream(space, place)
        refused = await settled(self.api, answer)
        if refused is not None or isinstance(answer, Later):
            return refused or Later("unreachable")
        page = [entry_of(one) for one in listed(answer.document, "activities")]
        return Page(in_order(page), _next(place, page), mark_of([answer.body]))

    async def comments(self, activity: str, unless: str) -> Page | Same | Later | Never:
        """`activity/{id}/comments.json` holds them all and counts them."""
        answer = await self.api.get(f"{self._social}/activity/{activity}/comments.json")
        refused = await settled(self.api, answer)
        if refused is not None or isinstance(answer, Later):
            return refused or Later("unreachable")
        found = listed(answer.document, "comments")
        if len(found) != answer.document.get("totalNumberOfComments"):
            return Never("list_incomplete")
        mark = mark_of([answer.body])
        return Same() if mark == unless else Page(in_order(comment_of(one, activity) for one in found), mark=mark)

    async def activity(self, activity: str) -> Known:
        """`GET activity/{id}.json`."""
        options = quoted([("poster_identity", "t"), ("activity_stream", "t"), *WHOLE])
        answer = await self.api.get(f"{self._social}/activity/{activity}.json", options)
        if isinstance(answer, Later):
            return answer
        if answer.done:
            return entry_of(answer.document)
        return None if answer.absent else await self.api.refused(answer)

    async def comment(self, activity: str, comment: str) -> Known:
        """Gone with its activity, or when the whole list of its activity's comments lacks it: a page proves nothing, this is no page."""
        page = await self.comments(activity, "")
        if isinstance(page, Page):
            return next((entry for entry in page.entries if isinstance(entry, Entry) and entry.id == comment), None)
        if isinstance(page, Later):
            return page
        above = await self.activity(activity)
        return above if above is None or isinstance(above, Later | Never) else Never("list_incomplete")

    async def readable(self, space: str) -> bool | Later:
        """Ask for one activity of its stream."""
        answer = await self.api.get(f"{self._social}/activity_stream/{space}.json", quoted([("limit", 1)]))
        return answer if isinstance(answer, Later) else answer.done

    async def post(self, space: str, html: str) -> str | Later | Never:
        """`POST activity.json?identity_id=`."""
        where = quoted([("identity_id", space)])
        return await made(self.api, await self.api.send("POST", f"{self._social}/activity.json", {"title": html}, where))

    async def add_comment(self, activity: str, above: str | None, html: str) -> str | Later | Never:
        """`POST activity/{id}/comment.json`: comments are flat, so that an answer to one stands beside it."""
        del above
        return await made(self.api, await self.api.send("POST", f"{self._social}/activity/{activity}/comment.json", {"text": html}))

    async def change(self, entry: Entry, html: str) -> Later | Never | None:
        """This generation has no way to."""
        del entry, html
        return Never("unsupported")

    async def remove(self, entry: Entry) -> Later | Never | None:
        """`DELETE activity/{id}.json`, or of its comment."""
        path = f"activity/{entry.id}.json" if entry.is_root else f"activity/{entry.activity}/comment/{entry.id}.json"
        return await settled(self.api, await self.api.send("DELETE", f"{self._social}/{path}"))

    async def pin(self, activity: str, *, pinned: bool) -> Later | None:
        """This generation pins nothing."""
        del activity, pinned
        return None

    async def with_likers(self, page: Page) -> Page | Later:
        """A hundred are written out, and no more are told anywhere."""
        return page

    async def like(self, entry: Entry) -> Later | Never | None:
        """`POST activity/{id}/like.json`."""
        return await settled(self.api, await self.api.send("POST", f"{self._social}/activity/{entry.id}/like.json"))

    async def unlike(self, entry: Entry) -> Later | Never | None:
        """`DELETE activity/{id}/like.json`."""
        return await settled(self.api, await self.api.send("DELETE", f"{self._social}/activity/{entry.id}/like.json"))

    async def person(self, identity: str) -> str | None:
        """`GET identity/{id}.json`."""
        answer = await self.api.get(f"{self._social}/identity/{identity}.json")
        found = read(Identity, answer.document) if not isinstance(answer, Later) and answer.done else None
        return (chosen_name(found.profile.name, found.remote_id) or None) if found else None

    async def space(self, space: str) -> SpaceReport | Later | Never:
        """Its identity tells its pretty name, and the list of our own spaces who may join that one."""
        answer = await self.api.get(f"{self._social}/identity/{space}.json")
        if isinstance(answer, Later):
            return answer
        if not answer.done:
            return await self.api.refused(answer)
        identity = read(Identity, answer.document)
        mine = await self.api.get(f"/{self._portal}/social/spaces/mySpaces/show.json")
        refused = await settled(self.api, mine)
        if refused is not None or isinstance(mine, Later):
            return refused or Later("unreachable")
        for document in listed(mine.document, "spaces"):
            found = read(SpaceOfMine, document)
            if identity and found and found.pretty_name == identity.remote_id:
                opened = found.registration == "open" and found.visibility != "hidden"
                return SpaceReport(found.display_name or "", Audience.PUBLIC if opened else Audience.MEMBERS, self._externals)
        return Never("not_a_member")

    async def members(self, space: str, most: int) -> tuple[Liker, ...] | Later | Never:
        """This generation lists nobody's members: `people/suggest` names twenty at most, by their display names."""
        del space, most
        return Never(UNSUPPORTED, "no_list_of_members")

    async def space_of(self, entry: Entry, spaces: Iterable[str]) -> str | Later | None:
        """An activity names its stream's identity."""
        return entry.stream if entry.stream in spaces else None

    async def _stream(self, space: str, place: str | None) -> Answer | Later:
        """A page by creation: those before an activity (`42`) or after it (`>42`); those touched last without one."""
        options: list[tuple[str, object]] = []
        if place is not None:
            options = [("since_id", place[1:])] if place.startswith(AFTER) else [("max_id", place)]
        return await self.api.get(f"{self._social}/activity_stream/{space}.json", _page(options))


def _page(options: list[tuple[str, object]]) -> list[tuple[str, str]]:
    return quoted([("limit", PAGE), *WHOLE, *options])


def _lowest(entries: list[Found]) -> str | None:
    """The last of a page that comes by creation."""
    return next((entry.id for entry in reversed(entries) if isinstance(entry, Entry)), None)


def _next(place: str | None, page: list[Found]) -> str | None:
    """The page after one, None after the last, so that nothing is left out between the two.

    What a page by the last touch does not hold was touched, and so created, before its last was touched: what was created later is all there.
    Where all of it was created before, the newest of it has others above it.
    """
    known = [entry for entry in page if isinstance(entry, Entry)]
    if place is not None and place.startswith(AFTER):
        return _lowest(page) if len(page) >= PAGE else place[1:]
    if len(page) < PAGE or place is not None or not known:
        return _lowest(page) if len(page) >= PAGE else None
    whole = [entry for entry in known if entry.created >= known[-1].updated]
    return min(whole, key=_created).id if whole else AFTER + max(known, key=_created).id


def _created(entry: Entry) -> datetime:
    return entry.created


def _touched_before(last: Found, limit: datetime) -> bool:
    """Whether all that follows the last of a page is older; the page without an id comes by the last touch, others by creation."""
    return not isinstance(last, Entry) or last.updated < limit
