"""Groups in the twin: who is in them, and the webhooks that tell of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiohttp import web

from adapters.discourse.twin.forum import NOT_FOUND, NOT_PERMITTED, Refusal
from adapters.discourse.twin.store import Group
from adapters.discourse.twin.views import MEMBERS, group_member

if TYPE_CHECKING:
    from adapters.discourse.twin.call import Call, Door
    from adapters.discourse.twin.hooks import Hooks
    from adapters.discourse.twin.store import Person, Store

FIRST = 41  # numbers below are those of automatic groups
MOST = 1000


class Groups:
    """Staff lets people in and puts them out; the one group has no members at first."""

    def __init__(self, store: Store, hooks: Hooks) -> None:
        self._store = store
        self._hooks = hooks
        if not store.groups:
            group = Group(store.next_id("group", FIRST), MEMBERS)
            store.groups[group.id] = group
            store.keep(group)

    def routes(self, read: Door, write: Door) -> list[web.RouteDef]:
        """Its routes."""
        return [
            web.get(r"/groups/{name:[^/]+}/members.json", read(self._members)),
            web.put(r"/groups/{id:\d+}/members.json", write(self._enter)),
            web.delete(r"/groups/{id:\d+}/members.json", write(self._leave)),
        ]

    async def _members(self, call: Call) -> web.Response:
        limit, offset = (int(call.request.query.get(name, otherwise)) for name, otherwise in (("limit", "50"), ("offset", "0")))
        return web.json_response(self.page(call.request.match_info["name"], limit, offset))

    async def _enter(self, call: Call) -> web.Response:
        return web.json_response(self.add(call.person, call.number, str(call.given.get("usernames") or "")))

    async def _leave(self, call: Call) -> web.Response:
        return web.json_response(self.remove(call.person, call.number, str(call.given.get("usernames") or "")))

    def page(self, name: str, limit: int, offset: int) -> dict[str, Any]:
        """`GET /groups/{name}/members.json`."""
        group = next((one for one in self._store.groups.values() if one.name.lower() == name.lower()), None)
        if group is None:
            raise Refusal(404, [NOT_FOUND], "not_found")
        if not 0 <= limit <= MOST or offset < 0:
            raise Refusal(400, ["limit"], "invalid_parameters")
        people = sorted((self._store.people[int(one)] for one in group.members), key=lambda person: person.username)
        shown = [group_member(person, group.members[str(person.id)]) for person in people[offset : offset + limit]]
        return {"members": shown, "owners": [], "meta": {"total": len(people), "limit": limit, "offset": offset}}

    def add(self, actor: Person, number: int, usernames: str) -> dict[str, Any]:
        """`PUT /groups/{id}/members.json`."""
        group, people = self._asked(actor, number, usernames)
        if any(str(person.id) in group.members for person in people):
            raise Refusal(422, ["They are already members of this group."])
        for person in people:
            group.members[str(person.id)] = self._store.stamp()
            self._tell("user_added_to_group", group, person)
        return {"success": "OK", "usernames": [person.username for person in people]}

    def remove(self, actor: Person, number: int, usernames: str) -> dict[str, Any]:
        """`DELETE /groups/{id}/members.json`."""
        group, people = self._asked(actor, number, usernames)
        for person in people:
            if group.members.pop(str(person.id), None) is None:
                raise Refusal(400, ["usernames"], "invalid_parameters")
            self._tell("user_removed_from_group", group, person)
        return {"success": "OK", "usernames": [person.username for person in people]}

    def _asked(self, actor: Person, number: int, usernames: str) -> tuple[Group, list[Person]]:
        if not actor.staff:
            raise Refusal(403, [NOT_PERMITTED], "invalid_access")
        group = self._store.groups.get(number)
        if group is None:
            raise Refusal(404, [NOT_FOUND], "not_found")
        wanted = {name.strip().lower() for name in usernames.split(",")}
        people = [person for person in self._store.people.values() if person.username.lower() in wanted]
        if not people:
            raise Refusal(400, ["usernames"], "invalid_parameters")
        return group, people

    def _tell(self, event: str, group: Group, person: Person) -> None:
        document = {"id": self._store.next_id("group_user", 1), "group_id": group.id, "user_id": person.id, "notification_level": 3}
        self._store.keep(group, self._hooks.group_user(event, document))
        self._hooks.wake()
