"""Options that verbs have in common are the same ones everywhere."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize("verb", ["profile list", "rules check", "triage cases list", "doctor", "mode get"])
def test_form_and_colours_are_told_in_the_same_words(run, verb):
    told = " ".join(run(*verb.split(), "--help").out.replace("│", " ").split())
    assert "--output -o CHOICE Form of the answer. [choices: table, json, jsonl, yaml]" in told
    assert "--color CHOICE Colours on a terminal; NO_COLOR is respected. [choices: auto," in told
