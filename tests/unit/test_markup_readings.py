"""What each platform shows, and the subset's HTML that is made of it. Read it as a table."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from adapters.discourse.cooked import from_cooked
from adapters.exo.title import from_title
from adapters.markup import safe_html
from adapters.matrix.formatted import from_formatted

HOMES = {"discourse": "https://forum.example", "matrix": "https://matrix.example", "exo": "https://rse.example"}
READ = {"discourse": from_cooked, "matrix": from_formatted, "exo": from_title}


@dataclass(frozen=True)
class Reading:
    """What a platform shows of something, and what travels of it."""

    platform: str
    name: str
    shown: str
    html: str


READINGS = (
    Reading(
        "discourse",
        "mention",
        shown='<p><a class="mention" href="/u/claire.moreau">@claire.moreau</a> merci</p>',
        html='<p><span data-mention="0">@claire.moreau</span> merci</p>',
    ),
    Reading(
        "discourse",
        "plain paragraphs",
        shown="<p>Bonjour<br>\nà tous</p>",
        html="<p>Bonjour<br>\nà tous</p>",
    ),
    Reading(
        "discourse",
        "emoji as a picture",
        shown='<p>Bravo <img src="/images/emoji/twitter/tada.png?v=12" title=":tada:" class="emoji" alt=":tada:" loading="lazy" width="20" height="20"> <img class="emoji" alt=":wave:t3:"></p>',
        html="<p>Bravo 🎉 👋🏼</p>",
    ),
    Reading(
        "discourse",
        "emoji of this forum alone",
        shown='<p><img src="/uploads/default/original/1X/ditp.png" title=":ditp:" class="emoji emoji-custom" alt=":ditp:"></p>',
        html="<p>:ditp:</p>",
    ),
    Reading(
        "discourse",
        "mention of a group",
        shown='<p><a class="mention-group notify" href="/groups/equipe">@equipe</a> venez</p>',
        html="<p>@equipe venez</p>",
    ),
    Reading(
        "discourse",
        "quotation",
        shown='<aside class="quote no-group" data-username="claire.moreau" data-post="3" data-topic="12">\n<div class="title">\n<div class="quote-controls"></div>\n<img alt="" width="24" height="24" src="/letter/c.png" class="avatar"> claire.moreau:</div>\n<blockquote>\n<p>Qui vient ?</p>\n</blockquote>\n</aside>\n<p>Moi.</p>',
        html="\n\n<blockquote>\n<p>Qui vient ?</p>\n</blockquote>\n\n<p>Moi.</p>",
    ),
    Reading(
        "discourse",
        "preview of a page",
        shown='<aside class="onebox allowlistedgeneric" data-onebox-src="https://x.example/a"><header class="source"><a href="https://x.example/a">x.example</a></header><article class="onebox-body"><h3><a href="https://x.example/a">Titre</a></h3><p>Résumé</p></article></aside>',
        html='<p><a href="https://x.example/a" rel="noopener noreferrer">https://x.example/a</a></p>',
    ),
    Reading(
        "discourse",
        "preview of another topic of this forum",
        shown='<aside class=\'quote\' data-post="1" data-topic="19">\n<div class=\'title\'>\n<div class=\'quote-controls\'></div>\n<img alt="" width="20" height="20" src="/letter/c.png" class="avatar">\n<a href="https://forum.example/t/19">Effectifs 2027</a> <a class="badge-category__wrapper" href="/c/rh/5"><span class="badge-category">RH</span></a>\n</div>\n<blockquote>\nDouze postes ferment.\n</blockquote>\n</aside>',
        html='<p><a href="https://forum.example/t/19" rel="noopener noreferrer">https://forum.example/t/19</a></p>',
    ),
    Reading(
        "discourse",
        "preview of a person of this forum",
        shown='<aside class="onebox"><article class="onebox-body user-onebox"><img src="/letter/c.png" class="avatar"><h3><a href="https://forum.example/u/claire.m">@claire.m</a></h3><div><span class="full-name">Claire</span></div><p>Cheffe de bureau</p></article><div class="clearfix"></div></aside>',
        html='<p><a href="https://forum.example/u/claire.m" rel="noopener noreferrer">https://forum.example/u/claire.m</a></p>',
    ),
    Reading(
        "discourse",
        "title of another topic of this forum, in place of its address",
        shown='<p>Voir <a href="https://forum.example/t/19/3" class="inline-onebox">Effectifs 2027 - #3 by claire.m</a></p>',
        html='<p>Voir <a href="https://forum.example/t/19/3" rel="noopener noreferrer">https://forum.example/t/19/3</a></p>',
    ),
    Reading(
        "discourse",
        "title of a page elsewhere, in place of its address",
        shown='<p>Voir <a href="https://x.example/a" class="inline-onebox">Un guide</a></p>',
        html='<p>Voir <a href="https://x.example/a" rel="noopener noreferrer">Un guide</a></p>',
    ),
    Reading(
        "discourse",
        "uploaded picture",
        shown='<p><div class="lightbox-wrapper"><a class="lightbox" href="/uploads/default/original/1X/plan.png" data-download-href="/uploads/x" title="plan"><img src="/uploads/default/optimized/1X/plan_2_690x388.png" alt="plan" width="690" height="388"><div class="meta"><svg></svg><span class="filename">plan</span><span class="informations">1200×675 120 KB</span></div></a></div></p>',
        html='<p></p><img src="https://forum.example/uploads/default/original/1X/plan.png" alt="plan"><p></p>',
    ),
    Reading(
        "discourse",
        "heading with its anchor",
        shown='<h2><a name="suite-1" class="anchor" href="#suite-1"></a>Suite</h2>',
        html="<h2>Suite</h2>",
    ),
    Reading(
        "discourse",
        "code and its language",
        shown='<pre data-code-wrap="python"><code class="lang-python">x = 1\n</code></pre>\n<pre><code class="lang-auto">y\n</code></pre>',
        html='<pre><code class="language-python">x = 1\n</code></pre>\n<pre><code>y\n</code></pre>',
    ),
    Reading(
        "discourse",
        "table",
        shown='<div class="md-table">\n<table>\n<thead>\n<tr>\n<th>a</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>b</td>\n</tr>\n</tbody>\n</table>\n</div>',
        html="\n<table>\n<thead>\n<tr>\n<th>a</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>b</td>\n</tr>\n</tbody>\n</table>\n",
    ),
    Reading(
        "discourse",
        "hidden words and parts",
        shown='<p><span class="spoiler">x</span></p><div class="spoiler"><p>y</p></div>',
        html='<p><span data-spoiler="">x</span></p><details><summary>Texte masqué</summary><p>y</p></details>',
    ),
    Reading(
        "discourse",
        "boxes to tick",
        shown='<ul><li><span class="chcklst-box checked fa fa-check-square-o fa-fw"></span> fait</li><li><span class="chcklst-box fa fa-square-o fa-fw"></span> à faire</li></ul>',
        html="<ul><li>☑ fait</li><li>☐ à faire</li></ul>",
    ),
    Reading(
        "discourse",
        "film",
        shown='<div class="video-placeholder-container" data-video-src="/uploads/default/original/1X/film.mp4"></div>',
        html='<a href="https://forum.example/uploads/default/original/1X/film.mp4" rel="noopener noreferrer">film.mp4</a>',
    ),
    Reading(
        "discourse",
        "category",
        shown='<p><a class="hashtag-cooked" href="/c/rh/5" data-type="category" data-slug="rh"><span class="hashtag-icon-placeholder"><svg></svg></span><span>RH</span></a></p>',
        html='<p><a href="https://forum.example/c/rh/5" rel="noopener noreferrer">#rh</a></p>',
    ),
    Reading(
        "discourse",
        "category under another",
        shown='<p><a class="hashtag-cooked" href="/c/agents/rh/6" data-type="category" data-slug="rh" data-ref="agents:rh"><span class="hashtag-icon-placeholder"></span><span>Ressources humaines</span></a></p>',
        html='<p><a href="https://forum.example/c/agents/rh/6" rel="noopener noreferrer">#rh</a></p>',
    ),
    Reading(
        "discourse",
        "tag of an older forum",
        shown='<p><a class="hashtag" href="/c/agents/rh/6">#<span>agents:rh</span></a> et <a class="hashtag-cooked" href="/tag/rh">#rh::tag</a></p>',
        html='<p><a href="https://forum.example/c/agents/rh/6" rel="noopener noreferrer">#rh</a> et <a href="https://forum.example/tag/rh" rel="noopener noreferrer">#rh</a></p>',
    ),
    Reading(
        "discourse",
        "tag that the forum does not know",
        shown='<p><span class="hashtag-raw">#inconnu</span> demain</p>',
        html="<p>#inconnu demain</p>",
    ),
    Reading(
        "matrix",
        "words that are marked",
        shown='<b>gras</b> <i>it</i> <strike>non</strike> <font color="#f00">rouge</font> <span data-mx-color="#0f0">vert</span>',
        html="<strong>gras</strong> <em>it</em> <del>non</del> rouge vert",
    ),
    Reading(
        "matrix",
        "mention",
        shown='<a href="https://matrix.to/#/@claire:tchap.example">Claire Moreau</a>: merci',
        html='<span data-mention="0">Claire Moreau</span>: merci',
    ),
    Reading(
        "matrix",
        "hidden words",
        shown='<span data-mx-spoiler="la fin">il gagne</span>',
        html='<span data-spoiler="la fin">il gagne</span>',
    ),
    Reading(
        "matrix",
        "emoji of this server alone",
        shown='<p><img data-mx-emoticon src="mxc://tchap.example/abc" alt=":ditp:" title=":ditp:" height="32"></p>',
        html="<p>:ditp:</p>",
    ),
    Reading(
        "matrix",
        "picture",
        shown='<p><img src="mxc://tchap.example/abc" alt="le plan"></p>',
        html='<p><img src="https://matrix.example/_matrix/client/v1/media/download/tchap.example/abc" alt="le plan"></p>',
    ),
    Reading(
        "matrix",
        "code",
        shown='<pre><code class="language-sql">SELECT 1;\n</code></pre>',
        html='<pre><code class="language-sql">SELECT 1;\n</code></pre>',
    ),
    Reading(
        "matrix",
        "formula",
        shown='<span data-mx-maths="x^2"><code>x^2</code></span>',
        html="<code>x^2</code>",
    ),
    Reading(
        "matrix",
        "link that would act",
        shown='<a href="javascript:alert(1)">clic</a><img src=x onerror=alert(1)>',
        html="clic",
    ),
    Reading(
        "exo",
        "mention",
        shown='<p>Bonjour <a href="/portal/dw/profile/camille" class="user-suggester" rel="nofollow">Camille Roux</a></p>',
        html='<p>Bonjour <span data-mention="0">Camille Roux</span></p>',
    ),
    Reading(
        "exo",
        "what the editor leaves behind",
        shown='<div><span style="color:red">rouge</span></div><p><b>gras</b>&nbsp;!</p>',
        html="<div>rouge</div><p><strong>gras</strong>&nbsp;!</p>",
    ),
    Reading(
        "exo",
        "keyword",
        shown='<p><a class="metadata-tag">#rh</a></p>',
        html="<p>#rh</p>",
    ),
    Reading(
        "exo",
        "picture",
        shown='<p><img class="pull-left" data-type="x" src="/portal/rest/images/1" alt="plan"></p>',
        html='<p><img src="https://rse.example/portal/rest/images/1" alt="plan"></p>',
    ),
)

each_reading = pytest.mark.parametrize("reading", READINGS, ids=lambda one: f"{one.platform}: {one.name}")


def read(reading: Reading) -> str:
    return READ[reading.platform](reading.shown, HOMES[reading.platform])


@each_reading
def test_what_a_platform_shows_travels_without_anything_of_its_own(reading: Reading) -> None:
    assert read(reading) == reading.html


@each_reading
def test_what_travels_is_the_subset_already(reading: Reading) -> None:
    assert safe_html(read(reading)) == read(reading)
