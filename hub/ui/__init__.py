"""Templates, theme tokens and French words of the pages; asks nothing of any other host."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import nh3
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from hub.ui import words

if TYPE_CHECKING:
    from collections.abc import Mapping

HERE: Final = Path(__file__).parent
THEME: Final = (HERE / "static" / "theme.css").read_bytes()
TAGS: Final = frozenset(
    "a abbr b blockquote br code del dd dl dt em h3 h4 h5 h6 hr i ins kbd li ol p pre q s small span strong sub sup table tbody td th thead tr u ul".split()  # noqa: SIM905 - a line of words reads better
)
"""Neither images nor anything else that a browser would fetch: a page of ours must not tell other hosts who reads it."""
SCHEMES: Final = frozenset({"http", "https"})
MONTHS: Final = ("janv.", "févr.", "mars", "avr.", "mai", "juin", "juill.", "août", "sept.", "oct.", "nov.", "déc.")
MINUTE: Final = 60
HOUR: Final = 3600
DAY: Final = 86_400


def render(template: str, **shown: Any) -> str:
    """A page's HTML."""
    return _pages.get_template(template).render(**shown)


def clean(unverified_html: str) -> Markup:
    """A ministry's HTML, made harmless again at this door: it was cleaned at the first one, which this one need not believe."""
    attributes: Mapping[str, set[str]] = {"a": {"href"}, "abbr": {"title"}}
    html = nh3.clean(
        unverified_html, tags=set(TAGS), attributes=dict(attributes), url_schemes=set(SCHEMES), link_rel="noopener noreferrer nofollow"
    )
    return Markup(html)  # noqa: S704 - what nh3 has just cleaned


def web_link(unverified_link: str | None) -> str | None:
    """A link to show, or None: `javascript:` and the like are no addresses."""
    scheme, found, _ = (unverified_link or "").partition("://")
    return unverified_link if found and scheme.lower() in SCHEMES else None


def moment(at: datetime | None) -> Markup:
    """A time in Paris, exact for machines; « inconnu » where there is none."""
    if at is None:
        return Markup('<span class="unknown">inconnu</span>')
    there = at.astimezone(_zone)
    text = f"{there.day} {MONTHS[there.month - 1]} {there.year}, {there:%H:%M:%S}"
    return Markup('<time datetime="{}">{}</time>').format(at.astimezone(UTC).isoformat(timespec="milliseconds"), text)


def latency(milliseconds: int | None) -> str:
    """A short duration: « 84 ms », « 1,2 s », « 3 min »."""
    if milliseconds is None:
        return ""
    if milliseconds < 1000:  # noqa: PLR2004 - a second
        return f"{milliseconds} ms"
    if milliseconds < MINUTE * 1000:
        return f"{milliseconds / 1000:.1f} s".replace(".", ",")
    return age(timedelta(milliseconds=milliseconds))


def age(span: timedelta) -> str:
    """How long ago, in its largest unit."""
    seconds = max(0, int(span.total_seconds()))
    if seconds < MINUTE:
        return f"{seconds} s"
    if seconds < HOUR:
        return f"{seconds // MINUTE} min"
    if seconds < DAY:
        return f"{seconds // HOUR} h {seconds % HOUR // MINUTE:02d} min"
    return f"{seconds // DAY} j {seconds % DAY // HOUR} h"


def number(count: int) -> str:
    """A count with thin spaces between its thousands."""
    return f"{count:,}".replace(",", "\u202f")


def plural(count: int, one: str, many: str) -> str:
    """« 0 message », « 1 message », « 2 messages »: French counts from two."""
    return f"{number(count)} {one if count < 2 else many}"  # noqa: PLR2004 - French counts from two


def _paris() -> tzinfo:
    try:
        return ZoneInfo("Europe/Paris")
    except ZoneInfoNotFoundError:  # a machine without a time zone database
        return UTC


def _environment() -> Environment:
    """Escapes everything, and fails on a name that is not there rather than showing nothing."""
    environment = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters |= {"clean": clean, "moment": moment, "latency": latency, "age": age, "number": number, "web_link": web_link}
    environment.filters["data_class"] = words.data_class
    environment.globals |= {"words": words, "plural": plural, "zone": str(_zone)}
    return environment


_zone = _paris()
_pages = _environment()
