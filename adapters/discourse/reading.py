"""One post of Discourse, one change of ours: pure, shared by the webhook and by what the API completes."""

from __future__ import annotations

import hmac
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from adapters.discourse.cooked import from_cooked, quoted_in
from adapters.discourse.files import files_of
from adapters.discourse.http import liking_account, writing_account
from adapters.discourse.payload import PRIVATE_MESSAGE, Edited, Like, Post, moment
from adapters.internal import begins
from adapters.markup import words
from adapters.people import author_of, chosen_name
from adapters.port import Act, Change, Incomplete, Nonsense, Unused
from schemas.facts.message import TEXT_LIMIT, Content
from schemas.names import ANYBODY

if TYPE_CHECKING:
    from adapters.settings import Instance
    from schemas.facts.message import Author

_SYSTEM, _DISCOBOT = -1, -2
_UNDER = re.compile(r"#[\w-]{1,100}:(?!:)")  # `#agents:rh`, a category under another
_CONTROLS = re.compile(r"[\x00-\x1f\x7f]+")
_IN_BRACKETS = re.compile(r"\s*<p>\([^<>]{1,200}\)</p>\s*")
"""« (post deleted by author) », in the site's language: with an author's deletion its text is edited first, and that webhook does not say why."""

RECOVERED = "post_recovered"
ACTS = {
    "post_created": Act.POSTED,
    "post_edited": Act.EDITED,
    RECOVERED: Act.EDITED,  # an edit of a deleted object restores it
    "post_destroyed": Act.DELETED,
}


LIKED = "post_liked"
HEART = "❤️"
SOLVED = {"accepted_solution": Act.ACCEPTED, "unaccepted_solution": Act.UNACCEPTED}


def read_like(like: Like, instance: Instance) -> Change | Unused | Nonsense:
    """What a `post_liked` event says. Who acted is `like.user`: the post's author is somebody else."""
    unused = _unused(like.post, LIKED)
    if unused is not None:
        return unused
    if like.post.category_id is None:
        return Nonsense("category_missing")
    author = author_of(instance.organisation, _line(chosen_name(like.user.name, like.user.username), 200) or ANYBODY)
    return Change(
        act=Act.REACTED,
        native_id=like_id(like.post.id, like.user.id, instance),
        version="",
        marker=LIKED,  # a like has no time
        space=str(like.post.category_id),
        actor=f"user:{like.user.id}",
        occurred_at=moment(like.post.updated_at),
        author=author,
        parent=native_id(like.post),
        emoji=HEART,
        by_us=by_our_account(like, instance),
        recurs=True,
    )


def by_our_account(like: Like, instance: Instance) -> bool:
    """Whether an account of the connector likes the post."""
    return _ours(like.user.username, instance)


def read_solved(post: Post, event: str) -> Unused | Incomplete:
    """What an event of the « solved » plugin says: that the RSE is to be asked.

    The signature does not cover the event's name, a retried one may come after its contrary, and the body of a withdrawal is made
    from what was read before it.
    """
    return _unused(post, event) or Incomplete(native_id(post), SOLVED[event])


def read_topic(topic: Edited, event: str) -> Unused | Incomplete:
    """What an event about a topic says of its first post: that the RSE is to be asked.

    Where an edit of a first post changes its topic, Discourse tells this event alone (`config/initializers/012-web_hook_events.rb`).
    """
    if topic.category_id is None or topic.archetype == PRIVATE_MESSAGE:
        return Unused(f"{event}:{PRIVATE_MESSAGE}" if topic.archetype == PRIVATE_MESSAGE else event)
    return Incomplete(locator(topic.id, 1), Act.EDITED, space=str(topic.category_id))


def retitled(change: Change, instance: Instance) -> Change:
    """The edit of a first post of which its topic's webhook spoke. Another title need not move the post's time: its digest tells one from the next."""
    secret = instance.pseudonym_secret.get_secret_value().encode()
    title = hmac.digest(secret, f"title:{change.title}".encode(), "sha256").hex()[:8]
    return replace(change, corrects=True, marker=f"{change.marker}:{title}")


def read_answer(post: Post) -> Change | Unused | Nonsense:
    """Whether a post is the accepted answer of its topic, as the RSE says it now; who accepted it is told to nobody."""
    if post.accepted_answer is None:
        return Unused("solved_without_plugin")
    if post.category_id is None:
        return Nonsense("category_missing")
    return Change(
        act=Act.ACCEPTED if post.accepted_answer else Act.UNACCEPTED,
        native_id=f"solution:{post.topic_id}",
        version="",
        marker="",  # nothing tells one acceptance of a post from the next: the ledger counts
        space=str(post.category_id),
        actor="system:solved",
        occurred_at=moment(post.updated_at),
        parent=native_id(post),
    )


def like_id(post: int, user: int, instance: Instance) -> str:
    """A like has no id of its own, and the user's must not leave this RSE: a digest under a secret that only this node knows."""
    secret = instance.pseudonym_secret.get_secret_value().encode()
    digest = hmac.digest(secret, f"like:{post}:{user}".encode(), "sha256").hex()
    return f"like:{post}/{digest[:20]}"


def _unused(post: Post, event: str) -> Unused | None:
    """What is no person's words, or not open to its category."""
    if not post.said:
        return Unused(f"{event}:post_type_{post.post_type}" if post.post_type in range(1, 10) else event)
    return Unused(f"{event}:{PRIVATE_MESSAGE}") if post.topic_archetype == PRIVATE_MESSAGE else None


