"""ATT&CK's names are MITRE's, with its terms beside them."""

from __future__ import annotations

import json
from pathlib import Path

from plimsoll.outputs import attack

DATA = Path(attack.__file__).with_name("attack_techniques.json")


def test_names_and_tactics_are_those_that_mitre_published(shared_tables):
    published = json.loads((shared_tables / "attack_enterprise_ids.json").read_text())
    containers = json.loads((shared_tables / "attack_containers.json").read_text())["techniques"]
    published |= {technique["id"]: technique for technique in containers}
    known = attack.catalogue().techniques
    assert known.keys() == published.keys()
    assert all(known[uid].name == told["name"] for uid, told in published.items())
    assert all(known[uid].tactics == tuple(told["tactics"]) for uid, told in published.items())


def test_every_tactic_has_an_id_and_a_name():
    catalogue = attack.catalogue()
    used = {tactic for technique in catalogue.techniques.values() for tactic in technique.tactics}
    assert used == catalogue.tactics.keys()
    assert len({tactic.uid for tactic in catalogue.tactics.values()}) == 14


def test_every_sub_technique_has_its_parent():
    known = attack.catalogue().techniques
    assert all(uid.partition(".")[0] in known for uid in known)


def test_the_data_carries_the_copyright_designation_and_the_licence():
    told = json.loads(DATA.read_text(encoding="utf-8"))
    assert "The MITRE Corporation" in told["notice"]
    assert "non-exclusive, royalty-free license" in told["license"]
    assert told["source"].startswith("MITRE ATT&CK Enterprise, https://attack.mitre.org")
