"""Rule files as Falco loads them: lists, macros and rules, one file after the other, each changing what came before.

The first error ends a file. What a file says is only collected here; `ruleset` makes conditions of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn

from plimsoll.rules import fields, marked, operators, problems, syntax

ENGINE = (0, 62, 0)
"""Version of Falco's rule engine that we answer for."""
PLUGINS = {
    "k8saudit": (0, 18, 0),
    "k8saudit-eks": (0, 12, 0),
    "k8saudit-gke": (0, 9, 0),
    "k8saudit-aks": (0, 6, 0),
    "k8saudit-ovh": (0, 6, 0),
    "json": (0, 7, 4),
    "container": (0, 7, 1),
}
"""Plugins whose fields we have."""
OUTSIDE = (0, 50, 0)
"""From about this version on Falco's engine has no fields of containers of its own: they are a plugin's."""
PRIORITIES = ("Emergency", "Alert", "Critical", "Error", "Warning", "Notice", "Informational", "Debug")
_PRIORITY = {name.lower(): name for name in PRIORITIES} | {"info": "Informational"}

Problem = problems.Problem
Node = marked.Node


@dataclass(frozen=True)
class Text:
    """A text of a file, and where it stands; one that was put together is `whole` no longer."""

    text: str
    file: str
    mark: marked.Mark
    whole: bool = True

    def with_more(self, more: Text) -> Text:
        """Return the text with another behind it, as appending does."""
        return Text(f"{self.text} {more.text}", more.file, more.mark, whole=False)


@dataclass
class List:
    """A list of texts."""

    name: str
    place: Text
    items: list[str]
    index: int = 0
    """When it was defined."""
    visibility: int = 0
    """When it was last touched: it sees what was defined before."""


@dataclass
class Macro:
    """A condition with a name."""

    name: str
    place: Text
    condition: Text
    index: int = 0
    visibility: int = 0


@dataclass
class Exemption:
    """An exception of a rule: fields, how they are compared, and the values that are let pass."""

    name: str
    place: Text
    fields: list[str] | str | None = None
    comps: list[str] | str | None = None
    values: list[Any] = field(default_factory=list)
    """Texts and lists of texts."""


@dataclass
class Rule:
    """A rule as it was written."""

    name: str
    place: Text
    condition: Text
    output: Text
    desc: str
    priority: str
    source: str = "syscall"
    enabled: bool = True
    tags: list[str] = field(default_factory=list)
    exceptions: list[Exemption] = field(default_factory=list)
    warn_evttypes: bool = True
    skip_unknown: bool = False
    extras: dict[str, Any] = field(default_factory=dict)
    """Keys Falco does not know: controls, attack."""


_SCALAR = {"desc", "priority", "output", "condition"}
_NEEDED = ("condition", "output", "desc", "priority")
_APPENDED = frozenset({"condition", "output", "desc", "tags", "exceptions"})
_REPLACED = _APPENDED | {
    "priority",
    "enabled",
    "capture",
    "capture_duration",
    "warn_evttypes",
    "skip-if-unknown-filter",
}
_KEYS = {
    "list": frozenset({"list", "items", "append", "override"}),
    "macro": frozenset({"macro", "condition", "append", "override"}),
    "rule": _REPLACED | {"rule", "source", "append", "override"},
}
EXTRAS = frozenset({"controls", "attack", "severity", "count", "within"})
"""Keys of a rule that are ours."""
APPEND = "'append' key is deprecated. Add an 'append' entry (e.g. 'condition: append') under 'override' instead."
BOTH = "Keys 'override' and 'append: true' cannot be used together. Add an 'append' entry (e.g. 'condition: append') under 'override' instead."
ENABLED = "The standalone 'enabled' key usage is deprecated. The correct approach requires also a 'replace' entry under the 'override' key (i.e. 'enabled: replace')."
_NAME = re.compile(r"[a-zA-Z]+[a-zA-Z0-9_]*")
_YES = frozenset({"y", "yes", "true", "on"})
_NO = frozenset({"n", "no", "false", "off"})
_VERSION = re.compile(r"([0-9]{1,9})\.([0-9]{1,9})\.([0-9]{1,9})(?:[-+].*)?")


