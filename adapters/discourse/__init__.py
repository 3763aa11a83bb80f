"""Discourse, both ways: what it offers, its reading half and its writing half."""

from __future__ import annotations

from adapters.capabilities import BothWays, Capabilities, Feature, No, Yes
from adapters.discourse.client import DiscourseClient
from adapters.discourse.translate import Discourse

ADAPTER = Discourse()
CLIENT = DiscourseClient

CAPABILITIES = Capabilities(
    {
        Feature.MESSAGES: BothWays(Yes("webhook post_created"), Yes("POST /posts.json, sous le compte du connecteur")),
        Feature.EDITS: BothWays(Yes("post_edited, post_recovered"), Yes("du message, et du titre d’un sujet")),
        Feature.DELETIONS: BothWays(
            Yes("post_destroyed"), Yes("le premier message d’un sujet qui a des réponses est vidé, le sujet reste")
        ),
        Feature.MODERATION: BothWays(
            Yes("qui a supprimé une copie, relu par l’API après post_destroyed (deleted_by)"),
            Yes("ce qu’un agent a écrit est supprimé, ou vidé si d’autres y ont répondu ; puis rétabli"),
        ),
        Feature.REPLIES: BothWays(Yes("numéro du message dans le sujet"), Yes("sous le message auquel on répond")),
        Feature.REACTIONS: BothWays(
            Yes("webhook post_liked, un ❤️ de qui aime"),
            Yes(
                "un seul « j’aime » du connecteur, tant qu’il reste au moins une réaction qui veut dire « j’aime » ; sur une copie, seulement "
                "sous un compte à part (like_username), car on n’aime pas ce qu’on a écrit ; le détail est sur la page de la communauté"
            ),
        ),
        Feature.REACTIONS_REMOVED: BothWays(
            Yes(
                "relu par l’API, car aucun webhook ne le dit : d’ordinaire en trois minutes dans le quart d’heure qui suit un « j’aime » (Discourse en laisse dix pour le "
                "reprendre), puis à tour de rôle sur les 120 messages aimés les plus récents ; jusqu’à 199 « j’aime » par message"
            ),
            Yes("avec la dernière réaction, si Discourse le permet encore (dix minutes)"),
        ),
        Feature.ANSWERS: BothWays(
            Yes("webhooks accepted_solution et unaccepted_solution du greffon « solved », confirmés par l’API"),
            Yes("/solution/accept et /solution/unaccept, où le greffon et la catégorie le permettent"),
        ),
        Feature.FILES: BothWays(
            Yes("par référence : lien, nom, type, taille, lecteurs ; pièces jointes, images, films"),
            Yes("par référence, avec qui ne peut pas les ouvrir"),
        ),
        Feature.MEMBERS: BothWays(
            Yes(
                "d’une catégorie réservée : les membres de ses groupes, relus à chaque user_added_to_group et user_removed_from_group, "
                "jusqu’à 1 000 ; une catégorie ouverte à tous n’a pas de membres"
            ),
            No("un compte ne se crée pas pour un autre ministère ; les participants sont sur la page de la communauté"),
        ),
        Feature.TITLES: BothWays(
            Yes("le titre d’un sujet avec son premier message, puis à chaque topic_edited"),
            Yes("le titre d’un sujet, avec son premier message"),
        ),
        Feature.NAMES: BothWays(
            Yes("le nom de la catégorie, relu à chaque category_updated"),
            No("le nom d’une catégorie n’est qu’à son ministère : personne d’ailleurs ne le change, par choix et non faute de le pouvoir"),
        ),
        Feature.IDENTITY: BothWays(
            Yes(
                "nom affiché et ministère, des personnes mentionnées aussi ; « un agent » où il n’y en a pas : l’identifiant ne quitte pas le ministère"
            ),
            Yes(
                "nom et ministère en tête du message, à son pied un lien vers l’original ; l’auteur technique est le compte du connecteur ; qui a écrit dans la communauté peut être mentionné d’ailleurs"
            ),
        ),
        Feature.NOTICE: BothWays(No("l’avis ne quitte pas son espace"), Yes("un sujet épinglé et fermé, corrigé sur place")),
        Feature.PRIVATE_NOTICE: BothWays(
            No("un message privé n’est jamais lu"), Yes("un message privé, une fois, à qui écrit pour la première fois")
        ),
        Feature.HISTORY: BothWays(
            Yes("sujets de la catégorie par l’API, puis chaque message tel qu’il est"),
            Yes("import_mode et created_at : à sa date, sans notification ni webhook"),
        ),
    },
    retries="4 après 1, 5, 25 et 125 minutes, soit 2 h 36, si la passerelle a répondu ; aucun si personne n’a répondu",
    outage=(
        "repris par relevé du journal des webhooks, gardé 30 jours, au démarrage, après un refus et toutes les deux minutes : messages, modifications, "
        "suppressions, restaurations, « j’aime », réponses retenues ; le compte du connecteur doit être administrateur"
    ),
)

__all__ = ["ADAPTER", "CAPABILITIES", "CLIENT", "Discourse", "DiscourseClient"]
