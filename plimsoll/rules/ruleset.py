"""What files of rules come to: macros and lists resolved, conditions as nodes of a graph, outputs taken apart."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

import polars as pl

from plimsoll.rules import compile as graphs
from plimsoll.rules import fields, files, operators, output, problems, syntax

Problem = problems.Problem
CONTAINER_INFO = (
    "%container.info is deprecated and no more useful, and will be dropped by Falco 1.0.0. "
    "The container plugin will automatically add required fields to the output message."
)
EVT_DIR = (
    "due to the drop of enter events, 'evt.dir = <' always evaluates to true, and 'evt.dir = >' always evaluates "
    "to false. The rule expression can be simplified by removing the condition on 'evt.dir'"
)
NOT_THERE = (
    "comparing a field value with <NA> is unsafe and can lead to unpredictable behavior of the rule condition. "
    "If you need to check for the existence of a field, consider using the 'exists' operator instead."
)


@dataclass(frozen=True)
class Compiled:
    """A rule that can be run."""

    name: str
    source: str
    priority: str
    tags: tuple[str, ...]
    enabled: bool
    node: int
    """Its condition, in the graph of its source."""
    output: output.Template
    desc: str
    file: str
    line: int
    extras: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Ruleset:
    """All rules of some files, and what is wrong with them."""

    rules: tuple[Compiled, ...]
    graphs: dict[str, graphs.Graph]
    problems: tuple[Problem, ...]

    @property
    def loads(self) -> bool:
        """Say whether Falco would load these files."""
        return not any(problem.level == "error" for problem in self.problems)

    def of(self, source: str) -> list[Compiled]:
        """Return the rules that are on for a source, in the order in which they match."""
        return [rule for rule in self.rules if rule.enabled and rule.source == source]

    def chosen(self, tags: Collection[str] = (), skip: Collection[str] = (), priority: str = "Debug") -> Ruleset:
        """Return the rule set with only the rules of some tags on, those of others off, and those of less priority."""
        wanted, unwanted = frozenset(tags), frozenset(skip)
        grave = files.PRIORITIES[: files.PRIORITIES.index(priority) + 1]
        rules = [replace(rule, enabled=bool(wanted & {*rule.tags})) if wanted else rule for rule in self.rules]
        return replace(
            self,
            rules=tuple(
                replace(rule, enabled=False) if unwanted & {*rule.tags} or rule.priority not in grave else rule
                for rule in rules
            ),
        )

    def table(self) -> pl.DataFrame:
        """Return a row for each rule: name, source, priority, enabled, tags, and the keys that are ours."""
        text, texts = pl.String(), pl.List(pl.String())
        rows = [
            {
                "rule": rule.name,
                "source": rule.source,
                "priority": rule.priority,
                "enabled": rule.enabled,
                "tags": [*rule.tags],
                "controls": _texts(rule.extras.get("controls")),
                "attack": _texts(rule.extras.get("attack")),
                "severity": rule.extras.get("severity"),
            }
            for rule in self.rules
        ]
        schema = {
            "rule": text,
            "source": text,
            "priority": text,
            "enabled": pl.Boolean(),
            "tags": texts,
            "controls": texts,
            "attack": texts,
            "severity": text,
        }
        return pl.DataFrame(rows, schema=schema)


def _texts(value: Any) -> list[str]:
    return [] if value is None else [str(one) for one in value] if isinstance(value, list) else [str(value)]


def load(texts: Iterable[tuple[str, str]]) -> Ruleset:
    """Return the rule set of files, given as (name, text) in order; where one has an error, the rest is not read.

    >>> text = "- {rule: r, desc: d, condition: evt.type = open, output: '%proc.name', priority: info, attack: [T1059]}"
    >>> rules = load([("mine.yaml", text)])
    >>> rules.loads, rules.rules[0].priority, rules.rules[0].extras
    (True, 'Informational', {'attack': ['T1059']})
    """
    collected = files.Collected()
    compiler = _Compiler(collected)
    rules: tuple[Compiled, ...] = ()
    try:
        for name, text in texts:
            collected.take(name, text)
            rules = tuple(compiler.rules())
    except problems.Refused as refused:
        return Ruleset((), compiler.graphs, (*collected.problems, *compiler.warnings.values(), refused.problem))
    compiler.unused()
    return Ruleset(rules, compiler.graphs, (*collected.problems, *compiler.warnings.values()))


class _Compiler:
    """Makes rules of what was collected, again after each file; what was parsed once is kept."""

    def __init__(self, collected: files.Collected) -> None:
        self._collected = collected
        self.graphs = {source: graphs.Graph(source) for source in fields.SOURCES}
        self.warnings: dict[tuple[str, str, str], Problem] = {}
        self._trees: dict[str, syntax.Tree] = {}
        self._lists: dict[str, files.List] = {}
        self._used: set[str] = set()

    def rules(self) -> Iterator[Compiled]:
        """Yield the rules that stand, in order."""
        self.warnings, self._used = {}, set()
        self._lists = {name: replace(one, items=self._expanded(one)) for name, one in self._collected.lists.items()}
        self._macros()
        self._nodes: dict[tuple[str, str], int] = {}
        for rule in self._collected.rules.values():
            if rule.source in self.graphs and (made := self._rule(rule)):
                yield made

    def unused(self) -> None:
        """Warn of lists and macros that nothing refers to."""
        for kind, known in (("macro", self._collected.macros), ("list", self._collected.lists)):
            for name, one in known.items():
                if f"{kind} {name}" not in self._used:
                    self._warn(
                        f"LOAD_UNUSED_{kind.upper()}",
                        f"{kind.capitalize()} not referred to by any other rule/macro",
                        one.place,
                        f"{kind} {name}",
                    )

    def _expanded(self, one: files.List) -> list[str]:
        """Return the items, with those of earlier lists in the place of their names."""
        items: list[str] = []
        for item in one.items:
            other = self._collected.lists.get(item)
            if other and other.index < one.visibility:
                self._used.add(f"list {item}")
                items += other.items
            else:
                items.append(item)
        return items

    # conditions

    def _substituted(self, text: str) -> str:
        """Return a condition with lists written out."""
        waiting = {word for word in _WORDS.findall(text) if word in self._lists}
        done = -1
        while waiting:
            name = min(waiting, key=lambda word: self._lists[word].index)
            waiting.remove(name)
            one = self._lists[name]
            if one.index <= done:
                continue
            done = one.index
            self._used.add(f"list {name}")
            text = _replaced(text, name, [_quoted(item) for item in one.items])
            waiting |= {word for item in one.items for word in _WORDS.findall(item) if word in self._lists}
        return text

    def _parsed(self, text: str, original: files.Text, item: str, shift: int = 0) -> syntax.Tree:
        """Return the tree of a condition, lists written out."""
        whole = self._substituted(text)
        tree = self._trees.get(whole)
        if tree is None:
            try:
                tree = syntax.parse(whole)
            except syntax.Unparsable as broken:
                self._refuse("LOAD_ERR_COMPILE_CONDITION", str(broken), original, item, whole, broken.at, shift)
            self._trees[whole] = tree
        self._look(tree, original, item)
        return tree

    def _look(self, tree: syntax.Tree, original: files.Text, item: str) -> None:
        """Warn of tests that mean something else than they seem to, and note the macros in use."""
        for node in _walk(tree):
            if isinstance(node, syntax.Macro):
                self._used.add(f"macro {node.name}")
            elif isinstance(node, syntax.Check):
                for code, message in _doubts(node):
                    self._warn(code, message, original, item)

    def _macros(self) -> None:
        """Parse all macros and see that they refer to earlier ones only, and in no ring."""
        self._macro_trees: dict[str, syntax.Tree] = {}
        refers: dict[str, list[str]] = {}
        for name, macro in self._collected.macros.items():
            tree = self._parsed(macro.condition.text, macro.condition, f"macro {name}")
            self._macro_trees[name] = tree
            refers[name] = []
            for node in _walk(tree):
                if isinstance(node, syntax.Macro):
                    other = self._collected.macros.get(node.name)
                    if other is None or other.index > macro.visibility:
                        self._refuse(
                            "LOAD_ERR_COMPILE_CONDITION",
                            f"Undefined macro '{node.name}' used in filter.",
                            macro.condition,
                            f"macro {name}",
                            macro.condition.text,
                            node.at,
                        )
                    refers[name].append(node.name)
        found: list[str] = []
        ring = _ordered(refers, found)
        if ring:
            macro = self._collected.macros[ring]
            self._refuse(
                "LOAD_ERR_COMPILE_CONDITION",
                f"reference loop in macro '{ring}'",
                macro.condition,
                f"macro {ring}",
                macro.condition.text,
                0,
            )
        self._order, self._refers = found, refers

    def _macro_node(self, name: str, graph: graphs.Graph) -> int:
        """Return the node of a macro, those it refers to first."""
        waiting = [name]
        while waiting:
            one = waiting[-1]
            lacking = [other for other in self._refers[one] if (graph.source, other) not in self._nodes]
            if lacking:
                waiting += lacking
                continue
            waiting.pop()
            macro = self._collected.macros[one]
            known = {other: self._nodes[graph.source, other] for other in self._refers[one]}
            self._nodes[graph.source, one] = self._node(
                self._macro_trees[one], known, graph, macro.condition, f"macro {one}"
            )
        return self._nodes[graph.source, name]

    def _node(
        self,
        tree: syntax.Tree,
        known: dict[str, int],
        graph: graphs.Graph,
        original: files.Text,
        item: str,
        shift: int = 0,
    ) -> int:
        try:
            return graph.add(tree, known)
        except graphs.Invalid as wrong:
            whole = self._substituted(original.text if not shift else f"({original.text})")
            problem = self._placed("LOAD_ERR_COMPILE_CONDITION", str(wrong), original, item, whole, wrong.at, shift)
            raise _Refused(problem, unknown=wrong.unknown) from None

    # rules

    def _rule(self, rule: files.Rule) -> Compiled | None:
        item, graph = f"rule {rule.name}", self.graphs[rule.source]
        text, shift = self._whole(rule)
        tree = self._parsed(text, rule.condition, item, shift)
        try:
            names = {node.name: node.at for node in _walk(tree) if isinstance(node, syntax.Macro)}
            known = {name: self._macro_node(name, graph) for name in names if name in self._macro_trees}
            node = self._node(tree, known, graph, rule.condition, item, shift)
            made = self._output(rule, item)
            self._old(rule, item, graph.nodes[node].columns | made.told)
        except _Refused as refused:
            if not (rule.skip_unknown and refused.unknown):
                raise
            problem = refused.problem._replace(level="warning", code="LOAD_UNKNOWN_FILTER")
            self.warnings[problem.code, item, problem.message] = problem
            return None
        if rule.source == "syscall" and rule.warn_evttypes and graph.kinds(node).many():
            self._warn(
                "LOAD_NO_EVTTYPE",
                "Rule matches too many evt.type values. This has a significant performance penalty.",
                rule.place,
                item,
            )
        return Compiled(
            rule.name, rule.source, rule.priority, tuple(rule.tags), rule.enabled, node, made,
            rule.desc, rule.place.file, rule.place.mark.line, rule.extras,
        )  # fmt: skip

    def _whole(self, rule: files.Rule) -> tuple[str, int]:
        """Return the condition with its exceptions, and where in it the rule's own begins."""
        rows = [_exempt(one, self._mismatch(rule, one)) for one in rule.exceptions if one.values]
        if not rows:
            return rule.condition.text, 0
        return f"({rule.condition.text})" + "".join(f" and not {row}" for row in rows), 1

    def _mismatch(self, rule: files.Rule, one: files.Exemption) -> Callable[[str], NoReturn]:
        def refuse(message: str) -> NoReturn:
            raise problems.Refused(self._placed("LOAD_ERR_VALIDATE", message, one.place, f"rule {rule.name}", "", 0))

        return refuse

    def _output(self, rule: files.Rule, item: str) -> output.Template:
        text = rule.output.text
        if output.CONTAINER_INFO in text:
            self._warn("LOAD_DEPRECATED_ITEM", CONTAINER_INFO, rule.output, item)
        try:
            made = output.template(text, rule.source, output.SUGGESTED if rule.source == "syscall" else ())
        except output.Invalid as broken:
            problem = self._placed("LOAD_ERR_COMPILE_OUTPUT", str(broken), rule.output, item, text, broken.at)
            raise _Refused(problem, unknown=True) from None
        for part in made.parts:
            if part.operand and part.text in fields.DEPRECATED:
                self._warn(
                    "LOAD_DEPRECATED_ITEM",
                    f"usage of deprecated field '{part.text}' has been detected in the rule output",
                    rule.output,
                    item,
                )
        return made

    def _old(self, rule: files.Rule, item: str, columns: Collection[str]) -> None:
        """Refuse fields of containers in a file for an engine that had them itself, as long as no file requires the plugin."""
        engine = self._collected.engines.get(rule.place.file)
        if (
            engine is None
            or engine >= files.OUTSIDE
            or rule.source != "syscall"
            or "container" in self._collected.required
        ):
            return
        for column in sorted(columns):
            if column.startswith(("container.", "k8s.")):
                say = f"filter_check called with nonexistent field {column}: it is of the plugin container, which no file requires"
                self._refuse("LOAD_ERR_COMPILE_CONDITION", say, rule.condition, item, "", 0)

    # problems

    def _placed(
        self, code: str, message: str, original: files.Text, item: str, whole: str, at: int, shift: int = 0
    ) -> Problem:
        """Return an error at a place of a text, told where in the file that is as far as the text is the file's."""
        mark = original.mark
        if original.whole and whole[shift : at + 1] == original.text[: max(0, at + 1 - shift)]:
            mark = problems.place(self._collected.texts[original.file], mark, original.text, max(0, at - shift))
        shown = (
            problems.snippet(whole, at)
            if whole
            else problems.snippet(self._collected.texts[original.file], mark.offset)
        )
        return Problem("error", code, message, original.file, mark.line, mark.column, item, shown)

    def _refuse(
        self, code: str, message: str, original: files.Text, item: str, whole: str, at: int, shift: int = 0
    ) -> NoReturn:
        raise problems.Refused(self._placed(code, message, original, item, whole, at, shift))

    def _warn(self, code: str, message: str, original: files.Text, item: str) -> None:
        shown = problems.snippet(self._collected.texts[original.file], original.mark.offset)
        problem = Problem(
            "warning", code, message, original.file, original.mark.line, original.mark.column, item, shown
        )
        self.warnings.setdefault((code, item, message), problem)


