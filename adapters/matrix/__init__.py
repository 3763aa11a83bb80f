"""Matrix application service (Tchap): what the connector can do, its reading half and its writing half."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.matrix.client import MatrixClient
from adapters.matrix.door import Matrix

if TYPE_CHECKING:
    from collections.abc import Mapping

ADAPTER = Matrix()
CLIENT = MatrixClient

CAPABILITIES: Mapping[str, str] = {
    "read": "oui — messages des salons où le robot ou un fantôme est présent ; jamais les salons chiffrés",
    "write": "oui — sous un fantôme nommé « Prénom Nom (Ministère) »",
    "edit": "oui — dans les deux sens (m.replace)",
    "delete": "oui — dans les deux sens (rédaction) ; retirer une seule modification ne rétablit pas le texte d’avant",
    "reply": "oui — dans les deux sens (réponses ; les fils sont lus)",
    "react": "non — les réactions sont comptées, pas transmises",
    "files": "par référence — un lien vers le serveur de médias, lisible par qui y a un compte",
    "members": "non — les arrivées et départs ne sont pas transmis",
    "accepted answer": "non — Matrix n’en a pas",
    "identity": "nom affiché du profil ; l’identifiant ne quitte pas le ministère",
    "webhook retry life": "sans fin : Synapse renvoie chaque transaction, dans l’ordre, jusqu’à ce qu’elle soit acceptée",
}

__all__ = ["ADAPTER", "CAPABILITIES", "CLIENT", "Matrix", "MatrixClient"]
