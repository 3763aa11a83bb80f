"""eXo and Meeds, both ways, polled: what they offer, the reading half and the half that speaks HTTP."""

from __future__ import annotations

from adapters.capabilities import BothWays, Capabilities, Feature, No, Yes
from adapters.exo.client import ExoClient
from adapters.exo.translate import Exo

ADAPTER = Exo()
CLIENT = ExoClient

CAPABILITIES = Capabilities(
    {
        Feature.MESSAGES: BothWays(
            Yes("par relevé : activités et commentaires des espaces rattachés, en moins de 5 s, 60 s dans un espace calme"),
            Yes("une activité ou un commentaire, sous le compte du connecteur"),
        ),
        Feature.EDITS: BothWays(
            Yes(
                "par relevé : d’une activité, dans le même délai ; d’un commentaire, qu’eXo n’annonce nulle part, quand vient le tour de son activité : "
                "trois activités par relevé, soit jusqu’à 5 minutes, une heure dans un espace calme, pour les 200 dernières ; plus loin, à la fin d’un tour, en heures"
            ),
            Yes("en v1 ; la v1-alpha3 ne sait rien modifier"),
        ),
        Feature.DELETIONS: BothWays(
            Yes(
                "un 404 de l’objet, jamais son absence d’une page, sauf d’un commentaire de v1-alpha3, qui n’a pas d’adresse : son absence de la liste complète "
                "de son activité, qui se compte elle-même ; un eXo d’avant Meeds répond 401 : rien ne s’en déduit"
            ),
            Yes(
                "ce que d’autres ont commenté est vidé en v1 ; en v1-alpha3 une activité part avec ses commentaires, que gardent les autres réseaux : un avis le dit dans l’espace"
            ),
        ),
        Feature.MODERATION: BothWays(
            No("eXo ne dit pas qui a supprimé une copie : c’est un retrait local"),
            Yes("ce qu’un agent a écrit est supprimé, si le compte du connecteur administre l’espace ; eXo ne rétablit rien"),
        ),
        Feature.REPLIES: BothWays(
            Yes("commentaires, et réponses à un commentaire en v1"),
            Yes("de même, à plat en v1-alpha3 ; plus profond, avec les premiers mots de ce à quoi l’on répond"),
        ),
        Feature.REACTIONS: BothWays(
            Yes(
                "par relevé : chaque « j’aime », un 👍 de qui aime ; ceux des commentaires en v1 seulement, aussi tard que leurs modifications"
            ),
            Yes(
                "un seul « j’aime » du connecteur, tant qu’il reste au moins une réaction qui veut dire « j’aime » ; en v1-alpha3 un commentaire "
                "n’a pas d’adresse où l’aimer ; le détail est sur la page de la communauté"
            ),
        ),
        Feature.REACTIONS_REMOVED: BothWays(Yes("par relevé, de même"), Yes("avec la dernière réaction")),
        Feature.ANSWERS: BothWays(No("eXo n’a pas de réponse retenue"), No("eXo n’a pas de réponse retenue")),
        Feature.FILES: BothWays(
            Yes(
                "par référence : les documents d’une activité, les 50 premiers nommés et les autres comptés ; des images qu’on y dépose l’API ne dit rien"
            ),
            Yes("par référence, avec qui ne peut pas les ouvrir"),
        ),
        Feature.MEMBERS: BothWays(
            Yes("par relevé des membres de l’espace, toutes les 5 minutes, jusqu’à 1 000 ; en v1 : la v1-alpha3 n’en a pas de liste"),
            No("un compte ne se crée pas pour un autre ministère ; les participants sont sur la page de la communauté"),
        ),
        Feature.TITLES: BothWays(No("une activité d’eXo n’a pas de titre"), Yes("en tête de l’activité")),
        Feature.NAMES: BothWays(
            Yes("le nom de l’espace, relu toutes les 15 minutes"),
            No("le nom d’un espace n’est qu’à son ministère : personne d’ailleurs ne le change, par choix et non faute de le pouvoir"),
        ),
        Feature.IDENTITY: BothWays(
            Yes(
                "nom affiché et ministère, des personnes mentionnées aussi ; « un agent » où il n’y en a pas : l’identifiant ne quitte pas le ministère"
            ),
            Yes(
                "nom et ministère en tête du message, à son pied un lien vers l’original ; l’auteur technique est le compte du connecteur ; qui a écrit dans la communauté peut être mentionné d’ailleurs"
            ),
        ),
        Feature.NOTICE: BothWays(
            No("l’avis ne quitte pas son espace"),
            Yes("une activité, épinglée par Meeds si le compte gère l’espace ; corrigée sur place en v1, refaite en v1-alpha3"),
        ),
        Feature.PRIVATE_NOTICE: BothWays(
            No("un message privé n’est jamais lu"), No("l’API sociale d’eXo n’a pas de message privé ; l’avis de l’espace en tient lieu")
        ),
        Feature.HISTORY: BothWays(
            Yes("activités et commentaires de l’espace, par l’API"),
            No("chaque activité nouvelle notifie les membres de l’espace, et aucune API n’écrit sans bruit ni à une date passée"),
        ),
    },
    retries="sans objet : rien n’est poussé",
    outage="repris par relevé : le neuf et les 7 derniers jours au relevé suivant, le reste peu à peu",
)

__all__ = ["ADAPTER", "CAPABILITIES", "CLIENT", "Exo", "ExoClient"]