class _Refused(problems.Refused):
    """An error that may only cost the rule: something in it is unknown."""

    def __init__(self, problem: Problem, *, unknown: bool) -> None:
        super().__init__(problem)
        self.unknown = unknown


_WORDS = re.compile(r"[^ \t\n\r(),=]+")
_BLANKS = " \t\n\r"


def _replaced(text: str, name: str, items: Sequence[str]) -> str:
    """Return a text with a list's items for its name; without items a neighbouring comma goes as well.

    >>> _replaced("a in (x, list)", "list", ["y", "z"]), _replaced("a in (x, list)", "list", [])
    ('a in (x, y, z )', 'a in (x  )')
    """
    pieces = re.split(rf"(?<![^ \t\n\r(),=]){re.escape(name)}(?![^ \t\n\r(),=])", text)
    made = pieces[0]
    between = ", ".join(items)
    for piece in pieces[1:]:
        before, after = made.rstrip(_BLANKS), piece.lstrip(_BLANKS)
        if not items and before.endswith(","):
            before = before[:-1]
        elif not items and after.startswith(","):
            after = after[1:]
        made = f"{before} {between} {after}" if before else f"{between} {after}"
    return made


def _quoted(text: str) -> str:
    return f'"{text}"' if " " in text and text[0] not in "\"'" else text


