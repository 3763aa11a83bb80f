"""French words for the names that machines use; a name without one is shown as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hub.ui.reasons import REASONS
from schemas.words import GROUND_WORDS, Ground

if TYPE_CHECKING:
    from collections.abc import Mapping

STANDS: Final[Mapping[tuple[str, str], str]] = {
    ("written", "posted"): "écrit",
    ("written", "edited"): "modification écrite",
    ("written", "deleted"): "suppression faite",
    ("written", "moderated"): "retiré par la modération",
    ("written", "restored"): "rétabli par la modération",
    ("confirmed", "moderated"): "retrait confirmé",
    ("confirmed", "restored"): "rétablissement confirmé",
    ("pending", "moderated"): "retrait par la modération en attente",
    ("pending", "restored"): "rétablissement en attente",
    ("unsupported", "moderated"): "la modération n’y est pas possible",
    ("unsupported", "restored"): "le rétablissement n’y est pas possible",
    ("confirmed", "posted"): "confirmé",
    ("confirmed", "edited"): "modification confirmée",
    ("confirmed", "deleted"): "suppression confirmée",
    ("pending", "posted"): "en attente",
    ("pending", "edited"): "modification en attente",
    ("pending", "deleted"): "suppression en attente",
}
VERDICTS: Final[Mapping[str, str]] = {
    "written": "écrit",
    "confirmed": "confirmé",
    "pending": "en attente",
    "unsupported": "non pris en charge",
    "skipped": "passé",
    "refused": "refusé",
    "withdrawn": "retirée localement",
}
MARKS: Final[Mapping[str, str]] = {
    "written": "✓", "confirmed": "✓", "pending": "…", "unsupported": "–", "skipped": "–", "refused": "✕", "withdrawn": "−",
    "accepted": "✓", "transmitted": "→", "waiting": "…", "failing": "…", "closed": "✓", "open": "✕", "paused": "–", "gone": "−",
    "never": "·", "awaited": "…", "silent": "→", "acknowledged": "✓", "arrived": "✓",
    "active": "✓", "proposed": "…", "suspended": "✕",
}  # fmt: skip
"""A sign beside each colour: nothing is told by colour alone."""
GRADES: Final[Mapping[str, str]] = {
    "candidate": "candidat", "observer": "observateur", "full": "admis", "suspended": "suspendu", "gone": "parti",
}  # fmt: skip
KEY_STATES: Final[Mapping[str, str]] = {
    "pending": "pas encore active", "active": "active", "retiring": "bientôt retirée", "retired": "retirée", "revoked": "révoquée",
}  # fmt: skip
PAIRS: Final[Mapping[str, str]] = {
    "next": "suivra", "signing": "signe", "former": "ne signe plus, encore crue", "ended": "n’est plus crue",
}  # fmt: skip
CUSTODIES: Final[Mapping[str, str]] = {"organisation": "clé chez le ministère", "operator": "clé chez l’opérateur"}
ROLES: Final[Mapping[str, str]] = {
    "owner": "Propriétaire du service", "rssi": "RSSI", "dpo": "Délégué à la protection des données", "animation": "Animation",
    "sponsor": "Sponsor",
}  # fmt: skip
DATA_CLASSES: Final[Mapping[str, str]] = {
    "identity": "identités", "messages": "messages", "reactions": "réactions", "memberships": "participations", "files": "fichiers",
}  # fmt: skip
DECISIONS: Final[Mapping[str, str]] = {
    "full": "Approuver l’admission", "observer": "Approuver comme observateur, ou y ramener", "refuse": "Refuser la candidature",
    "suspended": "Suspendre", "gone": "Prendre acte du départ, pour toujours",
}  # fmt: skip
DIFFERENCES: Final[Mapping[str, str]] = {"same": "inchangé", "added": "ajouté", "removed": "retiré", "changed": "changé"}
DOUBT: Final = "Douteux : la clé qui a signé était peut-être alors en d’autres mains."
LOST: Final[Mapping[str, Mapping[str, str]]] = {
    "node": {
        "observer": "Ce qui se dit ici lui parvient toujours ; ce qu’on y écrit n’en sort plus tant qu’il ne fait que lire, réactions "
        "comprises. Ce qui en était sorti reste lisible.",
        "suspended": "Ses agents n’y écrivent plus et n’y reçoivent plus rien de nouveau ; ce qu’ils avaient écrit reste lisible, et les suppressions lui "
        "parviennent encore. Ce qui se dit pendant ce temps ne lui parvient pas.",
        "gone": "Ses agents ne lisent et n’écrivent plus ici, et rien ne lui est plus envoyé, pas même les suppressions : les copies qui sont dans son RSE ne "
        "dépendent plus que de lui. Ce qu’ils avaient écrit ici reste lisible.",
    },
    "peer": {
        "observer": "Ce qui se dit ici lui parvient toujours ; ce qu’on y écrit est refusé à son serveur tant qu’il ne fait que lire, réactions "
        "comprises. Ce qui en était venu reste lisible.",
        "suspended": "Ses membres ne reçoivent plus rien de nouveau de ce qui se dit ici ; ce qu’ils disent, ou que ses groupes transmettent, n’arrive plus. "
        "Ce qui en était venu reste lisible, et les suppressions passent encore dans les deux sens. Ce qui se dit pendant ce temps ne lui parvient pas.",
        "gone": "Ses membres ne reçoivent plus rien de ce qui se dit ici, pas même les suppressions : les copies qui sont chez lui ne dépendent plus que de "
        "lui. Ce qu’ils disent, ou que ses groupes transmettent, n’arrive plus ; ce qui en était venu reste lisible.",
    },
}
"""What a lower grade, a suspension or a departure costs, said where it matters."""
VALIDITIES: Final[Mapping[str, str]] = {
    "current": "manifeste valable", "ending": "manifeste bientôt expiré", "expired": "manifeste expiré",
}  # fmt: skip
LAPSED: Final[Mapping[str, str]] = {
    "node": "Ce qui se dit ici lui parvient toujours ; ce qu’on y écrit n’en sort plus, jusqu’à ce que deux personnes aient accepté un nouveau manifeste. "
    "Venu par Kafka, c’est mis de côté, et « traitdunion nodes release » le relira alors ; à la porte HTTPS c’est refusé, et son connecteur le garde et le renvoie de lui-même.",
    "peer": "Ce qui se dit ici lui parvient toujours ; ce qu’on y écrit est refusé à son serveur, jusqu’à ce que deux personnes aient accepté un nouveau "
    "manifeste.",
}
"""What a manifest that nobody renewed costs, said where it matters."""
LAPSING: Final = "Passé cette date il lira sans pouvoir écrire : qu’il en présente un autre, que deux personnes accepteront."
ACTS: Final[Mapping[str, str]] = {
    "applied": "candidature", "declared": "déclaration", "approved": "approbation", "refused": "refus", "grade_changed": "changement de degré",
    "quarantine_ended": "fin de quarantaine",
    "key_announced": "clé annoncée", "key_rotated": "clé relayée", "key_revoked": "clé révoquée", "key_compromised": "clé compromise",
    "anchor_replaced": "ancre remplacée",
    "pair_replaced": "paire de fédération remplacée",
    "activities_resent": "activités renvoyées",
    "person_named": "personne nommée pour approuver", "person_revoked": "personne qui n’approuve plus",
}  # fmt: skip
BREAKERS: Final[Mapping[str, str]] = {
    "closed": "en service", "open": "en échec", "paused": "en pause", "gone": "parti", "never": "rien ne lui a été porté",
}  # fmt: skip
SCHEMES: Final[Mapping[str, str]] = {
    "ed25519": "RFC 9421, Ed25519", "rsa-v1_5-sha256": "RFC 9421, RSA", "cavage": "draft-cavage, RSA",
}  # fmt: skip
TRANSMISSIONS: Final[Mapping[str, str]] = {
    "transmitted": "transmis, sans accusé", "waiting": "en attente", "failing": "en attente : serveur en échec", "refused": "refusé",
    "awaited": "transmis, accusé attendu", "silent": "transmis, sans accusé", "acknowledged": "pris, accusé signé", "arrived": "arrivé, accusé signé",
}  # fmt: skip
FORMS: Final[Mapping[str, str]] = {"announced": "par le groupe", "plain": "sans groupe", "direct": "à un seul acteur"}
FATES: Final[Mapping[str, str]] = {
    "held": "y attend ce à quoi il répond", "known": "y était déjà", "noted": "n’y change rien", "refused": "ce serveur le refuse",
}  # fmt: skip
TIES: Final[Mapping[str, str]] = {"proposed": "proposé", "active": "actif", "refused": "refusé", "suspended": "suspendu"}
FOLLOWS: Final[Mapping[str, str]] = {"pending": "demandé", "accepted": "accepté", "refused": "refusé", "ended": "terminé"}
AUDIENCES: Final[Mapping[str, str]] = {
    "public": "tous les agents", "members": "membres", "private": "privé", "unknown": "inconnu",
}  # fmt: skip
OPEN_TO: Final = "publique : tous les agents, toute personne sur Internet (page publique) et les serveurs extérieurs admis"
CHANGES: Final[Mapping[str, str]] = {
    "message.posted": "message écrit", "message.edited": "message modifié", "message.deleted": "message supprimé",
    "message.moderated": "message retiré par la modération", "message.restored": "message rétabli par la modération",
    "reaction.added": "réaction", "reaction.removed": "réaction retirée",
    "answer.accepted": "réponse retenue", "answer.withdrawn": "réponse qui n’est plus retenue",
    "membership.joined": "participation", "membership.left": "fin de participation",
    "copy.withdrawn": "copie retirée localement", "copy.edited": "copie modifiée localement",
    "copy.restored": "copie à récrire",
    "tie.accepted": "rattachement accepté", "tie.refused": "rattachement refusé", "tie.proposed": "rattachement proposé",
    "community.opened": "communauté ouverte", "node.approved": "nœud admis", "delivery.reported": "accusés",
}  # fmt: skip
OUTCOMES: Final[Mapping[str, str]] = {
    "sequenced": "numéroté", "held": "retenu : attend ce dont il parle", "superseded": "dépassé par un changement plus récent",
    "orphaned": "écarté : ce dont il parle n’est pas là", "noted": "noté", "withheld": "gardé, montré à personne : le message est modéré", "unsupported": "non pris en charge",
}  # fmt: skip


def stand(state: str, change: str) -> str:
    """A message's standing at a node, in a few words."""
    return STANDS.get((state, change), VERDICTS.get(state, state))


