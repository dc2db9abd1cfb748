from html.parser import HTMLParser

from plimsoll.outputs import routes_html
from plimsoll.paths.answer import Answer, Question
from tests.paths.clusters import bind, model, pod


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href")]


def page(name: str = "p") -> tuple[str, Page]:
    told = Answer(
        model(pod(name, serviceAccountName="x"), bind("b", "ClusterRole/cluster-admin", "SA:a/x")), Question()
    )
    text = "".join(routes_html.text(told))
    found = Page()
    found.feed(text)
    return text, found


def test_the_page_needs_no_script_and_no_network() -> None:
    text, found = page()
    assert "script" not in found.tags
    assert found.addresses == []
    assert "default-src 'none'" in text


def test_paths_and_cuts_are_told() -> None:
    text, _ = page()
    assert "TOKEN_MOUNT" in text
    assert "What closes them" in text


def test_names_are_text_and_never_markup() -> None:
    text, found = page("<img src=x onerror=alert(1)>")
    assert "<img" not in text
    assert "img" not in found.tags
