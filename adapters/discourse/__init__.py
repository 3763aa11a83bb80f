"""Discourse, both ways: what it offers, its reading half and its writing half."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.discourse.client import DiscourseClient
from adapters.discourse.translate import Discourse

if TYPE_CHECKING:
    from collections.abc import Mapping

ADAPTER = Discourse()
CLIENT = DiscourseClient

CAPABILITIES: Mapping[str, str] = {
    "read": "oui — webhooks post_created, post_edited, post_destroyed, post_recovered",
    "write": "oui — POST /posts.json, sous le compte du connecteur",
    "edit": "oui — dans les deux sens",
    "delete": "oui — dans les deux sens ; le premier message d’un sujet qui a des réponses est vidé, le sujet reste",
    "reply": "oui — fil conservé (numéro du message dans le sujet)",
    "react": "non — l’évènement « like » est compté puis écarté",
    "files": "par référence — un lien vers le fichier d’origine",
    "members": "non — les groupes et comptes ne sont pas lus",
    "accepted answer": "non — l’évènement « solved » est compté puis écarté",
    "identity": "nom affiché et ministère en tête du message ; l’auteur technique est le compte du connecteur",
    "webhook retry life": "4 nouveaux essais après 1, 5, 25 et 125 minutes, soit 2 h 36 ; ensuite le message est perdu pour le webhook",
}

__all__ = ["ADAPTER", "CAPABILITIES", "CLIENT", "Discourse", "DiscourseClient"]