def verdict(name: str) -> str:
    """A verdict."""
    return VERDICTS.get(name, name)


def mark(state: str) -> str:
    """A verdict's sign."""
    return MARKS.get(state, "·")


REPORTS: Final[Mapping[str, str]] = {"edited": "copie modifiée", "withdrawn": "copie retirée"}


def ground(name: str) -> str:
    """Why a message was taken away."""
    return GROUND_WORDS.get(Ground(name), name)


def report(kind: str) -> str:
    """What was done to a copy."""
    return REPORTS.get(kind, kind)


def reason(name: str) -> str:
    """Why something was refused, for people; the machines' name where we have no words."""
    return REASONS.get(name, name)


def change(event_type: str) -> str:
    """What an event says, from its type."""
    short = event_type.removeprefix("fr.gouv.rse.").rpartition(".v")[0]
    return CHANGES.get(short, event_type)


def outcome(name: str) -> str:
    """What became of an event in the hub."""
    return OUTCOMES.get(name, name)


def breaker(name: str) -> str:
    """A peer's circuit breaker."""
    return BREAKERS.get(name, name)


def scheme(name: str | None) -> str:
    """By what a peer lets us sign."""
    return SCHEMES.get(name, name) if name else "pas encore connue"


def form(name: str) -> str:
    """How an activity is told."""
    return FORMS.get(name, name)


