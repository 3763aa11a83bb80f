"""Each construct once: as it travels, and as each platform shows it. Read it as a table."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from adapters.exo.title import to_title
from adapters.markup import safe_html, to_markdown, to_text
from adapters.matrix.formatted import to_formatted
from tests.fakes_markup import shown_by_a_forum, words_and_marks


@dataclass(frozen=True)
class Case:
    """HTML of the subset; Discourse's Markdown, Matrix's HTML, eXo's HTML, plain text (Matrix's `body`)."""

    name: str
    html: str
    markdown: str
    matrix: str
    exo: str
    text: str


CASES = (
    Case(
        "paragraphs",
        html="<p>Un</p><p>Deux</p>",
        markdown="Un\n\nDeux",
        matrix="<p>Un</p><p>Deux</p>",
        exo="<p>Un</p><p>Deux</p>",
        text="Un\n\nDeux",
    ),
    Case(
        "hard breaks",
        html="<p>Un<br>deux<br><br>trois</p>",
        markdown="Un\\\ndeux\\\n\\\ntrois",
        matrix="<p>Un<br>deux<br><br>trois</p>",
        exo="<p>Un<br>deux<br><br>trois</p>",
        text="Un\ndeux\n\ntrois",
    ),
    Case(
        "headings",
        html="<h1>Titre</h1><h3>Sous-titre</h3><p>Texte</p>",
        markdown="# Titre\n\n### Sous-titre\n\nTexte",
        matrix="<h1>Titre</h1><h3>Sous-titre</h3><p>Texte</p>",
        exo="<h1>Titre</h1><h3>Sous-titre</h3><p>Texte</p>",
        text="Titre\n\nSous-titre\n\nTexte",
    ),
    Case(
        "bold, italic, struck",
        html="<p><strong>gras</strong> <em>italique</em> <del>barré</del></p>",
        markdown="**gras** *italique* ~~barré~~",
        matrix="<p><strong>gras</strong> <em>italique</em> <del>barré</del></p>",
        exo="<p><strong>gras</strong> <em>italique</em> <strike>barré</strike></p>",
        text="gras italique barré",
    ),
    Case(
        "bold within italic",
        html="<p><em>a <strong>b</strong></em></p>",
        markdown="<em>a **b**</em>",
        matrix="<p><em>a <strong>b</strong></em></p>",
        exo="<p><em>a <strong>b</strong></em></p>",
        text="a b",
    ),
    Case(
        "bold inside a word, beside a quotation mark",
        html="<p>x<strong>«a»</strong>y</p>",
        markdown="x<strong>«a»</strong>y",
        matrix="<p>x<strong>«a»</strong>y</p>",
        exo="<p>x<strong>«a»</strong>y</p>",
        text="x«a»y",
    ),
    Case(
        "two emphases side by side",
        html="<p><em>a</em><em>b</em></p>",
        markdown="<em>a</em>*b*",
        matrix="<p><em>a</em><em>b</em></p>",
        exo="<p><em>a</em><em>b</em></p>",
        text="ab",
    ),
    Case(
        "small marks",
        html="<p><kbd>Ctrl</kbd> <mark>vu</mark> H<sub>2</sub>O <ins>ajout</ins></p>",
        markdown="<kbd>Ctrl</kbd> <mark>vu</mark> H<sub>2</sub>O <ins>ajout</ins>",
        matrix='<p><code>Ctrl</code> <span data-mx-bg-color="#fff59d">vu</span> H<sub>2</sub>O <u>ajout</u></p>',
        exo="<p><code>Ctrl</code> <strong>vu</strong> H<sub>2</sub>O <u>ajout</u></p>",
        text="Ctrl vu H2O ajout",
    ),
    Case(
        "link",
        html='<p><a href="https://x.example/a?b=1&amp;c=2">la note</a></p>',
        markdown="[la note](<https://x.example/a?b=1&c=2>)",
        matrix='<p><a href="https://x.example/a?b=1&amp;c=2">la note</a></p>',
        exo='<p><a href="https://x.example/a?b=1&amp;c=2">la note</a></p>',
        text="la note (https://x.example/a?b=1&c=2)",
    ),
    Case(
        "link whose words are its address",
        html='<p><a href="https://x.example/a_b">https://x.example/a_b</a></p>',
        markdown="<https://x.example/a_b>",
        matrix='<p><a href="https://x.example/a_b">https://x.example/a_b</a></p>',
        exo='<p><a href="https://x.example/a_b">https://x.example/a_b</a></p>',
        text="https://x.example/a_b",
    ),
    Case(
        "address in the words",
        html="<p>Voir https://x.example/a_b.</p>",
        markdown="Voir <https://x.example/a_b>.",
        matrix="<p>Voir https://x.example/a_b.</p>",
        exo="<p>Voir https://x.example/a_b.</p>",
        text="Voir https://x.example/a_b.",
    ),
    Case(
        "address that would leave its brackets",
        html='<p><a href="https://x.example/&gt;%20(a)|b">x</a></p>',
        markdown="[x](<https://x.example/%3E%20(a)%7Cb>)",
        matrix='<p><a href="https://x.example/&gt;%20(a)|b">x</a></p>',
        exo='<p><a href="https://x.example/&gt;%20(a)|b">x</a></p>',
        text="x (https://x.example/>%20(a)|b)",
    ),
    Case(
        "link that would act",
        html='<p><a href="javascript:alert(1)">clic</a></p>',
        markdown="clic",
        matrix="<p>clic</p>",
        exo="<p>clic</p>",
        text="clic",
    ),
    Case(
        "nested lists",
        html="<ul><li>a<ul><li>b<ol><li>c</li></ol></li></ul></li><li>d</li></ul>",
        markdown="- a\n  - b\n    1. c\n- d",
        matrix="<ul><li>a<ul><li>b<ol><li>c</li></ol></li></ul></li><li>d</li></ul>",
        exo="<ul><li>a<ul><li>b<ol><li>c</li></ol></li></ul></li><li>d</li></ul>",
        text="- a\n  - b\n    1. c\n- d",
    ),
    Case(
        "ordered list with a start",
        html='<ol start="7"><li>x</li><li>y</li></ol>',
        markdown="7. x\n8. y",
        matrix='<ol start="7"><li>x</li><li>y</li></ol>',
        exo='<ol start="7"><li>x</li><li>y</li></ol>',
        text="7. x\n8. y",
    ),
    Case(
        "list after list",
        html="<ul><li>a</li></ul><ul><li>b</li></ul>",
        markdown="- a\n\n* b",
        matrix="<ul><li>a</li></ul><ul><li>b</li></ul>",
        exo="<ul><li>a</li></ul><ul><li>b</li></ul>",
        text="- a\n- b",
    ),
    Case(
        "list of paragraphs and code",
        html="<ul><li><p>a</p><pre><code>x\n  y</code></pre></li></ul>",
        markdown="- a\n\n  ```\n  x\n    y\n  ```",
        matrix="<ul><li><p>a</p><pre><code>x\n  y</code></pre></li></ul>",
        exo="<ul><li><p>a</p><pre><code>x\n  y</code></pre></li></ul>",
        text="- a\n\n  x\n    y",
    ),
    Case(
        "code in a line",
        html="<p>Faire <code>a`b</code></p>",
        markdown="Faire ``a`b``",
        matrix="<p>Faire <code>a`b</code></p>",
        exo="<p>Faire <code>a`b</code></p>",
        text="Faire a`b",
    ),
    Case(
        "code block with its language",
        html='<pre><code class="language-python">def f():\n    pass\n</code></pre>',
        markdown="```python\ndef f():\n    pass\n```",
        matrix='<pre><code class="language-python">def f():\n    pass\n</code></pre>',
        exo='<pre><code class="language-python">def f():\n    pass\n</code></pre>',
        text="def f():\n    pass",
    ),
    Case(
        "code block that holds a fence",
        html="<pre><code>```\na\n```</code></pre>",
        markdown="````\n```\na\n```\n````",
        matrix="<pre><code>```\na\n```</code></pre>",
        exo="<pre><code>```\na\n```</code></pre>",
        text="```\na\n```",
    ),
    Case(
        "table",
        html="<table><thead><tr><th>Nom</th><th>Rôle</th></tr></thead><tbody><tr><td>Ana</td><td>a|b</td></tr></tbody></table>",
        markdown="| Nom | Rôle |\n| --- | --- |\n| Ana | a\\|b |",
        matrix="<table><tbody><tr><th>Nom</th><th>Rôle</th></tr><tr><td>Ana</td><td>a|b</td></tr></tbody></table>",
        exo="<table><tbody><tr><th>Nom</th><th>Rôle</th></tr><tr><td>Ana</td><td>a|b</td></tr></tbody></table>",
        text="Nom | Rôle\nAna | a|b",
    ),
    Case(
        "table without a heading, cells that span",
        html='<table><tr><td colspan="2">Tous</td></tr><tr><td>a</td><td><p>b</p><p>c</p></td></tr></table>',
        markdown="|  |  |\n| --- | --- |\n| Tous |  |\n| a | b<br>c |",
        matrix="<table><tbody><tr><td>Tous</td><td></td></tr><tr><td>a</td><td><p>b</p><p>c</p></td></tr></tbody></table>",
        exo="<table><tbody><tr><td>Tous</td><td></td></tr><tr><td>a</td><td><p>b</p><p>c</p></td></tr></tbody></table>",
        text="Tous\na |\n\nb\n\nc",
    ),
    Case(
        "quotation in a quotation",
        html="<blockquote><p>a</p><blockquote><p>b</p></blockquote></blockquote><p>c</p>",
        markdown="> a\n>\n> > b\n\nc",
        matrix="<blockquote><p>a</p><blockquote><p>b</p></blockquote></blockquote><p>c</p>",
        exo="<blockquote><p>a</p><blockquote><p>b</p></blockquote></blockquote><p>c</p>",
        text="> a\n>\n> > b\n\nc",
    ),
    Case(
        "emoji",
        html="<p>Bravo 🎉 👩🏽\u200d💻</p>",
        markdown="Bravo 🎉 👩🏽\u200d💻",
        matrix="<p>Bravo 🎉 👩🏽\u200d💻</p>",
        exo="<p>Bravo 🎉 👩🏽\u200d💻</p>",
        text="Bravo 🎉 👩🏽\u200d💻",
    ),
    Case(
        "image",
        html='<p><img src="https://x.example/plan.png" alt="le plan"></p>',
        markdown="[Image : le plan](<https://x.example/plan.png>)",
        matrix='<p><a href="https://x.example/plan.png">Image : le plan</a></p>',
        exo='<p><a href="https://x.example/plan.png">Image : le plan</a></p>',
        text="le plan",
    ),
    Case(
        "image inside a link",
        html='<p><a href="https://x.example/"><img src="https://x.example/i.png" alt="logo"> ici</a></p>',
        markdown="[Image : logo ici](<https://x.example/>)",
        matrix='<p><a href="https://x.example/">Image : logo ici</a></p>',
        exo='<p><a href="https://x.example/">Image : logo ici</a></p>',
        text="logo ici (https://x.example/)",
    ),
    Case(
        "foldable part",
        html="<details><summary>Plus</summary><p>Caché</p></details>",
        markdown="<details>\n<summary>Plus</summary>\n\nCaché\n\n</details>",
        matrix="<details><summary>Plus</summary><p>Caché</p></details>",
        exo="<p><strong>Plus</strong></p><p>Caché</p>",
        text="Plus\n\nCaché",
    ),
    Case(
        "hidden words",
        html='<p>Fin : <span data-spoiler="">il gagne</span></p>',
        markdown="Fin : [spoiler]il gagne[/spoiler]",
        matrix='<p>Fin : <span data-mx-spoiler="">il gagne</span></p>',
        exo="<p>Fin : [texte masqué] il gagne</p>",
        text="Fin : [texte masqué] il gagne",
    ),
    Case(
        "hidden paragraphs",
        html='<p>Fin :</p><span data-spoiler=""><p>il gagne</p><p>deux fois</p></span>',
        markdown="Fin :\n\n<details>\n<summary>Texte masqué</summary>\n\nil gagne\n\ndeux fois\n\n</details>",
        matrix='<p>Fin :</p><span data-mx-spoiler=""><p>il gagne</p><p>deux fois</p></span>',
        exo="<p>Fin :</p>[texte masqué] <p>il gagne</p><p>deux fois</p>",
        text="Fin :\n\n[texte masqué]\n\nil gagne\n\ndeux fois",
    ),
    Case(
        "rule",
        html="<p>a</p><hr><p>b</p>",
        markdown="a\n\n___\n\nb",
        matrix="<p>a</p><hr><p>b</p>",
        exo="<p>a</p><hr><p>b</p>",
        text="a\n\nb",
    ),
    Case(
        "words that call",
        html="<p>@all @here @room @claire.moreau et ana@rse.example</p>",
        markdown="@\u2060all @\u2060here @\u2060room @\u2060claire.moreau et ana@rse.example",
        matrix="<p>@all @here @room @claire.moreau et ana@rse.example</p>",
        exo="<p>@\u2060all @\u2060here @\u2060room @\u2060claire.moreau et ana@\u2060rse.example</p>",
        text="@all @here @room @claire.moreau et ana@rse.example",
    ),
    Case(
        "words that look like Markdown",
        html="<p>*a* _b_ [x](y) 1. # ~~z~~</p>",
        markdown="\\*a\\* \\_b\\_ \\[x\\](y) 1. \\# \\~\\~z\\~\\~",
        matrix="<p>*a* _b_ [x](y) 1. # ~~z~~</p>",
        exo="<p>*a* _b_ [x](y) 1. # ~~z~~</p>",
        text="*a* _b_ [x](y) 1. # ~~z~~",
    ),
    Case(
        "lines that look like Markdown",
        html="<p># a<br>- b<br>1. c<br>&gt; d<br>=====<br>---</p>",
        markdown="\\# a\\\n\\- b\\\n1\\. c\\\n\\> d\\\n\\=====\\\n\\---",
        matrix="<p># a<br>- b<br>1. c<br>&gt; d<br>=====<br>---</p>",
        exo="<p># a<br>- b<br>1. c<br>&gt; d<br>=====<br>---</p>",
        text="# a\n- b\n1. c\n> d\n=====\n---",
    ),
    Case(
        "words that look like HTML",
        html="<p>&lt;b&gt; &amp;amp; &lt;!-- traitdunion:x --&gt;</p>",
        markdown="\\<b\\> \\&amp; \\<!-- traitdunion:x --\\>",
        matrix="<p>&lt;b&gt; &amp;amp; &lt;!-- traitdunion:x --&gt;</p>",
        exo="<p>&lt;b&gt; &amp;amp; &lt;!-- traitdunion:x --&gt;</p>",
        text="<b> &amp; <!-- traitdunion:x -->",
    ),
    Case(
        "words that a forum would change",
        html="<p>:smile: (c) #interne $x$ [poll] 10:30:45</p>",
        markdown=":\u2060smile: (\u2060c) \\#\u2060interne \\$x\\$ \\[poll\\] 10:30:45",
        matrix="<p>:smile: (c) #interne $x$ [poll] 10:30:45</p>",
        exo="<p>:smile: (c) #interne $x$ [poll] 10:30:45</p>",
        text=":smile: (c) #interne $x$ [poll] 10:30:45",
    ),
    Case(
        "spaces that may not break",
        html="<p>Merci\xa0! «\xa0oui\xa0»</p>",
        markdown="Merci\xa0! «\xa0oui\xa0»",
        matrix="<p>Merci&nbsp;! «&nbsp;oui&nbsp;»</p>",
        exo="<p>Merci&nbsp;! «&nbsp;oui&nbsp;»</p>",
        text="Merci\xa0! «\xa0oui\xa0»",
    ),
    Case(
        "definitions",
        html="<dl><dt>RSE</dt><dd>Réseau social</dd></dl>",
        markdown="**RSE**\n\nRéseau social",
        matrix="<p><strong>RSE</strong></p><p>Réseau social</p>",
        exo="<dl><dt>RSE</dt><dd>Réseau social</dd></dl>",
        text="RSE\nRéseau social",
    ),
)


each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)


@each_case
def test_in_discourse(case: Case) -> None:
    assert to_markdown(case.html) == case.markdown


@each_case
def test_in_matrix(case: Case) -> None:
    assert to_formatted(case.html) == case.matrix


@each_case
def test_in_exo(case: Case) -> None:
    assert to_title(case.html) == case.exo


@each_case
def test_in_plain_text(case: Case) -> None:
    assert to_text(case.html) == case.text


SAID_OTHERWISE = {
    "hidden words",
    "hidden paragraphs",
    "image",
    "image inside a link",
    "definitions",
    "address that would leave its brackets",
}
"""What a forum's Markdown has no word for, or writes in other letters."""


@pytest.mark.parametrize("case", [case for case in CASES if case.name not in SAID_OTHERWISE], ids=lambda case: case.name)
def test_a_forum_shows_of_the_markdown_what_was_meant(case: Case) -> None:
    assert words_and_marks(shown_by_a_forum(case.markdown)) == words_and_marks(safe_html(case.html))
