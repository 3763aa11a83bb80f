"""Matrix application service (Tchap): what the connector can do, its reading half and its writing half."""

from __future__ import annotations

from adapters.capabilities import BothWays, Capabilities, Feature, No, Yes
from adapters.matrix.client import MatrixClient
from adapters.matrix.door import Matrix

ADAPTER = Matrix()
CLIENT = MatrixClient

CAPABILITIES = Capabilities(
    {
        Feature.MESSAGES: BothWays(
            Yes("salons où le robot ou un fantôme est présent ; jamais les salons chiffrés"),
            Yes("sous un fantôme nommé « Prénom Nom (Ministère) »"),
        ),
        Feature.EDITS: BothWays(Yes("m.replace de l’auteur seul, demandé au serveur : n’importe qui peut en envoyer un"), Yes("m.replace")),
        Feature.DELETIONS: BothWays(Yes("rédaction ; retirer une seule modification ne rétablit pas le texte d’avant"), Yes("rédaction")),
        Feature.MODERATION: BothWays(
            Yes("qui retire une copie est dit : de qui modère la communauté, le message part partout"),
            Yes("rédaction par le robot, s’il est modérateur du salon, de ce qu’un agent y a écrit ; une rédaction est sans retour"),
        ),
        Feature.REPLIES: BothWays(Yes("réponses et fils"), Yes("réponses ; dans le fil, quand ce à quoi l’on répond y est")),
        Feature.REACTIONS: BothWays(
            Yes("m.reaction : un émoji ou quelques mots ; pas les images"), Yes("m.reaction, chacune sous le fantôme de qui réagit")
        ),
        Feature.REACTIONS_REMOVED: BothWays(Yes("rédaction de la réaction"), Yes("rédaction de la réaction")),
        Feature.ANSWERS: BothWays(
            No("Matrix n’a pas de réponse retenue"),
            Yes("le robot pose sur la réponse la réaction « ✅ Réponse retenue », retirée avec elle"),
        ),
        Feature.FILES: BothWays(
            Yes("par référence : lien vers le serveur de médias, nom, type, taille, lecteurs ; lisible par qui y a un compte"),
            Yes("par référence, avec qui ne peut pas les ouvrir"),
        ),
        Feature.MEMBERS: BothWays(
            Yes(
                "arrivées, départs et exclusions, relus dans le salon à chaque m.room.member ; jusqu’à 1 000 personnes, jamais les fantômes"
            ),
            Yes(
                "un fantôme n’entre que pour écrire ou réagir, jamais parce que la personne participe ailleurs : les membres de tous les ministères "
                "encombreraient chaque salon ; il sort quand elle ne participe plus"
            ),
        ),
        Feature.TITLES: BothWays(
            No("un message de Matrix n’a pas de titre ; le sujet d’un salon (m.room.topic) décrit le salon et ne voyage pas"),
            Yes("en tête du message"),
        ),
        Feature.NAMES: BothWays(
            Yes("le nom du salon, relu à chaque m.room.name"),
            No("le nom d’un salon n’est qu’à son ministère : personne d’ailleurs ne le change, par choix et non faute de le pouvoir"),
        ),
        Feature.IDENTITY: BothWays(
            Yes("nom affiché du profil, des personnes mentionnées aussi ; l’identifiant ne quitte pas le ministère"),
            Yes("un fantôme par personne d’un ministère ; qui a écrit dans la communauté peut être mentionné d’ailleurs"),
        ),
        Feature.NOTICE: BothWays(
            No("l’avis ne quitte pas son espace"),
            Yes("un m.notice du robot, corrigé sur place, épinglé si le salon lui en donne le pouvoir ; rien dans un salon chiffré"),
        ),
        Feature.PRIVATE_NOTICE: BothWays(
            No("un message privé n’est jamais lu"),
            Yes("une invitation du robot à un salon à deux, une fois, à qui écrit pour la première fois"),
        ),
        Feature.HISTORY: BothWays(
            Yes("ce que le salon laisse voir au robot de son passé, avec la dernière modification ; jamais le chiffré"),
            Yes("m.notice sans mention, à sa date (?ts=), qui est aussi dite en tête"),
        ),
    },
    retries="sans fin : Synapse renvoie chaque transaction, dans l’ordre, jusqu’à ce qu’elle soit acceptée",
    outage="rejoué par la plateforme",
)

__all__ = ["ADAPTER", "CAPABILITIES", "CLIENT", "Matrix", "MatrixClient"]
