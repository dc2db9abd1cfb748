"""Lines of YAML that every reader takes for the same, with the reason beside them: what all kinds of policies share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from plimsoll.policies.drafts import Generated, Policy
from plimsoll.policies.separating import Selector

T = TypeVar("T")
MARK = "# Written by plimsoll policies generate; what is edited here is lost when it runs again."
"""First line of each file we write: others are never touched."""
DEFAULT_DENY = "default-deny"
NAMESPACE = "kubernetes.io/metadata.name"
_PLAIN = re.compile(r"[a-z0-9]([a-z0-9.-]{0,200}[a-z0-9])?")
_SIMPLE = re.compile(r"[ !#-\[\]-~]*")


def files(
    generated: Generated, closed: Callable[[str, str], str], document: Callable[[Policy], str | None]
) -> dict[str, str]:
    """Return the text of each file by its path: a folder for each namespace, a file for each policy.

    `closed` is given a namespace and the reason of what closes it; a policy that cannot be said is None.
    """
    found = {
        f"{folder(space)}/{DEFAULT_DENY}.yaml": closed(space, _why(generated, space)) for space in generated.namespaces
    }
    for one in generated.policies:
        text = document(one)
        if text is not None:
            found[f"{folder(one.workload.namespace)}/{one.name}.yaml"] = text
    return found


def _why(generated: Generated, space: str) -> str:
    unseen = [f"{key.kind}/{key.name}" for key in generated.unseen if key.namespace == space]
    return f"every pod; closed too, though never seen: {', '.join(unseen)}" if unseen else "every pod"


def folder(namespace: str) -> str:
    """Return a folder's name; what is no namespace's name cannot lead elsewhere.

    >>> folder("shop"), folder("../x")
    ('shop', '_2e2e2f78')
    """
    return namespace if _PLAIN.fullmatch(namespace) else "_" + namespace.encode(errors="replace").hex()[:200]


def head(api: str, kind: str, name: str, namespace: str | None, notes: Iterable[str] = ()) -> Iterator[str]:
    """Yield the lines of an object up to its spec; without a namespace it is one of the cluster."""
    yield from (f"# {printable(note)}" for note in notes)
    yield f"apiVersion: {api}"
    yield f"kind: {kind}"
    yield "metadata:"
    yield f"  name: {quoted(name)}"
    if namespace is not None:
        yield f"  namespace: {quoted(namespace)}"
    yield "  labels:"
    yield '    app.kubernetes.io/managed-by: "plimsoll"'
    yield "spec:"


def notes(policy: Policy) -> tuple[str, ...]:
    """Return what is said of a policy above it."""
    return (f"For {policy.workload}.", *policy.notes)


def selecting(key: str, selector: Selector, indent: str, why: str = "") -> Iterator[str]:
    """Yield a selector below its key; one that asks for nothing is `{}`."""
    if not (selector.labels or selector.absent):
        yield f"{indent}{key}: {{}}{comment(why)}"
        return
    yield f"{indent}{key}:{comment(why)}"
    yield from terms(selector.labels, selector.absent, f"{indent}{'  ' * (1 + key.startswith('- '))}")


def terms(labels: Iterable[tuple[str, str]], absent: Iterable[str], indent: str) -> Iterator[str]:
    """Yield what a selector asks for."""
    told, lacking = [*labels], [*absent]
    if told:
        yield f"{indent}matchLabels:"
        yield from (f"{indent}  {quoted(key)}: {quoted(value)}" for key, value in told)
    if lacking:
        yield f"{indent}matchExpressions:"
    for key in lacking:
        yield f"{indent}  - key: {quoted(key)}"
        yield f"{indent}    operator: DoesNotExist"


def listed(key: str, texts: Iterable[str], indent: str) -> Iterator[str]:
    """Yield texts below their key; nothing where there are none."""
    if lines := [f"{indent}  - {quoted(text)}" for text in texts]:
        yield f"{indent}{key}:"
        yield from lines


def quoted(text: str) -> str:
    r"""Return a text as a YAML scalar that every reader takes for a text, YAML 1.1's too.

    >>> quoted("y"), quoted('a"b'), quoted("\u2028\U0001f600")
    ('"y"', '"a\\"b"', '"\\u2028\\U0001F600"')
    """
    if _SIMPLE.fullmatch(text):
        return f'"{text}"'
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return "\\" + char
    if char.isascii() and char.isprintable():
        return char
    return f"\\u{ord(char):04X}" if ord(char) < 1 << 16 else f"\\U{ord(char):08X}"


def comment(text: str) -> str:
    r"""Return a comment behind a line, nothing where there is none.

    >>> comment("seen\nonce"), comment("")
    ('  # seen?once', '')
    """
    return f"  # {printable(text)}" if text else ""


def printable(text: str) -> str:
    """Return a text that stays in its line."""
    short = text[:1000]
    return short if short.isprintable() else "".join(char if char.isprintable() else "?" for char in short)


def parts(whole: Sequence[T], size: int) -> list[Sequence[T]]:
    """Return a sequence in parts of a size at most, as kinds limit their lists."""
    return [whole[start : start + size] for start in range(0, len(whole), size)]