def _exempt(one: files.Exemption, refuse: Callable[[str], NoReturn]) -> str:
    """Return an exception as a condition."""
    if isinstance(one.fields, str):
        return f"{one.fields} {one.comps} {_listed(one.values)}"
    names, comps = one.fields or [], one.comps or []
    rows: list[str] = []
    for row in one.values:
        if not isinstance(row, list):
            refuse("Expected values array to contain a list of [field values]")
        if len(row) != len(names):
            refuse("Fields and values lists must have equal length")
        checks = [f"{name} {comp} {_given(comp, value)}" for name, comp, value in zip(names, comps, row, strict=True)]
        rows.append(" and ".join(checks) if len(checks) == 1 else f"({' and '.join(checks)})")
    return rows[0] if len(rows) == 1 else f"({' or '.join(rows)})"


def _given(comp: str, value: Any) -> str:
    if isinstance(value, list):
        return _listed(value)
    if comp in operators.PLURAL or " " in comp:
        return value if value.startswith("(") else _listed([value])
    return _quoted(value)


def _listed(values: Sequence[Any]) -> str:
    return f"({', '.join(_quoted(value) if isinstance(value, str) else _listed(value) for value in values)})"


def _walk(tree: syntax.Tree) -> Iterator[syntax.Tree]:
    """Yield all parts of a tree."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, syntax.Not):
            waiting.append(node.of)
        elif isinstance(node, syntax.And | syntax.Or):
            waiting += node.parts


def _doubts(check: syntax.Check) -> Iterator[tuple[str, str]]:
    """Yield code and words for what is odd about a test."""
    if isinstance(check.left, syntax.Field) and check.left.name == "evt.dir":
        yield "LOAD_DEPRECATED_ITEM", EVT_DIR
    texts = check.right.texts if isinstance(check.right, syntax.Values) else (check.right,)
    for text in texts:
        if not isinstance(text, str):
            continue
        if text == "<NA>":
            yield "LOAD_UNSAFE_NA_CHECK", NOT_THERE
        elif "." in text or "(" in text:
            yield from _ambiguous(text)


def _ambiguous(text: str) -> Iterator[tuple[str, str]]:
    left = syntax.value(text) if len(text) < 200 else None
    if isinstance(left, syntax.Call) or (left and any(left.name in known for known in fields.CATALOGUE.values())):
        yield "LOAD_COMPILE_CONDITION", f"'{text}' may be a valid field misused as a const string value"


def _ordered(refers: dict[str, list[str]], found: list[str]) -> str:
    """Put names into an order in which each comes after those it refers to; return one that is in a ring, or nothing."""
    state: dict[str, int] = {}
    for start in refers:
        waiting = [start]
        while waiting:
            name = waiting[-1]
            if state.get(name) == 2:
                waiting.pop()
                continue
            state[name] = 1
            lacking = [other for other in refers[name] if state.get(other) != 2]
            if any(state.get(other) == 1 for other in lacking):
                return name
            if not lacking:
                state[name] = 2
                found.append(name)
                waiting.pop()
            waiting += lacking
    return ""
