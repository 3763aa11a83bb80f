"""How the twin shows things: JSON as Discourse writes it, Markdown cooked, and the pages of its users."""

from __future__ import annotations

import re
import unicodedata
from html import escape
from typing import TYPE_CHECKING, Any

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from adapters.discourse.twin.store import Category, Person, Post, Store, Topic

# html=False: what a person types as HTML is shown, not obeyed.
_MARKDOWN = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable(["table", "strikethrough"])
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)

MEMBERS = "membres"  # the one group that may read restricted categories


_QUOTE = re.compile(
    r'^\[quote="(?P<who>[^",\n]+), post:(?P<post>\d+), topic:(?P<topic>\d+)"\]\n(?P<said>.*?)\n\[/quote\]$', re.DOTALL | re.MULTILINE
)


def _quotation(found: re.Match[str]) -> str:
    """Whom a post quotes, and which of her posts."""
    place = f'data-username="{escape(found["who"])}" data-post="{found["post"]}" data-topic="{found["topic"]}"'
    title = f'<div class="title">\n<div class="quote-controls"></div>\n {escape(found["who"])}:</div>'
    return f'<aside class="quote no-group" {place}>\n{title}\n<blockquote>\n{_MARKDOWN.render(found["said"])}</blockquote>\n</aside>\n'


def cook(raw: str) -> str:
    """The HTML of a post's Markdown and quotations; comments stay in the source."""
    shown, last, cooked = _COMMENT.sub("", raw), 0, ""
    for found in _QUOTE.finditer(shown):
        cooked += _MARKDOWN.render(shown[last : found.start()]) + _quotation(found)
        last = found.end()
    return str(cooked + _MARKDOWN.render(shown[last:])).strip()


def hashtag(category: Category) -> str:
    """How a category is shown that a post names by its slug: by its name, and without « # »."""
    slug = slug_of(category.name)
    icon = '<svg class="fa d-icon d-icon-square-full svg-icon svg-node"><use href="#square-full"></use></svg>'
    return (
        f'<a class="hashtag-cooked" href="/c/{slug}/{category.id}" data-type="category" data-slug="{slug}" data-id="{category.id}">'
        f'<span class="hashtag-icon-placeholder">{icon}</span><span>{escape(category.name)}</span></a>'
    )


def slug_of(title: str) -> str:
    """`Un titre, là !` → `un-titre-la`."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "topic"


def post_document(store: Store, post: Post, reader: Person | None = None) -> dict[str, Any]:
    """A post as the API tells it, with what its reader has done to it."""
    topic, author = store.topics[post.topic_id], store.people[post.user_id]
    answered = _answered(store, topic, post)
    return {
        "id": post.id,
        "name": author.name,
        "username": author.username,
        "avatar_template": f"/letter_avatar_proxy/v4/letter/{author.username[:1]}/{{size}}.png",
        "created_at": post.created_at,
        "cooked": post.cooked,
        "raw": post.raw,
        "post_number": post.number,
        "post_type": 1,
        "updated_at": post.updated_at,
        "reply_count": sum(other.reply_to == post.number for other in store.posts_of(topic)),
        "reply_to_post_number": post.reply_to,
        "quote_count": 0,
        "incoming_link_count": 0,
        "reads": 1,
        "score": 0.2,
        "topic_id": topic.id,
        "topic_slug": topic.slug,
        "display_username": author.name,
        "version": post.version,
        "actions_summary": _actions(post, reader),
        "accepted_answer": topic.solution == post.id,
        "user_title": None,
        "admin": False,
        "moderator": author.staff,
        "staff": author.staff,
        "user_id": author.id,
        "hidden": False,
        "trust_level": 1,
        "deleted_at": post.deleted_at,
        "user_deleted": post.user_deleted,
        "edit_reason": None,
        "wiki": False,
        **({"reply_to_user": short_person(store.people[answered.user_id])} if answered else {}),
        **({"deleted_by": short_person(store.people[post.deleted_by])} if post.deleted_by else {}),
    }


def _actions(post: Post, reader: Person | None) -> list[dict[str, Any]]:
    likes = post.standing_likes
    if not likes and (reader is None or post.user_id == reader.id):
        return []
    acted = {"acted": True, "can_undo": True} if reader is not None and reader.id in likes else {"can_act": True}
    return [{"id": 2, **({"count": len(likes)} if likes else {}), **acted}]


def post_summary(store: Store, post: Post) -> dict[str, Any]:
    """A post as the twin's own list tells it, to tests and demos."""
    topic, author = store.topics[post.topic_id], store.people[post.user_id]
    return {
        "id": post.id,
        "topic": topic.id,
        "title": topic.title,
        "category": topic.category_id,
        "recipients": topic.recipients,
        "alerted": post.alerted,
        "number": post.number,
        "raw": post.raw,
        "cooked": post.cooked,
        "username": author.username,
        "name": author.name,
        "deleted": bool(post.deleted_at) or post.user_deleted,
        "reply_to": post.reply_to,
        "version": post.version,
        "history": [text for revision, text in enumerate(post.past, 2) if revision not in post.hidden],
        "likes": [store.people[one].username for one in post.likes],
        "accepted": topic.solution == post.id,
        "created_at": post.created_at,
        "updated_at": post.updated_at,
    }


