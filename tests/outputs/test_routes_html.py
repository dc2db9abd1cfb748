from html.parser import HTMLParser

from plimsoll.outputs import routes_html
from plimsoll.paths.answer import Answer, Question
from plimsoll.paths.difference import difference
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


def answer(*roles: str, pods: int = 1) -> Answer:
    """Return the ways to the administrator of pods that share an account with these roles."""
    bodies = [pod(f"p{number}", serviceAccountName="x") for number in range(pods)]
    bound = [bind(f"b{number}", f"ClusterRole/{name}", "SA:a/x") for number, name in enumerate(roles)]
    return Answer(model(*bodies, *bound), Question((), ("Sink:cluster-admin",)))


def test_of_many_paths_a_part_draws_the_first_and_says_where_all_are() -> None:
    text = "".join(routes_html.part(answer("cluster-admin", pods=3), most=1, elsewhere="<there>"))
    assert text.count("<details") == 1
    assert "2 more paths are not drawn; &lt;there&gt; has them all." in text


def test_of_a_cut_of_many_objects_a_few_are_named(monkeypatch) -> None:
    found = answer(*["cluster-admin"] * 3)
    monkeypatch.setattr(routes_html, "_OBJECTS", 0)
    assert " and 1 more</li>" in "".join(routes_html.part(found))


def test_what_a_change_opens_is_drawn_and_what_it_closes_told() -> None:
    few, many = answer(), answer("cluster-admin", pods=3)
    opening = "".join(routes_html.changes(difference(few, many), few, many, most=2))
    assert "The change opens 3 paths and closes 0." in opening
    assert opening.count("<details") == 2
    assert "1 more paths are not drawn" in opening
    closing = "".join(routes_html.changes(difference(many, few), many, few))
    assert closing.count("<li>") == 3
    assert "<details" not in closing