def read_hook(post: Post, event: str, instance: Instance) -> Change | Unused | Nonsense | Incomplete:
    """What a webhook says of a post. Whether the post is gone or back is asked of the RSE.

    A webhook that is tried again may come behind its contrary, staff's return raises no time by which that could be told, and the
    signature does not cover the event's name.
    """
    said = read_post(post, event, instance)
    if isinstance(said, Change) and said.act is Act.EDITED and _IN_BRACKETS.fullmatch(post.cooked or ""):
        return Incomplete(said.native_id, Act.EDITED)
    if not isinstance(said, Change) or (said.act is not Act.DELETED and event != RECOVERED):
        return said
    return Incomplete(said.native_id, said.act, otherwise=said if said.act is Act.DELETED else None)


def read_post(post: Post, event: str, instance: Instance) -> Change | Unused | Nonsense | Incomplete:
    """What the RSE says of a post, as if by the webhook `event`, which is one of ACTS."""
    unused = _unused(post, event)
    if unused is not None:
        return unused
    if post.gone:
        return _change(post, "post_destroyed", instance)
    if ACTS[event] is Act.DELETED:
        # The signature covers the body, not the header that names the event: a body replayed under another name must not
        # delete. A deletion that the body does not confirm is asked of the RSE.
        return Incomplete(native_id(post), Act.DELETED)
    if post.hidden:  # what readers here may not read leaves for nobody; once its author has rewritten it, that edit brings it
        return Unused(f"{event}:hidden")
    if post.cooked is None:
        return Incomplete(native_id(post), ACTS[event])
    return _change(post, event, instance)


def native_id(post: Post) -> str:
    """`post:127406`."""
    return f"post:{post.id}"


def locator(topic: int, number: int) -> str:
    """`topic:31544/38`."""
    return f"topic:{topic}/{number}"


def _change(post: Post, event: str, instance: Instance) -> Change | Nonsense:
    if post.category_id is None:
        return Nonsense("category_missing")
    stamp = post.deleted_at or post.updated_at
    act = ACTS[event]
    content, called = None, list[str]()
    if act is not Act.DELETED:
        content = _content(post.cooked or "", instance, called)
        if content is None:
            return Nonsense("content_too_long")
    return Change(
        act=act,
        native_id=native_id(post),
        version=stamp,
        # Neither X-Discourse-Event-Id (each retry has a new one) nor `version` (a deletion does not raise it).
        marker=f"{event}:{stamp}",
        space=str(post.category_id),
        actor=_actor(post, act, instance),
        occurred_at=moment(post.created_at if act is Act.POSTED else stamp),
        author=_author(post, instance),
        content=content,
        title=(_line(post.topic_title, 500) or None) if post.post_number == 1 else None,
        link=_link(post, instance),
        parent=locator(post.topic_id, post.reply_to_post_number or 1) if post.post_number > 1 else None,
        locator=locator(post.topic_id, post.post_number),
        attachments=() if content is None else files_of(post.cooked or "", instance.url),
        by_us=_by_us(post, instance),
        called=tuple(called),
        handle=post.username,
        quotes=() if content is None else tuple(locator(*place) for place in quoted_in(post.cooked or "")),
        inside=act is not Act.DELETED and begins(_UNDER.sub("#", post.raw or ""), instance.mark),
        number=post.id,
    )


def stayed(post: Post, instance: Instance) -> bool:
    """Whether a post, whatever became of it, begins with the mark, or its title does."""
    return begins(_UNDER.sub("#", post.raw or ""), instance.mark) or (
        post.post_number == 1 and begins(post.topic_title or "", instance.mark)
    )


def _actor(post: Post, act: Act, instance: Instance) -> str:
    """Who acted: the author, but for who deleted what the connector wrote, where that is told; under the same name as what she writes."""
    who = post.deleted_by
    if act is Act.DELETED and _by_us(post, instance) and who is not None and who.id is not None and not _ours(who.username, instance):
        return f"user:{who.id}"
    return f"user:{post.user_id}" if post.user_id is not None else f"username:{_line(post.username, 100)}"


def _by_us(post: Post, instance: Instance) -> bool:
    """Whether an account of the connector wrote the post."""
    return _ours(post.username, instance)


def _ours(username: str | None, instance: Instance) -> bool:
    """Whether this is an account of the connector; Discourse holds two spellings of a user name to be one."""
    return (username or "").casefold() in {writing_account(instance).casefold(), liking_account(instance).casefold()}


def _content(cooked: str, instance: Instance, called: list[str]) -> Content | None:
    html = from_cooked(cooked, instance.url, called)
    if len(html) > TEXT_LIMIT:
        return None
    return Content(html=html, text=words(html)[:TEXT_LIMIT])


def _author(post: Post, instance: Instance) -> Author:
    """Her display name; many have none, and a user name does not leave its ministry."""
    kind = _kind(post.user_id)
    name = chosen_name(post.name, post.username) if kind == "person" else post.name
    return author_of(instance.organisation, _line(name, 200) or ANYBODY, kind)


def _kind(user: int | None) -> Literal["person", "bot", "system"]:
    return {_SYSTEM: "system", _DISCOBOT: "bot"}.get(user or 0, "person")  # type: ignore[return-value]  # a dict widens literals


def _link(post: Post, instance: Instance) -> str:
    """By numbers alone: a topic's slug repeats its title, and would stand in the copies of all answers when that was taken back."""
    return f"{instance.url}/t/-/{post.topic_id}/{post.post_number}"


def _line(text: str | None, limit: int) -> str:
    """One line of words: control characters would break logs and PostgreSQL's text."""
    said = text or ""
    return (said if said.isprintable() else _CONTROLS.sub(" ", said)).strip()[:limit]
