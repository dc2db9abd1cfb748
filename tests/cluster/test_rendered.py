from __future__ import annotations

import shutil
import stat

import pytest

from plimsoll.cluster import rendered
from plimsoll.cluster.manifests import Reject

HELM = """#!/bin/sh
test "$1 $2" = "template plimsoll" || exit 2
echo "---"
echo "# Source: web/templates/deploy.yaml"
echo "kind: Deployment"
echo "metadata: {name: web}"
"""


@pytest.fixture
def chart(tmp_path):
    (tmp_path / "web" / "templates").mkdir(parents=True)
    (tmp_path / "web" / "Chart.yaml").write_text("name: web\n")
    (tmp_path / "web" / "templates" / "deploy.yaml").write_text("kind: {{ .Values.kind }}\n")
    return tmp_path / "web"


def program(folder, name, script):
    path = folder / name
    path.write_text(script)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return {name: str(path)}.get


def told(source, which):
    return [
        (one.file, one.reason if isinstance(one, Reject) else one.json)
        for one in rendered.documents(str(source), which)
    ]


def test_a_chart_is_what_helm_makes_of_it(chart, tmp_path_factory):
    which = program(tmp_path_factory.mktemp("bin"), "helm", HELM)
    made = (str(chart / "templates" / "deploy.yaml"), b'{"kind":"Deployment","metadata":{"name":"web"}}')
    assert told(chart, which) == [made]
    (chart.parent / "plain.yaml").write_text("kind: Pod\n")
    assert told(chart.parent, which) == [(str(chart.parent / "plain.yaml"), b'{"kind":"Pod"}'), made]


def test_a_chart_that_nobody_renders_is_named(chart):
    ((file, reason),) = told(chart, {}.get)
    assert file == str(chart)
    assert "no helm on the PATH" in reason
    (chart.parent / "plain.yaml").write_text("kind: Pod\n")
    assert len(told(chart.parent, {}.get)) == 2


@pytest.mark.parametrize("script", ["#!/bin/sh\necho 'Error: no values' >&2; exit 1\n", "no program at all"])
def test_a_chart_that_does_not_render_is_named(chart, tmp_path_factory, script):
    ((_, reason),) = told(chart, program(tmp_path_factory.mktemp("bin"), "helm", script))
    assert reason.startswith("not rendered: ")


@pytest.mark.parametrize(
    ("name", "script"),
    [
        ("kustomize", '#!/bin/sh\ntest "$1" = build && echo "kind: Pod"\n'),
        ("kubectl", '#!/bin/sh\ntest "$1" = kustomize && echo "kind: Pod"\n'),
    ],
)
def test_a_kustomization_is_what_kustomize_makes_of_it(tmp_path, tmp_path_factory, name, script):
    (tmp_path / "kustomization.yaml").write_text("resources: [pod.yaml]\n")
    (tmp_path / "pod.yaml").write_text("kind: Other\n")
    which = program(tmp_path_factory.mktemp("bin"), name, script)
    assert told(tmp_path, which) == [(str(tmp_path), b'{"kind":"Pod"}')]
    reject, *read = told(tmp_path, {}.get)
    assert "neither kustomize nor kubectl" in reject[1]
    assert (str(tmp_path / "pod.yaml"), b'{"kind":"Other"}') in read


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="no kubectl here")
def test_the_users_own_kubectl_renders(tmp_path):
    (tmp_path / "kustomization.yaml").write_text("namePrefix: a-\nresources: [pod.yaml]\n")
    (tmp_path / "pod.yaml").write_text("apiVersion: v1\nkind: Pod\nmetadata: {name: b}\nspec: {}\n")
    ((_, made),) = told(tmp_path, shutil.which)
    assert b'"a-b"' in made


def test_what_is_no_folder_is_read_as_it_is(tmp_path):
    (tmp_path / "a.yaml").write_text("kind: Pod\n")
    assert told(tmp_path / "a.yaml", {}.get) == [(str(tmp_path / "a.yaml"), b'{"kind":"Pod"}')]
