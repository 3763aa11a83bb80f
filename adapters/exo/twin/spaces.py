"""What people may do in the twin's spaces, whichever API they come by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nh3

from adapters.exo.twin.call import Refusal
from adapters.exo.twin.store import Item

if TYPE_CHECKING:
    from adapters.exo.twin.call import Call
    from adapters.exo.twin.store import Space, Store


class Spaces:
    """The rules, over one store. What is refused is refused by the status that the API in use answers."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, call: Call, space: Space, text: str, *, root: Item | None = None, above: str | None = None) -> Item:
        """Write an activity, or a comment under one: a comment touches its activity. HTML is cleaned, as eXo does."""
        number, now = self._store.next_number("item", 42), self._store.stamp()
        item = Item(f"comment{number}" if root else str(number), space.id, call.person.id, nh3.clean(text), now, now)
        params = call.given.get("templateParams")
        item.params = {str(name): str(said) for name, said in params.items()} if isinstance(params, dict) else {}
        self._store.items[item.id] = item
        if root is not None:
            item.root, item.above, root.updated = root.id, above, now
            self._store.keep(root)
        self._store.keep(item)
        return item

    def change(self, call: Call, item: Item) -> None:
        """Only who wrote it."""
        if item.poster != call.person.id:
            raise Refusal(401)
        item.title, item.updated = nh3.clean(call.text("title")), self._store.stamp()
        self._store.keep(item)

    def remove(self, call: Call, item: Item, refused: int) -> None:
        """Who wrote it, or a manager; what stands under it goes too."""
        if item.poster != call.person.id and not call.person.manager:
            raise Refusal(refused)
        under = [one for one in self._store.items.values() if item.id in {one.root, one.above}]
        self._store.drop(item, *under)

    def item(self, call: Call, wanted: str, status: int) -> Item:
        """What this person may see."""
        item = self._store.items.get(wanted)
        if item is None or call.person.username in self._store.spaces[item.space].outsiders:
            raise Refusal(status)
        return item

    def root(self, call: Call, wanted: str, status: int) -> Item:
        """An activity, not a comment."""
        item = self.item(call, wanted, status)
        if item.root is not None:
            raise Refusal(status)
        return item

    def mine(self, call: Call, wanted: str, status: int) -> Space:
        """A space of which this person is a member."""
        space = self._store.spaces.get(wanted)
        if space is None or call.person.username in space.outsiders:
            raise Refusal(status)
        return space

    def owner(self, call: Call, identity: str) -> Space:
        """The space whose stream an identity owns."""
        space = next((one for one in self._store.spaces.values() if one.identity == identity), None)
        if space is None:
            raise Refusal(404)
        return self.mine(call, space.id, 403)

    def pin(self, call: Call, item: Item, *, pinned: bool) -> None:
        """A manager or a redactor of the space; one pinned activity at a time shows first."""
        if not call.person.manager:
            raise Refusal(401)
        item.pinned = pinned
        self._store.keep(item)
