"""REST v1 of eXo 5 and later, and of Meeds.

Sources: `ActivityRest`, `SpaceRestResourcesV1`, `EntityBuilder`, `RestUtils` of Meeds-io/social. Streams come by the last touch first,
a comment touches its activity; there is no `since_id`. A page holds 20 unless asked, 50 are always granted; the comments written into
an activity are the first 20 without the replies to them, so that comments are asked of `/comments?expand=subComments`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from adapters.exo.clock import Reached
from adapters.exo.dialect import HEAD, Page, in_order, listed, made, mark_of, quoted, read, settled
from adapters.exo.http import Api
from adapters.exo.likers import Likers
from adapters.exo.payload import Identity, SpaceV1, UsersV1, moment
from adapters.exo.reading import Entry, comment_of, entry_of
from adapters.far_clock import utc
from adapters.pages import Portion, gathered
from adapters.people import chosen_name
from adapters.port import Later, Never, Same, SpaceReport
from schemas.words import Audience

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from adapters.exo.dialect import Known
    from adapters.exo.http import Answer
    from adapters.exo.payload import Liker
    from adapters.pacing import Paces
    from adapters.port import Nonsense
    from adapters.settings import Instance

ROOT = "/portal/rest"
SOCIAL = "/v1/social"
PAGE = 50
MOST_PAGES = 200  # 10,000 activities: a cursor that old is no cursor
WHOLE = "identity,likes"


class V1:
    """REST v1."""

    edits = likes_comments = True
    levels = 2

    def __init__(self, instance: Instance, timeout: float, paces: Paces, clock: Callable[[], datetime] = utc) -> None:
        self._clock = clock
        self._externals = instance.options.get("externals") == "true"
        self.api = Api(instance, timeout, instance.options.get("rest", ROOT), f"{SOCIAL}/activities?limit=1", paces, clock)
        self._likers = Likers(self.api, SOCIAL)

    async def newer(self, space: str, cursor: str | None) -> Page | Later | Never:
        """Page by page until what was touched before the cursor: all that was created since stands above it."""
        entries: list[Entry | Nonsense] = []
        stamps: list[str] = []
        reached, began = Reached.read(cursor) if cursor else None, self._clock()
        head: tuple[Answer, ...] = ()
        for number in range(MOST_PAGES):
            answer = await self._stream(space, number * PAGE)
            refused = await settled(self.api, answer)
            if refused is not None or isinstance(answer, Later):
                return refused or Later("unreachable")
            head = (*head, answer)[:HEAD]
            page = listed(answer.document, "activities")
            touched = [_touched(one) for one in page]
            stamps += filter(None, touched)
            limit = reached.limit(self.api.offset) if reached else None
            entries += [entry_of(one) for one, at in zip(page, touched, strict=True) if not _before(at, limit)]
            if limit is None or len(page) < PAGE or _before(touched[-1], limit):
                break
        newest = max(map(moment, stamps), default=None)
        until = str(Reached.until(newest, self.api.offset, began)) if newest else cursor
        return await self._likers.whole(Page(in_order(entries), until, head=head))

    async def window(
        self, space: str, since: datetime, most: int, unless: str, head: tuple[Answer, ...] = ()
    ) -> Page | Same | Later | Never:
        """The first pages of the stream."""
        found: list[Any] = []
        page: list[Any] = []
        bodies: list[bytes] = []
        while len(found) < most:
            answer = head[len(bodies)] if len(bodies) < len(head) else await self._stream(space, len(bodies) * PAGE)
            refused = await settled(self.api, answer)
            if refused is not None or isinstance(answer, Later):
                return refused or Later("unreachable")
            page = listed(answer.document, "activities")
            found += page
            bodies.append(answer.body)
            if len(page) < PAGE or _before(_touched(page[-1]), since + self.api.offset):
                break
        mark, beyond = mark_of(bodies), None if len(page) < PAGE else str(min(len(bodies), most // PAGE))
        return Same() if mark == unless else await self._likers.whole(Page(in_order(map(entry_of, found[:most])), beyond, mark))

    async def deeper(self, space: str, place: str, unless: str) -> Page | Same | Later | Never:
        """A page by its number: what moves down meanwhile is read twice, what moves up at the next round."""
        number = int(place)
        page = await self._page(space, number * PAGE)
        if not isinstance(page, Page):
            return page
        following = str(number + 1) if page.cursor is not None and number + 1 < MOST_PAGES else None
        return Same() if page.mark == unless else await self._likers.whole(replace(page, cursor=following))

    async def page(self, space: str, place: str | None) -> Page | Later | Never:
        """From a place on, the first five of those who like; the next begins a little before this one ends, since deletions move it up."""
        return await self._page(space, int(place or 0))

    async def _page(self, space: str, offset: int) -> Page | Later | Never:
        answer = await self._stream(space, offset)
        refused = await settled(self.api, answer)
        if refused is not None or isinstance(answer, Later):
            return refused or Later("unreachable")
        page = listed(answer.document, "activities")
        following = None if len(page) < PAGE or offset + PAGE >= MOST_PAGES * PAGE else str(offset + PAGE - max(PAGE // 5, 1))
        return Page(in_order(map(entry_of, page)), following, mark_of([answer.body]))

    async def comments(self, activity: str, unless: str) -> Page | Same | Later | Never:
        """Page by page; `subComments` brings the replies to comments beside them."""
        found: list[Any] = []
        bodies: list[bytes] = []
        while len(bodies) < MOST_PAGES:
            options = quoted([("offset", len(bodies) * PAGE), ("limit", PAGE), ("expand", f"{WHOLE},subComments")])
            answer = await self.api.get(f"{SOCIAL}/activities/{activity}/comments", options)
            refused = await settled(self.api, answer)
            if refused is not None or isinstance(answer, Later):
                return refused or Later("unreachable")
            page = listed(answer.document, "comments")
            found += page
            bodies.append(answer.body)
            if len(page) < PAGE:
                break
        mark = mark_of(bodies)
        return Same() if mark == unless else await self._likers.whole(Page(in_order(comment_of(one, activity) for one in found), mark=mark))

    async def activity(self, activity: str) -> Known:
        """`GET /activities/{id}`. Before Meeds eXo answered 401 for what is gone, which says nothing."""
        answer = await self.api.get(f"{SOCIAL}/activities/{activity}", [("expand", WHOLE)])
        if isinstance(answer, Later):
            return answer
        if answer.done:
            return entry_of(answer.document)
        return None if answer.absent else await self.api.refused(answer)

    async def comment(self, activity: str, comment: str) -> Known:
        """Among its activity's comments, which tell what it answers and how many answer it; one that is missing there is asked itself."""
        page = await self.comments(activity, "")
        if isinstance(page, Later):
            return page
        under = [entry for entry in page.entries if isinstance(entry, Entry)] if isinstance(page, Page) else []
        for entry in under:
            if entry.id == comment:
                return replace(entry, comments=sum(other.above == comment for other in under))
        found = await self.activity(comment)
        return found if found is None or isinstance(found, Later | Never) else Never("list_incomplete")

    async def readable(self, space: str) -> bool | Later:
        """Ask for one activity of its stream."""
        answer = await self.api.get(f"{SOCIAL}/spaces/{space}/activities", quoted([("limit", 1)]))
        return answer if isinstance(answer, Later) else answer.done

    async def post(self, space: str, html: str) -> str | Later | Never:
        """`POST /spaces/{id}/activities`."""
        return await made(self.api, await self.api.send("POST", f"{SOCIAL}/spaces/{space}/activities", {"title": html}))

    async def add_comment(self, activity: str, above: str | None, html: str) -> str | Later | Never:
        """`POST /activities/{id}/comments`; two levels only, so that an answer to an answer stands beside it."""
        body = {"title": html} | ({"parentCommentId": above} if above else {})
        return await made(self.api, await self.api.send("POST", f"{SOCIAL}/activities/{activity}/comments", body))

    async def change(self, entry: Entry, html: str) -> Later | Never | None:
        """A comment's update must repeat what it answers: eXo takes a missing one for an attempt to move it."""
        if entry.is_root:
            return await settled(self.api, await self.api.send("PUT", f"{SOCIAL}/activities/{entry.id}", {"title": html}))
        body = {"id": entry.id, "title": html} | ({"parentCommentId": entry.above} if entry.above else {})
        return await settled(self.api, await self.api.send("PUT", f"{SOCIAL}/activities/{entry.activity}/comments", body))

    async def remove(self, entry: Entry) -> Later | Never | None:
        """A comment is deleted as an activity is."""
        return await settled(self.api, await self.api.send("DELETE", f"{SOCIAL}/activities/{entry.id}"))

    async def pin(self, activity: str, *, pinned: bool) -> Later | None:
        """`/activities/{id}/pins`, for the space's managers and redactors; eXo before Meeds has no such thing."""
        answer = await self.api.send("POST" if pinned else "DELETE", f"{SOCIAL}/activities/{activity}/pins")
        return answer if isinstance(answer, Later) else None

    async def with_likers(self, page: Page) -> Page | Later:
        """The first five are written out; the others are asked for."""
        return await self._likers.whole(page)

    async def like(self, entry: Entry) -> Later | Never | None:
        """`POST /activities/{id}/likes`, of a comment too."""
        return await settled(self.api, await self.api.send("POST", f"{SOCIAL}/activities/{entry.id}/likes"))

    async def unlike(self, entry: Entry) -> Later | Never | None:
        """`DELETE /activities/{id}/likes`."""
        return await settled(self.api, await self.api.send("DELETE", f"{SOCIAL}/activities/{entry.id}/likes"))

    async def person(self, identity: str) -> str | None:
        """`GET /identities/{id}`."""
        answer = await self.api.get(f"{SOCIAL}/identities/{identity}")
        found = read(Identity, answer.document) if not isinstance(answer, Later) and answer.done else None
        return (chosen_name(found.profile.name, found.remote_id) or None) if found else None

    async def space(self, space: str) -> SpaceReport | Later | Never:
        """Only members read a space; where anybody joins by a click that is all of this RSE."""
        found = await self._space(space)
        if not isinstance(found, SpaceV1):
            return found
        opened = found.subscription == "open" and found.visibility != "hidden"
        return SpaceReport(found.display_name or "", Audience.PUBLIC if opened else Audience.MEMBERS, self._externals)

    async def members(self, space: str, most: int) -> tuple[Liker, ...] | Later | Never:
        """`GET /spaces/{id}/users`, page by page."""
        return await gathered(lambda offset: self._members(space, offset), lambda one: one.id or one.account, most)

    async def _members(self, space: str, offset: int) -> Portion[Liker] | Later | Never:
        options = quoted([("role", "member"), ("offset", offset), ("limit", PAGE), ("returnSize", "true")])
        answer = await self.api.get(f"{SOCIAL}/spaces/{space}/users", options)
        refused = await settled(self.api, answer)
        if refused is not None or isinstance(answer, Later):
            return refused or Later("unreachable")
        page = read(UsersV1, answer.document)
        return Portion(page.users, page.size) if page is not None else Later("answer_unreadable")

    async def space_of(self, entry: Entry, spaces: Iterable[str]) -> str | Later | None:
        """An activity names its space by its pretty name alone."""
        for space in sorted(spaces):
            found = await self._space(space)
            if isinstance(found, Later):
                return found
            if isinstance(found, SpaceV1) and found.pretty_name == entry.stream:
                return space
        return None

    async def _space(self, space: str) -> SpaceV1 | Later | Never:
        answer = await self.api.get(f"{SOCIAL}/spaces/{space}")
        if isinstance(answer, Later):
            return answer
        if not answer.done:
            return await self.api.refused(answer)
        return read(SpaceV1, answer.document) or Later("answer_unreadable")

    async def _stream(self, space: str, offset: int) -> Answer | Later:
        options = quoted([("offset", offset), ("limit", PAGE), ("expand", WHOLE)])
        return await self.api.get(f"{SOCIAL}/spaces/{space}/activities", options)


def _touched(document: Any) -> str:
    """When an activity was last touched; empty where that cannot be read."""
    stamp = document.get("updateDate") or document.get("createDate") if isinstance(document, dict) else None
    try:
        moment(stamp if isinstance(stamp, str) else "")
    except ValueError:
        return ""
    return str(stamp)


def _before(stamp: str, limit: datetime | None) -> bool:
    """What has no readable time is never before."""
    return bool(stamp) and limit is not None and moment(stamp) < limit