def transmission(name: str) -> str:
    """What became of something at a peer; « arrivé » where another Trait d'union has signed that its nodes have it, and nowhere else."""
    return TRANSMISSIONS.get(name, name)


def there(fate: str, community: str | None, sequence: int | None, written: int, nodes: int) -> str:
    """What another Trait d'union says became of something there."""
    if fate != "sequenced":
        return FATES.get(fate, fate)
    return f"n° {sequence} dans « {community} », écrit dans {written} RSE sur {nodes}"


def grade(name: str) -> str:
    """How far a node is admitted."""
    return GRADES.get(name, name)


def approver(name: str | None, to: str | None) -> str:
    """Somebody who approved; to which grade, where it is not the ordinary one."""
    return f"{name} (comme {grade(to)})" if to == "observer" else name or ""


def validity(name: str) -> str:
    """How a manifest stands."""
    return VALIDITIES.get(name, name)


def key_state(name: str) -> str:
    """Where a key stands in its life."""
    return KEY_STATES.get(name, name)


def data_class(name: str) -> str:
    """A kind of data that is exchanged."""
    return DATA_CLASSES.get(name, name)


def pair(name: str) -> str:
    """What one of our pairs is to us now."""
    return PAIRS.get(name, name)


def custody(name: str | None) -> str:
    """Who keeps a private key."""
    return CUSTODIES.get(name, name) if name else "on ne sait pas qui garde la clé"


def act(name: str) -> str:
    """What somebody did in the registry."""
    return ACTS.get(name, name)


def difference(name: str) -> str:
    """How something differs from what was accepted before."""
    return DIFFERENCES.get(name, name)


def no_keys(declared: object, accepted: object) -> str:
    """Why a peer has no keys here."""
    if declared:
        return "Aucune ici : déclaré sans manifeste signé, ce serveur n’en a présenté aucune. Ce qu’il dit est jugé d’après les clés que publient ses acteurs."
    return "Aucune ici : son manifeste accepté n’en garde pas." if accepted else "Aucune encore : son manifeste n’est pas accepté."


def tie(name: str) -> str:
    """A tie's state."""
    return TIES.get(name, name)


def follow(name: str) -> str:
    """The state of a follow."""
    return FOLLOWS.get(name, name)


def open_to(audience_name: str) -> str:
    """Who reads a community: a public one, anybody on the Internet too."""
    return OPEN_TO if audience_name == "public" else audience(audience_name)


def audience(name: str | None) -> str:
    """Who can read."""
    return AUDIENCES.get(name, name) if name else "inconnu"
