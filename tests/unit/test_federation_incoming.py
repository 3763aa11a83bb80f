"""Posts as other servers write them, in our words; nothing that acts survives, nothing that is said is lost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.federation import incoming
from hub.federation.verification import VerifiedActivity
from hub.ports import RefusedError
from schemas.activities import ActivityMalformed, told
from schemas.facts import FACTS
from schemas.facts.message import MessageEdited, MessagePosted
from schemas.keys import SigningKey
from schemas.provenance import Belief, KnownActor, Provenance, sha256
from tests.conftest import SHARED
from tests.fakes_abroad import GROUP, NOW, PUBLIC, STREAMS, Person, written

if TYPE_CHECKING:
    from collections.abc import Iterator

ALICE = Person("https://social.example/users/alice")
KEY = SigningKey.generate("hub")
CAPTURED = SHARED / "payloads" / "activitypub" / "captured-2026-11.txt"


def activity(said: dict[str, Any], kind: str = "Person") -> VerifiedActivity:
    """An activity as the door believed it."""
    body, actor = written(said), said["actor"]
    known = (KnownActor(actor, kind, "Alice Martin"),)
    seen = Provenance(actor, "social.example", "k", "rfc9421", NOW, sha256(body), "/inbox", Belief.OWN, actors=known)
    return VerifiedActivity(said, body, seen, seen.signed(KEY), told(said))


def heard(verb: str = "Create", **more: Any) -> incoming.Heard:
    note = ALICE.note(**more) if "text" in more else {**ALICE.note(), **more}
    return incoming.post(activity(ALICE.does(verb, note)), NOW)


def refusal(**more: Any) -> str:
    with pytest.raises(RefusedError) as refused:
        heard(**more)
    return refused.value.reason


def test_a_note_is_a_message_of_its_author_her_server_and_elsewhere() -> None:
    fact = heard().fact
    assert type(fact) is MessagePosted
    assert (fact.author.name, fact.author.organisation, fact.author.kind) == ("Alice Martin", "social.example · externe", "person")
    assert (fact.content.html, fact.content.text, fact.title, fact.link) == ("<p>Bonjour</p>", "Bonjour", None, ALICE.note()["id"])
    assert fact.space == "social.example"
    assert fact.external is not None


def test_an_update_is_an_edit_whose_marker_is_its_own_date_or_its_words() -> None:
    assert type(heard("Update").fact) is MessageEdited
    assert heard(updated="2026-11-22T09:00:00Z").marker == heard(updated="2026-11-22T10:00:00+01:00").marker
    assert heard(content="<p>un</p>").marker != heard(content="<p>deux</p>").marker == heard(content="<p>deux</p>").marker


@pytest.mark.parametrize(
    ("note", "title", "html"),
    [
        ({"name": "Sujet"}, "Sujet", "<p>Bonjour</p>"),
        ({"type": "Page", "name": "Lien", "content": None, "attachment": [{"type": "Link", "href": "https://a.example/x"}]}, "Lien", ""),
        ({"content": "<h2>Titre</h2><p>Corps</p>"}, "Titre", "<p>Corps</p>"),
        ({"content": "<h2>Seul</h2>"}, None, "<h2>Seul</h2>"),
        ({"name": "Re: Sujet", "inReplyTo": "https://social.example/notes/0"}, None, "<p>Bonjour</p>"),
        ({"name": "\u202edrôle\n de  titre"}, "drôle de titre", "<p>Bonjour</p>"),
    ],
)
def test_a_title_is_where_each_server_puts_it(note: dict[str, Any], title: str | None, html: str) -> None:
    fact = heard(**note).fact
    assert (fact.title, fact.content.html) == (title, html)


@pytest.mark.parametrize(
    ("content", "html"),
    [
        ("<script>alert(1)</script><p onclick=x>a</p>", "<p>a</p>"),
        ('<p><a href="javascript:x" rel="me">a</a></p>', "<p><a>a</a></p>"),
        ('<p><a href="/relatif">a</a></p>', "<p><a>a</a></p>"),
        ('<a href="https://a.example/long"><span class="invisible">https://</span><span class="ellipsis">a.example</span></a>', '<a href="https://a.example/long">https://a.example</a>'),
        ("<p>a<b>b</b><i>c</i></p>", "<p>a<strong>b</strong><em>c</em></p>"),
        ('<iframe src="https://a.example"></iframe><p>a</p>', "<p>a</p>"),
        ("<p>\x00a</p>", "<p>a</p>"),
    ],
)  # fmt: skip
def test_nothing_that_acts_survives_and_the_words_do(content: str, html: str) -> None:
    assert heard(content=content).fact.content.html.replace(' rel="noopener noreferrer"', "") == html


def test_what_is_sensitive_is_folded_under_its_warning() -> None:
    assert heard(summary="Attention & peur", sensitive=True).fact.content.html == (
        "<details><summary>Attention &amp; peur</summary><p>Bonjour</p></details>"
    )
    assert heard(sensitive=True).fact.content.html.startswith("<details><summary>Contenu sensible</summary>")
    assert heard(type="Article", summary="Un résumé").fact.content.html == "<p>Bonjour</p>"


def test_content_may_stand_in_its_language_alone_or_be_plain_text() -> None:
    fact = heard(content=None, contentMap={"fr": "<p>Salut</p>"}).fact
    assert (fact.content.html, fact.content.language) == ("<p>Salut</p>", "fr")
    assert heard(contentMap={"en": "<p>x</p>", "fr": "<p>Bonjour</p>"}).fact.content.language == "fr"
    assert heard(content="a < b\n\nc", mediaType="text/plain").fact.content.html == "<p>a &lt; b</p><p>c</p>"


def test_files_come_by_reference_and_choices_as_a_list() -> None:
    fact = heard(
        attachment=[
            {"type": "Document", "mediaType": "image/png", "url": "https://social.example/f/a.png", "name": "Un plan"},
            {"type": "Image", "url": [{"type": "Link", "href": "https://social.example/f/b.jpg"}]},
            {"type": "Document", "url": "file:///etc/passwd"},
            "https://social.example/nu",
        ],
        type="Question",
        oneOf=[{"type": "Note", "name": "oui"}, {"type": "Note", "name": "<non>"}],
    ).fact
    assert [(file.name, file.link, file.media_type) for file in fact.attachments] == [
        ("Un plan", "https://social.example/f/a.png", "image/png"),
        ("b.jpg", "https://social.example/f/b.jpg", None),
    ]
    assert fact.content.html == "<p>Bonjour</p><ul><li>oui</li><li>&lt;non&gt;</li></ul>"


def test_who_is_called_is_named_with_her_server() -> None:
    href = "https://ailleurs.example/users/carol"
    text = f'<p><span class="h-card"><a href="{href}" class="u-url mention">@<span>carol</span></a></span> bonjour</p>'
    fact = heard(content=text, tag=[{"type": "Mention", "href": href, "name": "@carol@ailleurs.example"}]).fact
    assert [(one.name, one.organisation) for one in fact.mentions] == [("carol", "ailleurs.example · externe")]
    assert '<span data-mention="0">@carol</span> bonjour' in fact.content.html


def test_a_link_to_another_servers_page_is_not_the_posts_own() -> None:
    assert heard(url="https://phish.example/x").fact.link == ALICE.note()["id"]
    assert heard(url=[{"type": "Link", "href": "https://social.example/@alice/1"}]).fact.link == "https://social.example/@alice/1"


def test_a_server_that_tells_no_name_still_names_its_author() -> None:
    said = ALICE.creates()
    seen = activity(said)
    nameless = VerifiedActivity(
        said, seen.unparsed, Provenance(ALICE.id, "social.example", "k", "s", NOW, "d", "/", Belief.OWN), {}, seen.told
    )
    assert incoming.author(ALICE.id, nameless).name == "alice"
    assert incoming.author(ALICE.id, activity(said, "Service")).kind == "bot"


@pytest.mark.parametrize(
    ("note", "reason"),
    [
        ({"content": ""}, "post_without_text"),
        ({"type": "Person"}, "object_not_a_post"),
        ({"attributedTo": "https://social.example/users/bob"}, "not_owner"),
        ({"published": "2026-11-22T09:06:00Z"}, "time_in_future"),
        ({"content": "a" * 1_000_001}, "text_too_long"),
    ],
)
def test_what_no_community_could_read_is_refused_by_name(note: dict[str, Any], reason: str) -> None:
    assert refusal(**note) == reason


@pytest.mark.parametrize(
    ("act", "emoji"),
    [
        ({"type": "Like"}, "👍"),
        ({"type": "Like", "content": "❤️"}, "❤️"),
        ({"type": "Like", "_misskey_reaction": "🎉"}, "🎉"),
        ({"type": "Like", "content": ":blobcat:"}, "👍"),
        ({"type": "EmojiReact", "content": "🎉"}, "🎉"),
    ],
)
def test_a_like_is_a_thumb_and_an_emoji_itself(act: dict[str, Any], emoji: str) -> None:
    assert incoming.reaction(activity({**ALICE.does("Like", GROUP), **act})).emoji == emoji


@pytest.mark.parametrize("content", [":blobcat:", "", None, 7, "x" * 65, "a\nb"])
def test_an_emoji_that_only_its_server_can_draw_is_refused(content: Any) -> None:
    with pytest.raises(RefusedError, match="emoji_unreadable"):
        incoming.reaction(activity(ALICE.does("EmojiReact", GROUP, content=content)))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=30) | st.sampled_from([PUBLIC, GROUP, ALICE.id, "2026-11-22T09:00:00Z"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["type", "href", "url", "name", "id", "fr", "mediaType"]), inner, max_size=4),
    max_leaves=15,
)  # fmt: skip
MEMBERS = ["content", "contentMap", "name", "summary", "sensitive", "attachment", "tag", "url", "inReplyTo", "published", "updated", "oneOf", "anyOf", "mediaType", "type"]  # fmt: skip


@given(st.dictionaries(st.sampled_from(MEMBERS), JSON), st.sampled_from(["Note", "Article", "Question", "Page"]))
def test_whatever_a_post_holds_it_is_told_or_refused_by_name(members: dict[str, Any], kind: str) -> None:
    try:
        found = heard(**({"type": kind} | members))
    except RefusedError:
        return
    assert FACTS[found.fact.event_type].tolerant(json.loads(found.fact.to_bytes()))
    assert "<script" not in found.fact.content.html


@given(JSON)
def test_whatever_stands_in_an_announce_is_told_or_refused_by_name(inner: Any) -> None:
    try:
        found = told({"@context": STREAMS, "type": "Announce", "actor": GROUP, "object": inner})
    except ActivityMalformed:
        return
    assert found.via == GROUP


def captured() -> Iterator[str]:
    if CAPTURED.exists():
        yield from (line.strip() for line in CAPTURED.read_text(encoding="utf-8").splitlines() if line.strip().startswith('{"@context'))


@pytest.mark.skipif(not CAPTURED.exists(), reason="the captures are not beside this clone")
def test_the_members_that_real_servers_send_are_the_ones_that_we_read() -> None:
    lines = list(captured())
    assert len(lines) >= 6
    whole = [json.loads(line) for line in lines if line.endswith("}") and _parses(line)]
    assert {told(said).verb for said in whole} == {"Accept"}  # the others were cut by the tool that kept them
    for said in whole:
        assert told(said).object["object"] == said["actor"]


def _parses(line: str) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True
