from __future__ import annotations

from html.parser import HTMLParser

from plimsoll.outputs import findings, html, places

VOID = {"meta", "br"}
OPEN = {"tr", "td", "th"}


class Page(HTMLParser):
    """A reader that knows which elements are open and which there were."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.attributes = [], set(), []

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.attributes += attributes
        if tag not in VOID | OPEN:
            self.open.append(tag)

    def handle_endtag(self, tag):
        if tag not in OPEN:
            assert self.open.pop() == tag


def page(report):
    text = "".join(html.report(report, places.Place()))
    read = Page()
    read.feed(text)
    assert read.open == []
    return text, read


def test_the_page_is_whole_and_says_what_was_found(scanned):
    text, _ = page(scanned)
    for said in (
        "Deployment shop/web",
        "Root in it is root on the node.",
        "privileged: false",
        "1 critical, 2 low",
        "T1611",
    ):
        assert said in text


def test_nothing_on_the_page_comes_from_elsewhere_or_runs(scanned):
    text, read = page(scanned)
    assert not {"script", "img", "link", "iframe", "object"} & read.tags
    assert not any(name.startswith("on") or name in ("src", "href") for name, _ in read.attributes)
    assert "default-src 'none'" in text
    assert "<script>alert" not in text


def test_a_page_stays_small_enough_to_open(scanned, monkeypatch):
    monkeypatch.setattr(html, "MOST", 1)
    assert "1 more objects are not drawn" in page(scanned)[0]


def test_a_page_without_findings_says_what_was_judged(nothing_found):
    assert "2 objects judged by 3 checks" in page(nothing_found)[0]


def test_a_part_that_others_draw_stands_before_the_objects_with_its_style(nothing_found):
    part = findings.Part(".way{color:red}", ["<h2>Attack", " paths</h2>"])
    text, _ = page(nothing_found._replace(part=part))
    assert text.index(".way{color:red}</style>") < text.index("<h2>Attack paths</h2><h2>Objects</h2>")
