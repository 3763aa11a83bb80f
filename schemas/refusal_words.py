"""French sentences for what may be wrong with a signature, a digest, a key, a proof or JSON: one for each name that machines read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

SIGNATURES: Final[Mapping[str, str]] = {
    "signature_missing": "Cette demande n’est pas signée",
    "signature_malformed": "La signature de cette demande est mal formée",
    "signature_ambiguous": "Cette demande porte plusieurs signatures : on ne sait laquelle juger",
    "component_unknown": "La signature couvre quelque chose que cette porte ne connaît pas",
    "component_repeated": "La signature couvre deux fois la même chose",
    "component_not_covered": "La signature ne couvre pas tout ce qu’elle doit couvrir",
    "field_missing": "Un champ que couvre la signature n’est pas là",
    "field_repeated": "Un champ qui ne doit venir qu’une fois vient deux fois",
    "field_malformed": "Un champ que couvre la signature est mal formé",
    "parameter_missing": "Il manque un paramètre à la signature",
    "parameter_unknown": "La signature porte un paramètre que cette porte ne connaît pas",
    "parameter_malformed": "Un paramètre de la signature est mal formé",
    "parameter_repeated": "Un paramètre de la signature vient deux fois",
    "algorithm_mismatch": "L’algorithme annoncé n’est pas celui de la clé",
    "host_mismatch": "Le serveur que nomme la demande n’est pas celui-ci",
    "signature_too_old": "Cette signature a été faite il y a trop longtemps",
    "signature_in_future": "Cette signature est datée dans le futur",
    "signature_expired": "Cette signature a expiré",
    "signature_invalid": "Cette signature n’est pas celle de cette demande par cette clé",
    "signature_replayed": "Cette signature a déjà servi",
    "nonce_memory_full": "Trop de demandes signées par cette clé en peu de temps",
    "digest_missing": "L’empreinte du corps n’est pas signée",
    "digest_malformed": "L’empreinte du corps est mal formée",
    "digest_algorithm_unsupported": "L’empreinte du corps est d’un algorithme que cette porte ne connaît pas",
    "body_digest_mismatch": "Le corps n’est pas celui qui est signé",
}
"""A request's signature (RFC 9421, draft-cavage) and the digest that it covers."""
KEYS: Final[Mapping[str, str]] = {
    "key_unknown": "Cette clé n’est pas connue",
    "key_malformed": "Cette clé est illisible",
    "key_repeated": "Deux clés différentes portent ce nom",
    "key_of_another_owner": "Cette clé est celle d’un autre acteur",
    "key_of_another_origin": "Cette clé est d’un autre serveur que son acteur",
    "key_of_another_node": "Cette clé est celle d’un autre nœud",
    "key_pending": "Cette clé n’est pas encore active",
    "key_retired": "Cette clé a été retirée",
    "key_expired": "Cette clé est périmée",
    "key_revoked": "Cette clé a été révoquée",
}
PROOFS: Final[Mapping[str, str]] = {
    "proof_missing": "Ce document ne porte pas de preuve",
    "proof_malformed": "La preuve de ce document est mal formée",
    "proof_suite_unsupported": "La preuve de ce document est d’une sorte que cette porte ne connaît pas",
    "proof_chained": "La preuve de ce document en couvre d’autres, qu’il faudrait vérifier d’abord",
    "proof_option_missing": "Il manque une option à la preuve de ce document",
    "proof_option_malformed": "Une option de la preuve de ce document est mal formée",
    "proof_purpose_mismatch": "La preuve de ce document a été faite pour un autre usage",
    "proof_context_mismatch": "Le contexte de la preuve n’est pas celui du document",
    "proof_in_future": "La preuve de ce document est datée dans le futur",
    "proof_expired": "La preuve de ce document a expiré",
    "proof_owner_mismatch": "La preuve de ce document n’est pas de son auteur",
    "proof_origin_mismatch": "La clé de la preuve est d’un autre serveur que l’auteur du document",
    "proof_key_unsuitable": "La clé que nomme la preuve n’est pas de celles qui en font",
    "proof_invalid": "La preuve n’est pas celle de ce document : il a été altéré, ou un autre l’a signé",
    "document_not_canonicalisable": "Ce document ne peut s’écrire sous la forme unique que demande une preuve",
}
"""A document's own proof (FEP-8b32)."""
JSON: Final[Mapping[str, str]] = {
    "invalid_utf8": "Ce corps n’est pas du texte UTF-8",
    "json_malformed": "Ce corps n’est pas du JSON",
    "json_too_deep": "Ce JSON est trop profondément imbriqué",
    "json_too_many_parts": "Ce JSON contient trop d’objets et de listes",
    "json_duplicate_name": "Un même nom vient deux fois dans un objet de ce JSON",
}
"""What `jcs.parse` refuses."""
