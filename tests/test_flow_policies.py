"""Manifests and flows in, answers about network policies out."""

from __future__ import annotations

from pathlib import Path

from plimsoll import flow_policies


def test_all_sources_together_are_one_cluster(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(
            f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}}}\n---\n[1]\n"
        )
    found = flow_policies.cluster([str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml")])
    assert found.frame["name"].to_list() == ["a", "b"]
    assert found.rejected == 2
    assert found.rejects[1].file.endswith("b.yaml")
