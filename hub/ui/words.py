"""French words for the names that machines use; a name without one is shown as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

STANDS: Final[Mapping[tuple[str, str], str]] = {
    ("written", "posted"): "écrit",
    ("written", "edited"): "modification écrite",
    ("written", "deleted"): "suppression faite",
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
    "suspended": "Suspendre", "gone": "Prendre acte du départ",
}  # fmt: skip
DOUBT: Final = "Douteux : la clé qui a signé était peut-être alors en d’autres mains."
LOST: Final[Mapping[str, str]] = {
    "observer": "Ce qui se dit ici lui parvient toujours ; ce qu’on y écrit n’en sort plus tant qu’il ne fait que lire, réactions "
    "comprises. Ce qui en était sorti reste lisible.",
    "suspended": "Ses agents n’y écrivent plus et n’y reçoivent plus rien de nouveau ; ce qu’ils avaient écrit reste lisible, et les suppressions lui "
    "parviennent encore. Ce qui se dit pendant ce temps ne lui parvient pas.",
    "gone": "Ses agents ne lisent et n’écrivent plus ici, et rien ne lui est plus envoyé, pas même les suppressions : les copies qui sont dans son RSE ne "
    "dépendent plus que de lui. Ce qu’ils avaient écrit ici reste lisible.",
}
"""What a lower grade, a suspension or a departure costs, said where it matters."""
VALIDITIES: Final[Mapping[str, str]] = {
    "current": "manifeste valable", "ending": "manifeste bientôt expiré", "expired": "manifeste expiré",
}  # fmt: skip
LAPSED: Final[Mapping[str, str]] = {
    "node": "Ce qui se dit ici lui parvient toujours ; ce qu’on y écrit n’en sort plus, et est mis de côté : « traitdunion nodes release » le relira quand "
    "deux personnes auront accepté un nouveau manifeste.",
    "peer": "Ce qui se dit ici lui parvient toujours ; ce qu’on y écrit est refusé à son serveur, jusqu’à ce que deux personnes aient accepté un nouveau "
    "manifeste.",
}
"""What a manifest that nobody renewed costs, said where it matters."""
LAPSING: Final = "Passé cette date il lira sans pouvoir écrire : qu’il en présente un autre, que deux personnes accepteront."
ACTS: Final[Mapping[str, str]] = {
    "applied": "candidature", "declared": "déclaration", "approved": "approbation", "refused": "refus", "grade_changed": "changement de degré",
    "quarantine_ended": "fin de quarantaine",
    "key_announced": "clé annoncée", "key_rotated": "clé relayée", "key_revoked": "clé révoquée", "key_compromised": "clé compromise",
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
FATES: Final[Mapping[str, str]] = {
    "held": "y attend ce à quoi il répond", "known": "y était déjà", "noted": "n’y change rien", "refused": "ce serveur le refuse",
}  # fmt: skip
TIES: Final[Mapping[str, str]] = {"proposed": "proposé", "active": "actif", "refused": "refusé", "suspended": "suspendu"}
FOLLOWS: Final[Mapping[str, str]] = {"pending": "demandé", "accepted": "accepté", "refused": "refusé", "ended": "terminé"}
AUDIENCES: Final[Mapping[str, str]] = {
    "public": "tous les agents", "members": "membres", "private": "privé", "unknown": "inconnu",
}  # fmt: skip
OPEN_TO: Final = "publique : tous les agents, et les serveurs extérieurs admis"
CHANGES: Final[Mapping[str, str]] = {
    "message.posted": "message écrit", "message.edited": "message modifié", "message.deleted": "message supprimé",
    "reaction.added": "réaction", "reaction.removed": "réaction retirée",
    "answer.accepted": "réponse retenue", "answer.withdrawn": "réponse qui n’est plus retenue",
    "membership.joined": "participation", "membership.left": "fin de participation",
    "copy.withdrawn": "copie retirée localement", "copy.edited": "copie modifiée localement",
    "tie.accepted": "rattachement accepté", "tie.refused": "rattachement refusé", "tie.proposed": "rattachement proposé",
    "community.opened": "communauté ouverte", "node.approved": "nœud admis", "delivery.reported": "accusés",
}  # fmt: skip
OUTCOMES: Final[Mapping[str, str]] = {
    "sequenced": "numéroté", "held": "retenu : attend ce dont il parle", "superseded": "dépassé par un changement plus récent",
    "orphaned": "écarté : ce dont il parle n’est pas là", "noted": "noté", "unsupported": "non pris en charge",
}  # fmt: skip
REASONS: Final[Mapping[str, str]] = {
    "envelope_malformed": "enveloppe mal formée",
    "major_unknown": "version majeure inconnue",
    "salt_malformed": "sel mal formé",
    "id_mismatch": "identifiant qui ne correspond pas",
    "node_unknown": "nœud inconnu",
    "key_of_another_node": "clé d’un autre nœud",
    "key_unknown": "clé inconnue",
    "key_pending": "clé pas encore active",
    "key_retired": "clé retirée",
    "key_revoked": "clé révoquée",
    "proof_invalid": "preuve invalide : attribut altéré ou signature d’un autre",
    "digest_mismatch": "contenu altéré",
    "time_in_future": "date dans le futur",
    "record_key_mismatch": "clé d’enregistrement qui ne correspond pas",
    "fact_malformed": "fait mal formé",
    "handler_error": "échec du traitement",
    "node_quarantined": "nœud en quarantaine",
    "node_not_admitted": "nœud non admis",
    "manifest_expired": "manifeste expiré : il n’autorise plus à écrire, jusqu’à ce qu’un autre soit accepté",
    "node_observes": "nœud observateur : il lit et n’écrit pas",
    "not_tied": "espace non rattaché à la communauté",
    "not_owner": "n’appartient pas à ce nœud",
    "subject_mismatch": "objet qui ne correspond pas",
    "community_unknown": "communauté inconnue",
    "too_many_members": "plus de participants qu’un espace n’en peut compter",
    "message_unknown": "message inconnu",
    "message_not_named": "message non nommé",
    "unknown_object": "jamais écrit dans ce RSE",
    "own_message": "Discourse ne laisse pas aimer ce qu’on a écrit soi-même",
    "emoji_without_like": "un « j’aime » ne dirait pas la même chose que cet émoji",
    "comment_without_like": "cet eXo ne laisse pas aimer un commentaire",
    "history_kept": "ses versions d’avant restent lisibles : le compte du connecteur doit être modérateur ou administrateur du Discourse",
    "post_gone": "le message n’est plus là",
    "daily_limit": "limite quotidienne de « j’aime » atteinte",
    "same_name_reacted": "un agent du même nom, du même ministère, a déjà cette réaction",
    "tie_refused": "rattachement refusé",
    "name_taken": "ce nom est déjà pris, par d’autres clés, ou son porteur est parti",
    "manifest_replayed": "un manifeste plus récent est déjà venu",
    "key_taken": "une de ces clés est déjà celle d’un autre",
    "too_many_applications": "trop de candidatures attendent déjà une décision",
    "application_missing": "aucune candidature n’attend de décision",
    "already_approved": "vous l’avez déjà approuvé : il y faut deux personnes différentes",
    "own_organisation_alone": "un organisme n’admet pas seul les siens : il y faut aussi une personne d’un autre",
    "reason_missing": "il faut dire pourquoi",
    "grade_refused": "ce passage n’existe pas",
    "space_wider_than_community": "espace plus ouvert que la communauté",
    "topic_missing": "topic absent",
    "targets_malformed": "destinataires mal formés",
    "record_too_large": "enregistrement trop gros",
    "not_a_report": "n’est pas un accusé",
    "copy_unknown": "copie inconnue",
    "audience_unknown": "on ne sait pas qui peut lire",
    # what the peers' door refuses, and the worker behind it
    "method_not_allowed": "méthode non permise à cette adresse",
    "content_type_unsupported": "ce n’est pas le type d’une activité",
    "body_too_large": "corps trop gros",
    "body_too_slow": "corps trop lent à venir",
    "activity_id_missing": "activité sans identifiant",
    "announce_of_announce": "transmission d’une transmission",
    "peer_not_permitted": "ce serveur n’en a pas le droit",
    "peer_quarantined": "serveur pair en quarantaine",
    "cavage_not_allowed": "ancienne signature (draft-cavage), que le registre ne permet pas à ce serveur",
    "signature_replayed": "signature qui a déjà servi",
    "nonce_memory_full": "trop de signatures de cette clé en peu de temps",
    "actor_mismatch": "la clé n’est pas celle de l’acteur",
    "id_of_another_origin": "identifiant d’un autre serveur",
    "object_of_another_origin": "objet d’un autre serveur",
    "undo_of_another": "on ne défait que ce qu’on a fait",
    "announce_by_non_group": "transmis par un acteur qui n’est pas un groupe",
    "object_unavailable": "le serveur de l’objet ne le confirme pas",
    "object_mismatch": "le serveur de l’objet dit autre chose",
    "object_not_a_post": "ce n’est pas un message",
    "move_not_confirmed": "la nouvelle adresse ne connaît pas l’ancienne",
    "not_addressed_here": "ne s’adresse à aucune communauté d’ici",
    "too_many_requests": "trop de demandes à la fois",
    "door_busy": "porte trop occupée",
    "kafka_unavailable": "rien n’a pu être gardé pour l’instant",
    "peers_unavailable": "registre des pairs illisible pour l’instant",
    "door_failed": "échec de la porte",
    "group_not_followed": "transmis par un groupe qu’aucune communauté d’ici ne suit",
    "group_malformed": "ce n’est pas l’adresse d’un groupe d’ailleurs",
    "follow_unknown": "réponse à un abonnement que personne n’a demandé",
    "not_followable": "on ne peut suivre qu’une communauté",
    "inbox_missing": "acteur sans boîte de réception",
    "community_not_public": "cette communauté n’est pas publique",
    "emoji_unreadable": "émoji que seul ce serveur connaît",
    "envelope_in_note_malformed": "enveloppe de ministère mal formée",
    "envelope_of_another_ministry": "enveloppe d’un ministère dans le message d’un autre",
    "envelope_of_another_object": "enveloppe d’un autre message",
    "envelope_not_a_message": "enveloppe qui n’est pas celle d’un message",
    "envelope_not_public": "enveloppe d’un message dont on ne sait pas qui le lit",
    "envelope_content_mismatch": "le message montré n’est pas celui que le ministère a signé",
    "peer_registry_unavailable": "registre de ce serveur illisible pour l’instant",
    "peer_registry_refused": "registre de ce serveur refusé : falsifié, périmé ou revenu en arrière",
    "provenance_malformed": "provenance mal formée",
    "provenance_invalid": "provenance que la porte n’a pas signée",
    "provenance_key_refused": "clé de la porte refusée",
    "provenance_of_other_bytes": "activité altérée après son passage à la porte",
    "external_missing": "parole d’ailleurs sans son activité",
    "external_mismatch": "auteur, serveur ou objet qui ne sont pas ceux de l’activité",
    # what a writer says at the last door
    "headers_malformed": "en-têtes mal formés",
    "hub_headers_malformed": "en-têtes du hub mal formés",
    "hub_key_refused": "clé du hub refusée",
    "hub_proof_invalid": "preuve du hub invalide : numéro ou destinataires altérés",
    "not_for_this_node": "adressé à un autre nœud",
    "object_of_another_node": "objet d’un autre nœud",
    "object_of_another_community": "copie d’une autre communauté",
    "space_not_tied": "espace non rattaché",
    "space_not_offered": "espace que les réglages du ministère n’offrent pas",
    "space_unreadable": "le RSE ne dit pas qui lit cet espace",
    "space_encrypted": "espace chiffré de bout en bout : il est respecté, rien n’y est lu ni écrit",
    "space_upgraded": "salon remplacé par un autre (mise à niveau) : c’est le nouveau qu’il faut rattacher",
    "bot_not_in_space": "le robot du connecteur n’est pas invité dans ce salon",
    "bot_put_out": "le robot du connecteur a été exclu de ce salon",
    "bot_banned": "le robot du connecteur a été banni de ce salon",
    "author_gone": "qui devait recevoir cet avis n’est plus dans ce réseau",
    "notice_lost": "l’avis écrit ne se retrouve pas dans cet espace",
    "ghost_banned": "cette personne a été bannie de ce salon, sous son nom d’ailleurs",
    "ghost_not_admitted": "le salon ne laisse pas entrer cette personne d’un autre ministère",
    "space_malformed": "espace mal nommé",
    "type_unknown": "type d’événement inconnu de ce connecteur",
    "unsupported": "le RSE ne sait pas le faire",
    "copy_withdrawn": "copie retirée localement",
    "copy_gone": "copie disparue du RSE",
    "copy_not_ours": "copie qui n’est pas du connecteur",
    # what stands between the courier and a peer
    "peer_too_many_requests": "le serveur demande de patienter",
    "peer_server_error": "le serveur est en panne",
    "peer_redirects": "le serveur renvoie vers une autre adresse",
    "peer_refuses_signature": "le serveur n’accepte aucune de nos signatures, ou ne nous admet pas",
    "peer_refuses_activity": "le serveur refuse cette activité",
    "peer_finds_it_too_large": "trop gros pour ce serveur",
    "peer_inbox_gone": "la boîte de réception n’existe plus",
    "peer_inbox_missing": "boîte de réception introuvable",
    "peer_actor_missing": "l’acteur à qui répondre est introuvable",
    "peer_backlog_expired": "absent si longtemps que le topic ne garde plus tout ce qui l’attendait",
    "peer_no_longer_follows": "le serveur ne suivait plus la communauté, ou n’y avait plus droit, quand son tour est venu",
    # what an RSE refuses for ever
    "validation_refused": "refusé par les règles du RSE",
    "awaiting_approval": "en attente d’un modérateur du RSE",
    "forbidden": "interdit par le RSE",
    "not_an_administrator": "le compte du connecteur n’est pas administrateur du RSE",
    "not_found": "introuvable dans le RSE",
    "too_large": "trop gros pour le RSE",
    "native_id_missing": "réponse du RSE sans identifiant",
    "native_id_malformed": "identifiant mal formé",
    "order_without_native_id": "ordre sans identifiant",
    "order_without_content": "ordre sans contenu",
    "order_without_reaction": "ordre sans réaction",
    "order_without_target": "ordre sans message visé",
    "reaction_without_emoji": "réaction sans émoji",
    "order_without_author_or_content": "ordre sans auteur ou sans contenu",
    # what a platform sends that makes no sense
    "body_not_an_object": "corps qui n’est pas un objet",
    "post_malformed": "message mal formé",
    "activity_malformed": "l’activité n’a pas la forme attendue",
    "comment_malformed": "le commentaire n’a pas la forme attendue",
    "author_missing": "le RSE ne dit pas qui a écrit",
    "groups_not_shown": "le RSE ne montre pas les groupes de l’espace au compte du connecteur",
    "open_to_all": "espace ouvert à tous : personne n’en est membre",
    "no_list_of_members": "le RSE n’a pas de liste des membres",
    "list_incomplete": "la liste du RSE est incomplète",
    "not_a_member": "le compte du connecteur n’est pas membre de l’espace",
    "post_without_text": "message sans texte",
    "category_missing": "catégorie absente",
    "content_missing": "contenu absent",
    "content_too_long": "contenu trop long",
    "text_too_long": "texte trop long",
    "deletion_unconfirmed": "suppression que le RSE ne confirme pas",
    "envelope_impossible": "événement impossible à former",
    "event_malformed": "événement mal formé",
    "event_missing": "événement absent",
    "event_not_an_object": "événement qui n’est pas un objet",
    "event_without_type": "événement sans type",
    "edit_without_target_or_new_content": "modification sans objet ou sans nouveau contenu",
    "redaction_names_two_events": "suppression qui nomme deux événements",
    "transaction_without_events": "transaction sans événements",
    "never_incomplete": "complément demandé à tort",
    "translator_failed": "échec de la lecture",
    # what we do not ask of other servers, or do not take from them
    "url_malformed": "adresse mal formée",
    "url_scheme_refused": "adresse qui n’est pas en https",
    "url_with_user": "adresse qui contient un nom d’utilisateur",
    "url_host_refused": "adresse sans nom de serveur",
    "url_port_refused": "port que le registre ne nomme pas pour ce serveur",
    "address_refused": "le nom du serveur mène à une adresse privée ou réservée",
    "redirected_too_often": "le serveur renvoie plus d’une fois ailleurs",
    "redirect_refused": "le serveur renvoie vers une adresse non chiffrée",
    "answer_too_large": "la réponse du serveur est trop grande",
    "answer_type_refused": "la réponse du serveur n’est pas du type demandé",
    "answer_encoded": "la réponse du serveur est compressée sans qu’on l’ait demandé",
    "answer_malformed": "la réponse du serveur n’est pas un objet JSON",
    "answer_too_deep": "la réponse du serveur est trop profondément imbriquée",
    "fetch_budget_spent": "cette activité demanderait trop de lectures ailleurs",
    "peer_timeout": "le serveur tarde trop à répondre",
    "peer_name_unresolved": "le nom du serveur est introuvable",
    "peer_certificate_refused": "le certificat du serveur n’est pas admis",
    "egress_proxy_failed": "le mandataire sortant a refusé ou ne répond pas",
    "peer_not_admitted": "serveur qui n’est pas admis dans la fédération",
    "peer_unreachable": "le serveur est injoignable",
    "peer_refuses_to_tell": "le serveur refuse de répondre",
    "answer_of_another_origin": "la réponse vient d’un autre serveur que celui qui était interrogé",
    "fetches_rate_limited": "ce serveur nous fait trop souvent lire chez lui",
    "receipt_passed_on": "accusé transmis par un groupe",
    "receipt_not_expected": "accusé d’un serveur qui n’est pas un Trait d’union",
    "receipt_by_another_actor": "accusé d’un autre acteur que le serveur lui-même",
    "receipt_malformed": "accusé mal formé",
    "receipt_proof_invalid": "accusé altéré, ou qui n’est pas signé par le hub de ce serveur",
    "receipt_of_another_server": "accusé d’un autre serveur que celui qui l’apporte",
    "receipt_for_another_server": "accusé destiné à un autre serveur",
    "receipt_of_anothers_activity": "accusé d’une activité qui n’est pas d’ici",
    "receipt_of_unsent_activity": "accusé de ce qui n’a pas été porté à ce serveur",
    "receipt_of_other_bytes": "accusé d’autres octets que ceux qui ont été portés",
    "key_id_malformed": "la clé est mal nommée",
    "key_owner_gone": "l’acteur de cette clé n’existe plus",
    "key_of_another_origin": "la clé est d’un autre serveur que son acteur",
    "key_not_claimed": "l’acteur ne dit pas que cette clé est la sienne",
    "key_malformed": "clé illisible",
    "key_of_another_owner": "clé d’un autre acteur",
    "key_repeated": "deux clés sous un même nom",
    "key_expired": "clé périmée",
    "key_unchanged": "l’acteur n’a pas d’autre clé",
    "actor_unknown": "acteur inconnu de son serveur",
    "actor_gone": "acteur disparu",
    "actor_malformed": "acteur mal formé",
    "actor_id_mismatch": "le document de l’acteur parle d’un autre",
}


def stand(state: str, change: str) -> str:
    """A message's standing at a node, in a few words."""
    return STANDS.get((state, change), VERDICTS.get(state, state))


def verdict(name: str) -> str:
    """A verdict."""
    return VERDICTS.get(name, name)


def mark(state: str) -> str:
    """A verdict's sign."""
    return MARKS.get(state, "·")


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


def tie(name: str) -> str:
    """A tie's state."""
    return TIES.get(name, name)


def follow(name: str) -> str:
    """The state of a follow."""
    return FOLLOWS.get(name, name)


def open_to(audience_name: str) -> str:
    """Who reads a community: a public one, other servers too."""
    return OPEN_TO if audience_name == "public" else audience(audience_name)


def audience(name: str | None) -> str:
    """Who can read."""
    return AUDIENCES.get(name, name) if name else "inconnu"