def hook_post(store: Store, post: Post) -> dict[str, Any]:
    """A post as its webhook tells it: with its topic's and category's names."""
    topic = store.topics[post.topic_id]
    count = sum(other.deleted_at is None for other in store.posts_of(topic))
    document = post_document(store, post)
    document.pop("deleted_by", None)
    document.pop("actions_summary")
    return {
        **document,
        "topic_title": topic.title,
        "category_id": topic.category_id or None,
        "category_slug": slug_of(store.categories[topic.category_id].name) if topic.category_id else None,
        "topic_posts_count": count,
        "topic_filtered_posts_count": count,
        "topic_archetype": topic.archetype,
    }


def topic_document(store: Store, topic: Topic) -> dict[str, Any]:
    """A topic without its posts; its webhook says no more than that."""
    posts = store.posts_of(topic)
    shown = [post for post in posts if post.deleted_at is None]
    last = (shown or posts)[-1]
    return {
        "id": topic.id,
        "title": topic.title,
        "fancy_title": escape(topic.title, quote=False),
        "slug": topic.slug,
        "posts_count": len(shown),
        "created_at": topic.created_at,
        "views": 0,
        "reply_count": max(len(shown) - 1, 0),
        "last_posted_at": last.created_at,
        "visible": True,
        "closed": topic.closed,
        "pinned": topic.pinned,
        "archived": False,
        "archetype": topic.archetype,
        "category_id": topic.category_id or None,
        "word_count": sum(len(post.raw.split()) for post in shown),
        "deleted_at": topic.deleted_at,
        "user_id": topic.user_id,
        "highest_post_number": max((post.number for post in shown), default=0),
        "external_id": topic.external_id,
        "created_by": short_person(store.people[topic.user_id]),
        "last_poster": short_person(store.people[last.user_id]),
        "tags": [],
    }


def topic_view(store: Store, topic: Topic, chunk: int, *, include_raw: bool) -> dict[str, Any]:
    """A topic with its first posts and the numbers of all."""
    shown = [post for post in store.posts_of(topic) if post.deleted_at is None]
    stream = {"posts": post_list(store, shown[:chunk], include_raw=include_raw), "stream": [post.id for post in shown]}
    return {"post_stream": stream, **topic_document(store, topic)}


def post_list(store: Store, posts: Sequence[Post], *, include_raw: bool) -> list[dict[str, Any]]:
    """Posts as a topic's stream shows them: their source only where it was asked for."""
    documents = [post_document(store, post) for post in posts]
    if not include_raw:
        for document in documents:
            document.pop("raw")
    return documents


def short_person(person: Person) -> dict[str, Any]:
    """A user in short."""
    return {"id": person.id, "username": person.username, "name": person.name, "avatar_template": ""}


def group_member(person: Person, added_at: str) -> dict[str, Any]:
    """An account as a group's list shows it."""
    return {**short_person(person), "title": None, "added_at": added_at, "admin": False, "moderator": person.staff}


def category_document(category: Category, person: Person) -> dict[str, Any]:
    """A category; which groups may read it, for those who may edit it."""
    groups = [{"permission_type": 1, "group_name": MEMBERS if category.read_restricted else "everyone"}]
    told = {"group_permissions": groups} if person.staff else {}
    return {
        "id": category.id,
        "name": category.name,
        "slug": slug_of(category.name),
        "read_restricted": category.read_restricted,
        **told,
    }


def home_page(store: Store, title: str) -> str:
    """The topics of each category, newest first."""
    parts = []
    for category in store.categories.values():
        topics = [topic for topic in store.topics.values() if topic.category_id == category.id and topic.deleted_at is None]
        items = "".join(
            f'<li><a href="/t/{topic.slug}/{topic.id}">{escape(topic.title)}</a></li>'
            for topic in sorted(topics, key=lambda topic: -topic.id)
        )
        parts.append(f"<h2>{escape(category.name)}</h2><ul>{items or '<li>Aucun sujet.</li>'}</ul>")
    return _page(title, "".join(parts))


def topic_page(store: Store, topic: Topic, title: str) -> str:
    """A topic as its readers see it."""
    articles = []
    for post in store.posts_of(topic):
        if post.deleted_at is not None:
            continue
        author = store.people[post.user_id]
        answer = f' <small>en réponse à <a href="#post_{post.reply_to}">n° {post.reply_to}</a></small>' if post.reply_to else ""
        edited = " <small>modifié</small>" if post.version > 1 else ""
        who = f"<strong>{escape(author.name or author.username)}</strong> <small>{post.created_at}</small>{answer}{edited}"
        set_on = _set_on(store, post, solved=topic.solution == post.id)
        articles.append(f'<article id="post_{post.number}"><p>n° {post.number} — {who}</p>{post.cooked}{set_on}</article>')
    return _page(f"{topic.title} — {title}", f'<p><a href="/">Accueil</a></p><h2>{escape(topic.title)}</h2>{"".join(articles)}')


def _set_on(store: Store, post: Post, *, solved: bool) -> str:
    names = ", ".join(escape(store.people[one].name or store.people[one].username) for one in post.likes)
    liked = f"<p><small>❤ {len(post.likes)} : {names}</small></p>" if names else ""
    return liked + ("<p><strong>✓ Solution</strong></p>" if solved else "")


def _page(title: str, body: str) -> str:
    style = (
        "body{font:1rem/1.5 sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem}article{border-top:1px solid #bbb;margin-top:1rem}"
    )
    return (
        f'<!doctype html><html lang="fr"><head><meta charset="utf-8"><title>{escape(title)}</title><style>{style}</style></head>'
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )


def _answered(store: Store, topic: Topic, post: Post) -> Post | None:
    return next((other for other in store.posts_of(topic) if other.number == post.reply_to), None) if post.reply_to else None
