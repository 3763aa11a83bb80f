"""What agents are told, in their words: in a tied space, and once to who writes there for the first time. No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from html import escape
from typing import TYPE_CHECKING

from adapters.markup import words
from adapters.ties import LIVING, TieState
from schemas.facts.message import Content

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

MOST_NAMED = 30  # ministries; the others are counted
NAME_LIMIT = 120
EVERYBODY = "toute personne sur Internet (page publique) et des serveurs extérieurs admis"
"""Who else reads a public community: nobody is asked her name at the peers' door; servers are, when they speak."""
MONTHS = ["janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"]
PERSON_TITLE = "Votre message est lu aussi dans d’autres ministères"
ABROAD_TITLE = "Votre message peut être lu de tous sur Internet"
BOTH_TITLE = "Votre message est lu dans d’autres ministères et peut l’être de tous sur Internet"


@dataclass(frozen=True, slots=True)
class Telling:
    """What a notice speaks of: the community, who else hears it, the node's mark, where more is said."""

    community: str
    ministries: Sequence[str]
    mark: str
    link: str


def date_of(moment: datetime) -> str:
    """« 3 mars 2026 », in UTC: no locale is asked, a server's may be any."""
    utc = moment.astimezone(UTC)
    return f"{'1er' if utc.day == 1 else utc.day} {MONTHS[utc.month - 1]} {utc.year}"


def title(telling: Telling) -> str:
    """A title that no other space of the RSE has, since a node ties one space to a community."""
    return f"Espace relié à d’autres ministères : {_line(telling.community)}"


def of_space(telling: Telling, state: TieState) -> Content:
    """Who reads the space, and how a message is kept inside; what has changed once the tie no longer lives."""
    if state in LIVING:
        said = (_tied(telling), _readers(telling, "Ce qui s’y écrit est lu aussi par"), _keep(telling), _more(telling))
    elif state is TieState.SUSPENDED:
        why = "plus de monde peut le lire que la communauté n’en admet. Ce qui s’y écrit reste ici."
        said = (f"<p>Le lien de cet espace avec {_name(telling)} est <strong>suspendu</strong> : {why}</p>", "", "", _more(telling))
    else:
        ended = f"<p>Cet espace n’est <strong>plus relié</strong> à {_name(telling)}. Ce qui s’y écrit reste ici.</p>"
        said = (ended, "", "", _more(telling))
    return _content("".join(said))


def where_observed(telling: Telling, state: TieState) -> Content:
    """As `of_space`, where the ministry is admitted to read alone: nobody must believe that she is heard."""
    if state not in LIVING:
        return of_space(telling, state)
    stays = "<p>Ce ministère n’y est admis que comme <strong>observateur</strong> : ce qui s’y dit ailleurs se lit ici, et ce qui s’écrit ici reste ici.</p>"
    return _content("".join((_tied(telling), stays, _readers(telling, "La communauté réunit aussi"), _more(telling))))


def person_title(telling: Telling) -> str:
    """By whom else she is read: other ministries, everybody, or both."""
    if EVERYBODY not in telling.ministries:
        return PERSON_TITLE
    return ABROAD_TITLE if set(telling.ministries) == {EVERYBODY} else BOTH_TITLE


def to_person(telling: Telling) -> Content:
    """What who writes there for the first time is told, in private and once; somebody else hears the community."""
    first = f"<p>Bonjour,</p><p>Vous venez d’écrire pour la première fois dans un espace relié à {_name(telling)} par Trait d’union.</p>"
    abroad = " Nul ne peut y contraindre les serveurs extérieurs." if EVERYBODY in telling.ministries else ""
    again = f"<p>Si vous supprimez un message ici, sa suppression est demandée partout où il est lu.{abroad} Cet avis ne vous est envoyé qu’une fois.</p>"
    return _content(first + _readers(telling, "Ce que vous y écrivez est lu aussi par") + _keep(telling) + again + _more(telling))


def _tied(telling: Telling) -> str:
    return f"<p>Cet espace est relié à {_name(telling)} par Trait d’union.</p>"


def _name(telling: Telling) -> str:
    return f"la communauté interministérielle « <strong>{escape(_line(telling.community))}</strong> »"


def _readers(telling: Telling, opening: str) -> str:
    names = sorted({_line(name) for name in telling.ministries if name != EVERYBODY}, key=str.casefold)
    shown = [escape(name) for name in names[:MOST_NAMED]]
    if len(names) > MOST_NAMED:
        shown.append(f"{len(names) - MOST_NAMED} autres ministères")
    if EVERYBODY in telling.ministries:  # told however many ministries there are
        shown.append(EVERYBODY)
    if not shown:
        return "<p>Aucun autre ministère n’y est relié pour l’instant.</p>"
    return f"<p>{opening} : {', '.join(shown)}.</p>"


def _keep(telling: Telling) -> str:
    return f"<p>Pour qu’un message reste dans ce réseau, commencez-le par <code>{escape(telling.mark)}</code>.</p>"


def _more(telling: Telling) -> str:
    return f'<p><a href="{escape(telling.link)}">Qui lit quoi, et comment cela marche</a></p>' if telling.link else ""


def _content(html: str) -> Content:
    return Content(html=html, text=words(html))


def _line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= NAME_LIMIT else line[: NAME_LIMIT - 1] + "…"