class Collected:
    """What the files said so far."""

    def __init__(self) -> None:
        self.lists: dict[str, List] = {}
        self.macros: dict[str, Macro] = {}
        self.rules: dict[str, Rule] = {}
        self.problems: list[Problem] = []
        self.texts: dict[str, str] = {}
        """File → what is in it."""
        self.required: set[str] = set()
        """Plugins that a file requires."""
        self.engines: dict[str, tuple[int, ...]] = {}
        """File → the engine it was written for."""
        self._file = ""
        self._count = 0
        self._item = ""

    def take(self, file: str, text: str) -> None:
        """Read one more file; raise problems.Refused at its first error."""
        self._file, self.texts[file] = file, text
        try:
            documents = marked.documents(text)
        except marked.Unreadable as broken:
            self._item = ""
            self.refuse("LOAD_ERR_YAML_PARSE", str(broken), broken.mark)
        for document in documents:
            if not isinstance(document, marked.Sequence):
                self.refuse("LOAD_ERR_YAML_VALIDATE", "Rules content is not yaml array of objects", document.mark)
            for item in document.items:
                self._item = ""
                if not (isinstance(item, marked.Scalar) and item.is_null):
                    self._read(item)

    def refuse(self, code: str, message: str, mark: marked.Mark) -> NoReturn:
        """Give up the file."""
        raise problems.Refused(self._problem("error", code, message, mark))

    def warn(self, code: str, message: str, mark: marked.Mark) -> None:
        """Note a warning."""
        self.problems.append(self._problem("warning", code, message, mark))

    def _problem(self, level: Any, code: str, message: str, mark: marked.Mark) -> Problem:
        text = problems.snippet(self.texts[self._file], mark.offset)
        return Problem(level, code, message, self._file, mark.line, mark.column, self._item, text)

    def _read(self, item: Node) -> None:
        if not isinstance(item, marked.Mapping):
            self.refuse(
                "LOAD_ERR_YAML_VALIDATE",
                "Unexpected element type. Each element should be a yaml associative array.",
                item.mark,
            )
        readers = {
            "required_engine_version": self._engine,
            "required_plugin_versions": self._plugins,
            "list": self._list,
            "macro": self._macro,
            "rule": self._rule,
        }
        for kind, reader in readers.items():
            if kind in item.keys:
                reader(item)
                self._unknown_keys(item, _KEYS.get(kind, frozenset({kind})))
                return
        self.warn("LOAD_UNKNOWN_ITEM", "Unknown top level item", item.mark)

    def _unknown_keys(self, item: marked.Mapping, known: frozenset[str]) -> None:
        ours = EXTRAS if "rule" in item.keys else frozenset()
        for name, node in item.keys.items():
            if name not in known | ours:
                self.warn("LOAD_UNKNOWN_KEY", f"Unknown key '{name[:100]}'. The key will be ignored.", node.mark)

    # what an item holds

    def _node(self, item: marked.Mapping, key: str) -> Node:
        node = self._maybe(item, key)
        if node is None:
            lacks = f"Mapping for key '{key}' is empty" if key in item.keys else f"Item has no mapping for key '{key}'"
            self.refuse("LOAD_ERR_YAML_VALIDATE", lacks, item.mark)
        return node

    @staticmethod
    def _maybe(item: marked.Mapping, key: str) -> Node | None:
        node = item.keys.get(key)
        return None if node is None or (isinstance(node, marked.Scalar) and node.is_null) else node

    def _text(self, node: Node) -> Text:
        if not isinstance(node, marked.Scalar):
            self.refuse("LOAD_ERR_YAML_VALIDATE", "Value is not a scalar value", node.mark)
        return Text(node.text, self._file, node.mark)

    def _truth(self, item: marked.Mapping, key: str, default: bool) -> bool:
        node = self._maybe(item, key)
        if node is None:
            return default
        text = self._text(node).text
        if text.lower() not in _YES | _NO:
            self.refuse("LOAD_ERR_YAML_VALIDATE", "Can't decode YAML scalar value", node.mark)
        return text.lower() in _YES

    def _texts(self, node: Node) -> list[str]:
        if not isinstance(node, marked.Sequence):
            self.refuse("LOAD_ERR_YAML_VALIDATE", "Value is not a sequence", node.mark)
        return [self._text(one).text for one in node.items]

    def _override(self, item: marked.Mapping, appended: frozenset[str], replaced: frozenset[str]) -> dict[str, str]:
        """Return key → append or replace, each of which has its value in the item, and each value of which has it."""
        node = self._maybe(item, "override")
        if node is None:
            return {}
        if not isinstance(node, marked.Mapping):
            self.refuse("LOAD_ERR_YAML_VALIDATE", "Value of override must be a map", node.mark)
        told = {key: self._text(how).text for key, how in node.keys.items()}
        for key, how in told.items():
            allowed = (["append"] if key in appended else []) + (["replace"] if key in replaced else [])
            if how not in allowed:
                say = (
                    f"Key '{key}' cannot be appended to or replaced"
                    if not allowed
                    else f"Invalid override operation for key '{key}': '{how}'. Allowed: {', '.join(allowed)}"
                )
                self.refuse("LOAD_ERR_YAML_VALIDATE", say, node.keys[key].mark)
            if self._maybe(item, key) is None:
                self.refuse(
                    "LOAD_ERR_YAML_VALIDATE",
                    f"An {how} override for '{key}' was specified but '{key}' is not defined",
                    node.mark,
                )
        for key in item.keys:
            if key in appended | replaced and key not in told:
                self.refuse(
                    "LOAD_ERR_YAML_VALIDATE",
                    f"Unexpected key '{key}': no corresponding entry under 'override' is defined.",
                    item.keys[key].mark,
                )
        return told

    def _appends(self, item: marked.Mapping) -> bool:
        append = self._truth(item, "append", default=False)
        if append:
            self.warn("LOAD_DEPRECATED_ITEM", APPEND, item.keys["append"].mark)
        return append

    def _how(self, item: marked.Mapping, key: str) -> str:
        """Return append, replace or nothing: what an item does to a list or macro of the same name."""
        append = self._appends(item)
        told = self._override(item, frozenset({key}), frozenset({key}))
        if append and told:
            self.refuse("LOAD_ERR_YAML_VALIDATE", BOTH, item.mark)
        return "append" if append else told.get(key, "")

    def _tick(self) -> int:
        self._count += 1
        return self._count

    # kinds of items

    def _engine(self, item: marked.Mapping) -> None:
        node = self._node(item, "required_engine_version")
        text = self._text(node).text
        match = _VERSION.fullmatch(text)
        plain = re.fullmatch("[0-9]{1,9}", text)
        if not match and not plain:
            self.refuse(
                "LOAD_ERR_YAML_VALIDATE",
                f"Unable to parse engine version '{text[:100]}' as a semver string. Expected \"x.y.z\" semver format.",
                node.mark,
            )
        wanted = (int(match[1]), int(match[2]), int(match[3])) if match else (0, int(text), 0)
        self.engines[self._file] = wanted
        if wanted[0] != ENGINE[0] or wanted > ENGINE:
            self.refuse(
                "LOAD_ERR_VALIDATE",
                f"Rules require engine version {_dotted(wanted)}, but engine version is {_dotted(ENGINE)}",
                node.mark,
            )

    def _plugins(self, item: marked.Mapping) -> None:
        node = self._node(item, "required_plugin_versions")
        if not isinstance(node, marked.Sequence):
            self.refuse("LOAD_ERR_YAML_VALIDATE", "Value of required_plugin_versions must be a sequence", node.mark)
        for one in node.items:
            wanted = [self._plugin(one)]
            others = self._maybe(one, "alternatives") if isinstance(one, marked.Mapping) else None
            if others is not None and not isinstance(others, marked.Sequence):
                self.refuse(
                    "LOAD_ERR_YAML_VALIDATE", "Value of plugin version alternatives must be a sequence", others.mark
                )
            wanted += [self._plugin(other) for other in others.items] if others else []
            self.required |= {name for name, _ in wanted}
            if not any(_satisfies(PLUGINS.get(name), version) for name, version in wanted):
                names = ", ".join(f"{name}:{_dotted(version)}" for name, version in wanted)
                self.refuse(
                    "LOAD_ERR_VALIDATE", f"Plugin requirement not satisfied, must load one of: {names}", one.mark
                )

    def _plugin(self, node: Node) -> tuple[str, tuple[int, ...]]:
        if not isinstance(node, marked.Mapping):
            self.refuse("LOAD_ERR_YAML_VALIDATE", "Plugin version must be a map", node.mark)
        name = self._text(self._node(node, "name")).text
        version = self._text(self._node(node, "version")).text
        match = _VERSION.fullmatch(version)
        if not match:
            self.refuse(
                "LOAD_ERR_YAML_VALIDATE",
                f"Invalid required version '{version[:100]}' for plugin {name[:100]}",
                node.mark,
            )
        return name, (int(match[1]), int(match[2]), int(match[3]))

    def _named(self, item: marked.Mapping, kind: str) -> Text:
        name = self._text(self._node(item, kind))
        if not name.text:
            self.refuse("LOAD_ERR_YAML_VALIDATE", f"Mapping for key '{kind}' is empty", item.mark)
        self._item = f"{kind} {name.text}"
        if kind != "rule" and not _NAME.fullmatch(name.text):
            self.warn(
                f"LOAD_INVALID_{kind.upper()}_NAME",
                f"{kind.capitalize()} has an invalid name. {kind.capitalize()} names should match a regular expression: ([a-zA-Z]+[a-zA-Z0-9_]*)",
                item.mark,
            )
        return replace(name, mark=item.mark)

    def _list(self, item: marked.Mapping) -> None:
        place = self._named(item, "list")
        name = self._text(item.keys["list"]).text
        items = self._texts(self._node(item, "items"))
        how, known = self._how(item, "items"), self.lists.get(name)
        if how == "append":
            if known is None:
                self.refuse(
                    "LOAD_ERR_VALIDATE",
                    "List uses 'append' or 'override.items: append' but no list by that name already exists",
                    item.mark,
                )
            known.items, known.visibility = known.items + items, self._tick()
            return
        now = self._tick()
        self.lists[name] = List(name, place, items, known.index if known else now, now)

    def _macro(self, item: marked.Mapping) -> None:
        place = self._named(item, "macro")
        name = self._text(item.keys["macro"]).text
        condition = self._text(self._node(item, "condition"))
        how, known = self._how(item, "condition"), self.macros.get(name)
        if how == "append":
            if known is None:
                self.refuse(
                    "LOAD_ERR_VALIDATE",
                    "Macro uses 'append' or 'override.condition: append' but no macro by that name already exists",
                    item.mark,
                )
            known.condition, known.visibility = known.condition.with_more(condition), self._tick()
            return
        now = self._tick()
        self.macros[name] = Macro(name, place, condition, known.index if known else now, now)

    def _rule(self, item: marked.Mapping) -> None:
        place = self._named(item, "rule")
        name = self._text(item.keys["rule"]).text
        append = self._appends(item)
        told = self._override(item, _APPENDED, _REPLACED)
        if append and told:
            self.refuse("LOAD_ERR_YAML_VALIDATE", BOTH, item.mark)
        if told:
            self._overridden(item, name, told)
        elif append:
            self._appended(item, name)
        elif not any(key in item.keys for key in _NEEDED):
            self._switched(item, name)
        else:
            self._defined(item, place, name)

    def _defined(self, item: marked.Mapping, place: Text, name: str) -> None:
        condition, output, desc = (self._text(self._node(item, key)) for key in ("condition", "output", "desc"))
        source = self._source(item) or "syscall"
        rule = Rule(
            name, place, condition, output, desc.text, self._priority(item), source,
            enabled=self._truth(item, "enabled", default=True),
            tags=self._tags(item),
            exceptions=self._exceptions(item),
            warn_evttypes=self._truth(item, "warn_evttypes", default=True),
            skip_unknown=self._truth(item, "skip-if-unknown-filter", default=False),
            extras={key: _plain(node) for key, node in item.keys.items() if key in EXTRAS},
        )  # fmt: skip
        known = self.rules.get(name)
        if known and known.source != source:
            self.refuse("LOAD_ERR_VALIDATE", "Rule has been re-defined with a different source", item.mark)
        if source not in fields.SOURCES:
            self.warn("LOAD_UNKNOWN_SOURCE", f"Unknown source {source[:100]}, skipping", item.mark)
        else:
            seen: set[str] = set()
            for one in rule.exceptions:
                self._settle(one, source)
                if one.name in seen:
                    self.warn(
                        "LOAD_EXCEPTION_NAME_NOT_UNIQUE",
                        f"Multiple definitions of exception '{one.name}' in the same rule",
                        one.place.mark,
                    )
                seen.add(one.name)
        self.rules[name] = rule

    def _known_rule(self, item: marked.Mapping, name: str, otherwise: str) -> Rule:
        rule = self.rules.get(name)
        if rule is None:
            self.refuse("LOAD_ERR_VALIDATE", otherwise, item.mark)
        source = self._source(item)
        if source and source != rule.source:
            self.refuse("LOAD_ERR_VALIDATE", "Rule has been re-defined with a different source", item.mark)
        return rule

    def _appended(self, item: marked.Mapping, name: str) -> None:
        rule = self._known_rule(
            item, name, "Rule uses 'append' or 'override.<key>: append' but no rule by that name already exists"
        )
        condition = self._maybe(item, "condition")
        if condition is None and self._maybe(item, "exceptions") is None:
            self.refuse("LOAD_ERR_VALIDATE", "Appended rule must have exceptions or condition property", item.mark)
        if condition is not None:
            rule.condition = rule.condition.with_more(self._text(condition))
        self._more_exceptions(rule, item)

    def _switched(self, item: marked.Mapping, name: str) -> None:
        self._node(item, "enabled")
        enabled = self._truth(item, "enabled", default=True)
        self.warn("LOAD_DEPRECATED_ITEM", ENABLED, item.mark)
        rule = self._known_rule(item, name, "Rule has 'enabled' key but no rule by that name already exists")
        rule.enabled = enabled

    def _overridden(self, item: marked.Mapping, name: str, told: Mapping[str, str]) -> None:
        how = "append" if "append" in told.values() else "replace"
        rule = self._known_rule(
            item, name, f"Rule uses 'append' or 'override.<key>: {how}' but no rule by that name already exists"
        )
        for key in ("condition", "output"):
            if key in told:
                text = self._text(self._node(item, key))
                setattr(rule, key, getattr(rule, key).with_more(text) if told[key] == "append" else text)
        if "desc" in told:
            desc = self._text(self._node(item, "desc")).text
            rule.desc = f"{rule.desc} {desc}" if told["desc"] == "append" else desc
        if "tags" in told:
            rule.tags = [*(rule.tags if told["tags"] == "append" else ()), *self._tags(item)]
        if told.get("exceptions") == "append":
            self._more_exceptions(rule, item)
        elif "exceptions" in told:
            rule.exceptions = self._exceptions(item)
            for one in rule.exceptions:
                self._settle(one, rule.source)
        if "priority" in told:
            rule.priority = self._priority(item)
        rule.enabled = self._truth(item, "enabled", default=rule.enabled) if "enabled" in told else rule.enabled
        rule.warn_evttypes = self._truth(item, "warn_evttypes", default=rule.warn_evttypes)
        rule.skip_unknown = self._truth(item, "skip-if-unknown-filter", default=rule.skip_unknown)

    def _source(self, item: marked.Mapping) -> str:
        node = self._maybe(item, "source")
        return self._text(node).text if node is not None else ""

    def _tags(self, item: marked.Mapping) -> list[str]:
        node = self._maybe(item, "tags")
        return [] if node is None else self._texts(node)

    def _priority(self, item: marked.Mapping) -> str:
        node = self._node(item, "priority")
        text = self._text(node).text
        if text.lower() not in _PRIORITY:
            self.refuse("LOAD_ERR_YAML_VALIDATE", f"Invalid priority '{text[:100]}'", node.mark)
        return _PRIORITY[text.lower()]

    # exceptions

    def _exceptions(self, item: marked.Mapping) -> list[Exemption]:
        node = self._maybe(item, "exceptions")
        if node is None:
            return []
        if not isinstance(node, marked.Sequence):
            self.refuse("LOAD_ERR_YAML_VALIDATE", "Rule exceptions must be a sequence", node.mark)
        return [self._exception(one) for one in node.items]

    def _exception(self, node: Node) -> Exemption:
        if not isinstance(node, marked.Mapping):
            self.refuse("LOAD_ERR_YAML_VALIDATE", "Rule exception must be a map", node.mark)
        name = self._text(self._node(node, "name"))
        values = self._maybe(node, "values")
        if values is not None and not isinstance(values, marked.Sequence):
            self.refuse("LOAD_ERR_YAML_VALIDATE", "Rule exception values must be a sequence", values.mark)
        return Exemption(
            name.text,
            replace(name, mark=node.mark),
            self._one_or_many(node, "fields"),
            self._one_or_many(node, "comps"),
            [self._value(one) for one in values.items] if values else [],
        )

    def _one_or_many(self, node: marked.Mapping, key: str) -> list[str] | str | None:
        found = self._maybe(node, key)
        if found is None:
            return None
        return found.text if isinstance(found, marked.Scalar) else self._texts(found)

    def _value(self, node: Node) -> Any:
        if isinstance(node, marked.Mapping):
            self.refuse("LOAD_ERR_YAML_VALIDATE", "Can't decode YAML scalar value", node.mark)
        return node.text if isinstance(node, marked.Scalar) else [self._value(one) for one in node.items]

    def _more_exceptions(self, rule: Rule, item: marked.Mapping) -> None:
        for one in self._exceptions(item):
            known = next((other for other in rule.exceptions if other.name == one.name), None)
            if known is None:
                self._settle(one, rule.source)
                rule.exceptions.append(one)
                continue
            for what in ("fields", "comps"):
                if getattr(one, what) is not None:
                    self.refuse(
                        "LOAD_ERR_VALIDATE",
                        f"Can not append exception {what} to existing exception, only values",
                        one.place.mark,
                    )
            if not one.values:
                self.warn("LOAD_APPEND_NO_VALUES", "Overriding/appending exception with no values", one.place.mark)
            known.values = known.values + one.values

    def _settle(self, one: Exemption, source: str) -> None:
        """Check an exception, and fill in how its fields are compared."""
        mark = one.place.mark
        if not one.fields:
            self.refuse("LOAD_ERR_VALIDATE", "Rule exception must have fields property with a list of fields", mark)
        several = isinstance(one.fields, list)
        names = one.fields if isinstance(one.fields, list) else [one.fields]
        if not one.comps:
            one.comps = ["="] * len(names) if several else "in"
        if isinstance(one.comps, list) != several:
            self.refuse(
                "LOAD_ERR_VALIDATE",
                "Fields and comps must both be lists" if several else "Fields and comps must both be strings",
                mark,
            )
        comps = [" ".join(comp.split()) for comp in (one.comps if isinstance(one.comps, list) else [one.comps])]
        one.comps = comps if several else comps[0]
        if len(comps) != len(names):
            self.refuse("LOAD_ERR_VALIDATE", "Fields and comps lists must have equal length", mark)
        for comp in comps:
            operator, _, word = comp.partition(" ")
            single = operator in operators.ALL - operators.ORDER - operators.PLURAL - {"exists"} or operator == "=="
            if not (word in operators.WORDS and single) and (word or comp not in operators.ALL | {"=="}):
                self.refuse("LOAD_ERR_VALIDATE", f"'{comp[:100]}' is not a supported comparison operator", mark)
            if not several and comp not in operators.PLURAL:
                self.refuse(
                    "LOAD_ERR_VALIDATE",
                    "When fields is a single value, comps must be one of (in, pmatch, intersects)",
                    mark,
                )
        for name in names:
            if not _is_field(name, source):
                self.refuse("LOAD_ERR_VALIDATE", f"'{name[:100]}' is not a supported filter field", mark)


def _is_field(name: str, source: str) -> bool:
    left = syntax.value(name)
    if isinstance(left, syntax.Call):
        return True  # what it is given is looked at with the whole condition
    try:
        return left is not None and fields.resolve(left, source) is not None
    except fields.Unknown:
        return False


def _satisfies(loaded: tuple[int, ...] | None, wanted: tuple[int, ...]) -> bool:
    return loaded is not None and loaded[0] == wanted[0] and loaded >= wanted


def _dotted(version: Iterable[int]) -> str:
    return ".".join(map(str, version))


def _plain(node: Node) -> Any:
    if isinstance(node, marked.Scalar):
        return node.text
    if isinstance(node, marked.Mapping):
        return {key: _plain(one) for key, one in node.keys.items()}
    return [_plain(one) for one in node.items]
