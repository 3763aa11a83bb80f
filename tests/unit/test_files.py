"""Files by reference: what is read of each in every RSE, and what its line says to those who cannot open it."""

from __future__ import annotations

import pytest

from adapters.discourse.files import files_of as in_discourse
from adapters.discourse.render import raw
from adapters.exo.files import files_of as in_exo
from adapters.exo.render import html
from adapters.files import FileLine, body_of, lines_of
from adapters.matrix.compose import content_of
from schemas.facts.message import Attachment, Author, Content
from schemas.words import Audience
from tests.fakes_discourse import order

HOME = "https://forum.example"
PLAN = Attachment(
    name="plan.pdf", link="https://forum.example/u/plan.pdf", media_type="application/pdf", size=123_000, readers=Audience.PUBLIC
)
ONLY_FILE = Content(html="<p>plan.pdf</p>", text="plan.pdf")


@pytest.mark.parametrize(
    ("readers", "ours", "told"),
    [
        (Audience.PUBLIC, "Finances", "PDF, 120\xa0Ko ; lisible seulement avec un compte Éducation nationale"),
        (
            Audience.MEMBERS,
            "Finances",
            "PDF, 120\xa0Ko ; lisible seulement avec un compte Éducation nationale, par les membres de son espace",
        ),
        (None, "Finances", "PDF, 120\xa0Ko ; lisible seulement avec un compte Éducation nationale"),
        (Audience.PUBLIC, "Éducation nationale", "PDF, 120\xa0Ko"),
        (Audience.MEMBERS, "Éducation nationale", "PDF, 120\xa0Ko ; lisible par les membres de son espace d’origine"),
    ],
)
def test_a_line_warns_whoever_cannot_open_the_file(readers: Audience | None, ours: str, told: str) -> None:
    given = order(attachments=(PLAN.model_copy(update={"readers": readers}),), organisation=ours)
    assert lines_of(given) == [FileLine("plan.pdf", PLAN.link, told)]


@pytest.mark.parametrize(
    ("name", "media_type", "size", "told"),
    [
        ("photo", "image/png", 0, "image, 0\xa0octets"),
        ("film.mp4", None, 5 * 1024**3, "vidéo, 5\xa0Go"),
        ("notes.odt", None, 9_728, "ODT, 9,5\xa0Ko"),
        ("sans nom", None, None, ""),
        ("Compte rendu du 3 mars. Suite", None, None, ""),
    ],
)
def test_a_line_tells_kind_and_size_as_far_as_they_are_known(name: str, media_type: str | None, size: int | None, told: str) -> None:
    file = Attachment(name=name, link="https://x.example/f", media_type=media_type, size=size, readers=Audience.PUBLIC)
    (line,) = lines_of(order(attachments=(file,), organisation="Éducation nationale"))
    assert line.told == told


def test_every_platform_shows_the_line_and_no_empty_message_above_it() -> None:
    given = order(attachments=(PLAN,), content=ONLY_FILE, organisation="Finances")
    warning = "lisible seulement avec un compte Éducation nationale"
    assert body_of(given) == ""
    for shown in (raw(given), html(given, HOME), content_of(given)["body"], content_of(given)["formatted_body"]):
        assert shown.count("plan.pdf") == 2  # its name and its address
        assert warning in shown
        assert "message vide" not in shown


@pytest.mark.parametrize("name", ["fac\u202egnp.exe", "plan\u200b\n.exe", "\u2066plan.exe"])
def test_a_files_name_turns_nothing_round_and_stays_on_its_line(name: str) -> None:
    file = Attachment(name=name, link="https://x.example/f", readers=Audience.PUBLIC)
    given = order(attachments=(file,), organisation="Finances")
    assert lines_of(given)[0].name.isprintable()
    for shown in (raw(given), html(given, HOME), content_of(given)["body"], content_of(given)["formatted_body"]):
        assert not set(shown) & set("\u202e\u200b\u2066")
        assert ".exe" in shown


def test_words_beside_a_file_stay() -> None:
    assert body_of(order(attachments=(PLAN,))) != ""
    assert "compte rendu de mars" in raw(order(attachments=(PLAN,)))


def test_a_discourse_tells_attachments_pictures_and_films_each_once() -> None:
    cooked = (
        '<p><a class="attachment" href="/uploads/short-url/x.pdf">Compte rendu.pdf</a> (12,5 Ko)</p>'
        '<div class="lightbox-wrapper"><a class="lightbox" href="/uploads/default/original/1X/p.png" title="plan"><img src="/uploads/o.png" alt="plan">'
        '<div class="meta"><span class="filename">plan</span><span class="informations">1200×675 120 KB</span></div></a></div>'
        '<p><img src="/uploads/default/original/1X/q.jpg" alt="cour"><img class="emoji" src="/uploads/e.png" alt=":x:"></p>'
        '<div class="video-placeholder-container" data-video-src="/uploads/default/original/1X/film.mp4"></div>'
        '<p><a class="attachment" href="/uploads/short-url/x.pdf">Compte rendu.pdf</a></p><a class="attachment" href="javascript:x">y</a>'
    )
    assert [(file.name, file.link, file.media_type, file.size) for file in in_discourse(cooked, HOME)] == [
        ("Compte rendu.pdf", f"{HOME}/uploads/short-url/x.pdf", "application/pdf", 12_800),
        ("plan", f"{HOME}/uploads/default/original/1X/p.png", "image/png", 122_880),
        ("cour", f"{HOME}/uploads/default/original/1X/q.jpg", "image/jpeg", None),
        ("film.mp4", f"{HOME}/uploads/default/original/1X/film.mp4", "video/mp4", None),
    ]


def test_an_exo_tells_the_documents_of_an_activity() -> None:
    params = {
        "DOCLINK": "/rest/a b.odt|@|https://x.example/c|@|javascript:x",
        "DOCNAME": "a b.odt|@|c",
        "mimeType": "application/vnd.oasis|@|text/plain",
    }
    assert [(file.name, file.link, file.media_type) for file in in_exo(params, "https://rse.example")] == [
        ("a b.odt", "https://rse.example/rest/a%20b.odt", "application/vnd.oasis"),
        ("c", "https://x.example/c", "text/plain"),
    ]
    assert in_exo({"DOCLINK": ["no", "text"]}, "https://rse.example") == ()


def test_an_author_who_is_unknown_still_has_readers_who_cannot_open_her_file() -> None:
    (line,) = lines_of(order(attachments=(PLAN,), author=None, organisation="Finances"))
    assert line.told.endswith("lisible seulement avec un compte de son réseau d’origine")
    assert lines_of(order(attachments=(PLAN,), author=Author(name="A", organisation=""), organisation=""))[0].told == line.told
