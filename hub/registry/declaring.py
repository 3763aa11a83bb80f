"""The use case of declaring: somebody of the federation describes a server of others that will sign no manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hub.registry.acts import Act, ActKind
from hub.registry.admission_work import ManifestStands, NameTaken, said_why
from hub.registry.applications import STANDING, Application, ApplicationState
from hub.registry.declarations import Declaration
from hub.registry.peers import described
from schemas.manifest import Grade
from schemas.sequence import PEERS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hub.registry.admission_work import Work
    from hub.registry.people import Presence


async def declare(declaration: Declaration, reason: str, presence: Presence, work: Work) -> bool:
    """Describe a server; it is admitted as any other, by two people, who may be asked again whenever the description changes.

    False where this is what stands already. Raises NameTaken, ManifestStands or ReasonMissing.
    """
    await work.nodes.lock()
    why = said_why(reason)
    earlier = [one for one in await work.applications.of(declaration.subject) if one.state in STANDING]
    await _may_be_declared(declaration, earlier, work)
    if any(isinstance(one.said, Declaration) and declaration.says_the_same(one.said) for one in earlier[-1:]):
        return False
    now = work.clock()
    for one in earlier:
        if one.state is ApplicationState.OPEN:
            await work.applications.decide(one, ApplicationState.REPLACED, now)
    await work.applications.add(Application.declared(declaration, now))
    known = await work.peers.get(declaration.authority)
    if known is None:
        await work.peers.add(described(declaration, now))
    elif known.grade is Grade.CANDIDATE:
        await work.peers.save(described(declaration, now))
    await work.acts.add(Act(declaration.subject, ActKind.DECLARED, now, declaration.digest, reason=why, presence=presence))
    return True


async def _may_be_declared(declaration: Declaration, standing: Sequence[Application], work: Work) -> None:
    """Nobody describes a server over its own word: what it signed, it alone changes."""
    known = await work.peers.get(declaration.authority)
    if declaration.authority in {work.hub, PEERS} or (known is not None and known.grade is Grade.GONE):
        raise NameTaken(declaration.authority)
    if any(not isinstance(one.said, Declaration) for one in standing):
        raise ManifestStands(declaration.authority)
