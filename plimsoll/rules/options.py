"""What users want of rules beyond Falco's files: how often something must happen, and what is told once.

    Terminal shell in container:      # a rule's name, or a glob for several
      times: 5                        # only the fifth time
      minutes: 10                     # within ten minutes
      group_by: [k8s.pod.name]        # counted for each pod
      dedupe: 60                      # once an hour; what is held back is counted
    "*debug*": {enabled: false}

Later entries change what earlier ones said. Without `group_by` what counts together is what one container did, and
of audit events what one user did.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple, NoReturn

from plimsoll import errors
from plimsoll.rules import fields, marked, operators, ruleset, syntax, transform

TOGETHER = {"syscall": ("container.id",), "k8s_audit": ("ka.user.name",)}
"""Source → whose doings count together, where nothing else is said."""
KEYS = ("times", "minutes", "group_by", "dedupe", "enabled")
MOST_TIMES = 10_000
MOST_MINUTES = 60 * 24 * 366
MOST_FIELDS = 20


class Option(NamedTuple):
    """What is wanted of one rule."""

    times: int = 1
    minutes: float = 0.0
    """Within which it must have held so often; 0 for ever so long."""
    group_by: tuple[str, ...] | None = None
    dedupe: float = 0.0
    """Minutes after an alert in which others like it are held back."""
    enabled: bool | None = None

    @property
    def counts(self) -> bool:
        """Say whether alerts are counted."""
        return self.times > 1 or self.dedupe > 0

    def together(self, source: str) -> tuple[transform.Operand, ...]:
        """Return the fields whose values tell what counts together."""
        names = TOGETHER[source] if self.group_by is None else self.group_by
        return tuple(_operand(name, source) for name in names)


Options = Mapping[str, Option]


def read(file: str, text: str, rules: ruleset.Ruleset) -> dict[str, Option]:
    """Return the options of rules by their names; raise InputError where the file says something else.

    >>> text = "- {rule: a shell, desc: d, condition: evt.type = execve, output: o, priority: info}"
    >>> read("options.yaml", "a*: {times: 3, minutes: 1}", ruleset.load([("r.yaml", text)]))["a shell"].times
    3
    >>> read("options.yaml", "b: {times: 3}", ruleset.load([("r.yaml", text)]))
    Traceback (most recent call last):
    plimsoll.errors.InputError: options.yaml:1: no rule is called b
    """
    try:
        documents = marked.documents(text)
    except marked.Unreadable as broken:
        raise errors.InputError(str(broken), file=file, line=broken.mark.line) from None
    reader = _Reader(file, rules)
    for document in documents:
        if not isinstance(document, marked.Mapping):
            reader.refuse("options are names of rules, each with what is wanted of it", document)
        for name, node in document.keys.items():
            reader.take(name, node)
    return reader.options


def applied(rules: ruleset.Ruleset, options: Options) -> ruleset.Ruleset:
    """Return the rules, those on and off that the options say."""
    told = {name: option.enabled for name, option in options.items() if option.enabled is not None}
    return replace(rules, rules=tuple(replace(rule, enabled=told.get(rule.name, rule.enabled)) for rule in rules.rules))


def _operand(name: str, source: str) -> transform.Operand:
    left = syntax.value(name)
    if left is None:
        raise operators.Invalid(f"'{name[:60]}' is no field")
    return transform.operand(left, source)


class _Reader:
    """A file of options on its way to the rules."""

    def __init__(self, file: str, rules: ruleset.Ruleset) -> None:
        self._file = file
        self._sources = {rule.name: rule.source for rule in rules.rules}
        self.options: dict[str, Option] = {}

    def refuse(self, reason: str, node: marked.Node) -> NoReturn:
        shown = "".join(char if char.isprintable() else "?" for char in reason)
        raise errors.InputError(shown, file=self._file, line=node.mark.line)

    def take(self, name: str, node: marked.Node) -> None:
        """Take what is said of one name."""
        names = [name] if name in self._sources else fnmatch.filter(self._sources, name)
        if not names:
            self.refuse(f"no rule is called {name[:100]}", node)
        if not isinstance(node, marked.Mapping):
            self.refuse(f"{name[:100]}: what is wanted of a rule is keys: {', '.join(KEYS)}", node)
        for one in names:
            option = self.options.get(one, Option())
            for key, value in node.keys.items():
                option = self._with(option, key, value, self._sources[one])
            if option.times > 1 and not option.minutes:
                self.refuse(f"{name[:100]}: `times` wants `minutes`, within which", node)
            self.options[one] = option

    def _with(self, option: Option, key: str, node: marked.Node, source: str) -> Option:
        if key == "times":
            return option._replace(times=int(self._number(key, node, 1, MOST_TIMES, whole=True)))
        if key == "minutes":
            return option._replace(minutes=self._number(key, node, 0, MOST_MINUTES))
        if key == "dedupe":
            return option._replace(dedupe=self._number(key, node, 0, MOST_MINUTES))
        if key == "enabled":
            return option._replace(enabled=self._truth(node))
        if key != "group_by":
            self.refuse(f"no key {key[:60]}: there are {', '.join(KEYS)}", node)
        return option._replace(group_by=self._fields(node, source))

    def _number(self, key: str, node: marked.Node, least: int, most: int, *, whole: bool = False) -> float:
        text = node.text if isinstance(node, marked.Scalar) else ""
        try:
            found = float(text) if len(text) < 20 and "_" not in text else float("nan")
        except ValueError:
            found = float("nan")
        if not least <= found <= most or (whole and found != int(found)):
            self.refuse(f"{key} is a {'whole ' if whole else ''}number from {least} to {most}", node)
        return found

    def _truth(self, node: marked.Node) -> bool:
        text = node.text.lower() if isinstance(node, marked.Scalar) else ""
        if text not in ("true", "false"):
            self.refuse("enabled is true or false", node)
        return text == "true"

    def _fields(self, node: marked.Node, source: str) -> tuple[str, ...]:
        nodes = node.items if isinstance(node, marked.Sequence) else (node,)
        if len(nodes) > MOST_FIELDS:
            self.refuse(f"group_by has at most {MOST_FIELDS} fields", node)
        for one in nodes:
            try:
                _operand(one.text if isinstance(one, marked.Scalar) else "", source)
            except (fields.Unknown, operators.Invalid) as wrong:
                self.refuse(f"group_by: {wrong}", one)
        return tuple(one.text for one in nodes if isinstance(one, marked.Scalar))
