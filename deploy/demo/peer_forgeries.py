"""Step 9: five forgeries between servers, each as its author would try it, each refused by name at the peers' door."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from deploy.demo import cast
from deploy.demo.federation import INVITED, OPSI
from deploy.demo.spaces import find
from schemas import cavage, http_signature
from schemas.keys import SigningKey
from schemas.media_types import ACTIVITY_JSON
from schemas.rsa_keys import RsaSigningKey

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deploy.demo.neighbour import Neighbour
    from deploy.demo.scene import Scene

FORGED: Final = "Tous les laboratoires ferment ce soir"
PUBLIC: Final = "https://www.w3.org/ns/activitystreams#Public"
ACCEPTED: Final = 202


@dataclass(frozen=True, slots=True)
class Mail:
    """A request to an inbox, signed."""

    body: bytes
    fields: Mapping[str, str]


class Forger:
    """Somebody who holds OPSI's own keys, or has seen what OPSI sends: more than a forger should ever have."""

    def __init__(self, scene: Scene, other: Neighbour) -> None:
        self._http, self._place = scene.http, other.federated.place
        self._inbox = f"{scene.plan.place.base}/inbox"
        self.group, self._addressed = self._place.group(OPSI.community), scene.plan.place.group(cast.COMMUNITY)
        self._rsa = RsaSigningKey.load(self.group, self._place.keys / "federation-rsa.pem", None)
        self._key = SigningKey.load(self.group, self._place.key, None)

    def creates(self, actor: str, **more: Any) -> dict[str, Any]:
        """A message in an actor's name."""
        server = actor.partition("/groups/")[0].partition("/nodes/")[0]
        note = {
            "id": f"{server}/notes/{secrets.token_hex(8)}", "type": "Note", "attributedTo": actor, "to": [PUBLIC],
            "cc": [self._addressed], "content": f"<p>{FORGED}</p>", **more,
        }  # fmt: skip
        return {
            "@context": "https://www.w3.org/ns/activitystreams", "id": f"{server}/activities/{secrets.token_hex(8)}", "type": "Create",
            "actor": actor, "to": [PUBLIC], "cc": [self._addressed], "object": note,
        }  # fmt: skip

    def announces(self, deed: Mapping[str, Any]) -> dict[str, Any]:
        """OPSI's own group passes something on."""
        made = f"{self._place.base}/activities/{secrets.token_hex(8)}"
        return {
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": made,
            "type": "Announce",
            "actor": self.group,
            "to": [PUBLIC],
            "object": deed,
        }

    def signed(self, activity: Mapping[str, Any]) -> Mail:
        """By OPSI's key, as its courier signs."""
        body = json.dumps(activity, ensure_ascii=False).encode()
        return Mail(body, http_signature.signed_fields(self._key, "POST", self._inbox, datetime.now(UTC), ACTIVITY_JSON, body))

    def signed_as_of_old(self, activity: Mapping[str, Any]) -> Mail:
        """By OPSI's RSA key, in the fediverse's older way."""
        body = json.dumps(activity, ensure_ascii=False).encode()
        return Mail(body, cavage.signed_fields(self._rsa, "POST", self._inbox, datetime.now(UTC), ACTIVITY_JSON, body))

    async def posts(self, mail: Mail) -> tuple[int, str]:
        """What the door answers: the status, and the reason of a refusal."""
        async with self._http.post(self._inbox, data=mail.body, headers=mail.fields) as answer:
            said = await answer.json(content_type=None) if answer.status != ACCEPTED else {}
            return answer.status, str(said.get("reason", ""))

    async def proved_note(self, words: str) -> dict[str, Any]:
        """A true message of OPSI's ministry, with its proof, as anybody reads it."""
        async with self._http.get(f"{self.group}/outbox?page=1", headers={"Accept": ACTIVITY_JSON}) as answer:
            deeds = (await answer.json(content_type=None))["orderedItems"]
        notes = [one["object"]["object"] for one in deeds if isinstance(one["object"].get("object"), dict)]
        found: dict[str, Any] = next(note for note in notes if words in note.get("content", "").replace("&#39;", "'").replace("’", "'"))
        return found


async def forgeries(scene: Scene, other: Neighbour) -> None:
    """All five, and what they left behind: nothing."""
    scene.narrator.step(9, "Cinq faux d'un serveur à l'autre, chacun refusé par son nom")
    forger = Forger(scene, other)
    await _swapped_body(scene, forger)
    await _key_of_another(scene, forger)
    await _replayed(scene, forger)
    await _older_signature(scene, forger)
    await _anothers_envelope(scene, forger)
    for ministry in cast.MINISTRIES:
        shown = await scene.spaces[ministry.node].shown()
        scene.narrator.check(f"rien n'en paraît dans {ministry.rse}", held=find(shown, FORGED) is None)


async def _swapped_body(scene: Scene, forger: Forger) -> None:
    scene.narrator.does("une vraie demande d'OPSI, interceptée : le corps est changé en chemin")
    true, other = forger.signed(forger.announces({})), forger.signed(forger.creates(forger.group))
    await _refused(scene, forger, Mail(other.body, true.fields), (401, "body_digest_mismatch"))


async def _key_of_another(scene: Scene, forger: Forger) -> None:
    scene.narrator.does(f"la clé d'OPSI signe, au nom du ministère {cast.WIFIP.name}")
    victim = f"{scene.plan.place.base}/nodes/{cast.WIFIP.node}"
    await _refused(scene, forger, forger.signed(forger.creates(victim)), (403, "actor_mismatch"))


async def _replayed(scene: Scene, forger: Forger) -> None:
    scene.narrator.does("une vraie demande d'OPSI, gardée, puis envoyée une seconde fois")
    mail = forger.signed({**forger.announces({}), "type": "Listen", "object": forger.group})
    status, _ = await forger.posts(mail)
    scene.narrator.check(f"la première fois, elle est prise ({status}) ; elle ne demande rien", held=status == ACCEPTED)
    await _refused(scene, forger, mail, (401, "signature_replayed"))


async def _older_signature(scene: Scene, forger: Forger) -> None:
    scene.narrator.does("une demande signée à l'ancienne (draft-cavage), ce que le registre ne permet pas à OPSI")
    await _refused(scene, forger, forger.signed_as_of_old(forger.creates(forger.group)), (401, "cavage_not_allowed"))


async def _anothers_envelope(scene: Scene, forger: Forger) -> None:
    scene.narrator.does("le serveur d'OPSI glisse l'enveloppe d'un ministère dans la note d'un autre")
    true = await forger.proved_note(INVITED)
    another = true["attributedTo"].rpartition("/")[0] + "/autre-ministere"
    forged = forger.creates(another, ministryEvent=true["ministryEvent"])
    await _refused(scene, forger, forger.signed(forger.announces(forged)), (403, "envelope_of_another_ministry"))


async def _refused(scene: Scene, forger: Forger, mail: Mail, expected: tuple[int, str]) -> None:
    answer = await forger.posts(mail)
    scene.narrator.check(f"refusé à la porte des pairs : {answer[0]} {answer[1]}", held=answer == expected)
