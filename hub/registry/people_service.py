"""Use cases about the people who approve: to name one, and to end her token. Each is an act, which everybody can read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from hub.registry.acts import Act, ActKind

if TYPE_CHECKING:
    from datetime import datetime

    from hub.ports import Clock
    from hub.registry.admission_work import Acts, Nodes
    from hub.registry.people import Person


class TokenEnded(ValueError):
    """A token of somebody who no longer acts: nobody acts by it again."""

    def __init__(self, person: Person) -> None:
        super().__init__(person.id)
        self.person = person


class People(Protocol):
    """The federation's people."""

    async def bearer(self, unverified: str) -> Person | None: ...
    async def get(self, person: str) -> Person | None: ...
    async def add(self, person: Person, token: str) -> None: ...
    async def revoke(self, person: str, at: datetime) -> bool: ...


class Work(Protocol):
    """What these use cases need of a transaction."""

    clock: Clock

    @property
    def nodes(self) -> Nodes: ...
    @property
    def people(self) -> People: ...
    @property
    def acts(self) -> Acts: ...
    async def publish_registry_again(self) -> None: ...


async def name(person: Person, token: str, work: Work) -> bool:
    """Let somebody approve by a token; False where it is somebody's already. Raises TokenEnded."""
    bearer = await work.people.bearer(token)
    if bearer is not None and bearer.revoked_at is not None:
        raise TokenEnded(bearer)
    if bearer is not None:
        return False
    await work.people.add(person, token)
    await _keep(ActKind.PERSON_NAMED, person, work)
    return True


async def revoke(person_id: str, work: Work) -> bool:
    """End somebody's token: what was decided with her stands, her approvals that wait for a second one count no more; False where nobody acts under this id."""
    person = await work.people.get(person_id)
    if person is None or not await work.people.revoke(person_id, work.clock()):
        return False
    await _keep(ActKind.PERSON_REVOKED, person, work)
    return True


async def _keep(kind: ActKind, person: Person, work: Work) -> None:
    """The act, in the registry's history too once there is one: who names two people and admits by them alone is seen by every reader."""
    await work.nodes.lock()
    await work.acts.add(Act(f"person/{person.id}", kind, work.clock(), about=person))
    await work.publish_registry_again()
