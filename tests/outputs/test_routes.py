from plimsoll.outputs import routes
from plimsoll.paths.answer import Answer


def test_a_document_has_nodes_edges_paths_and_cuts(found: Answer) -> None:
    told = routes.document(found)
    assert list(told) == ["nodes", "edges", "paths", "cuts"]
    steps = {(one["from"], one["to"]) for one in told["edges"]}
    for path in told["paths"]:
        assert set(zip(path["nodes"], path["nodes"][1:], strict=False)) <= steps
    assert {end for step in steps for end in step} == {one["id"] for one in told["nodes"]}


def test_each_step_says_why_by_which_technique_and_what_closes_it(found: Answer) -> None:
    for one in routes.document(found)["edges"]:
        assert one["why"]
        assert one["attack"]
        assert one["fix"]


def test_the_first_cut_closes_all_paths_and_says_how(found: Answer) -> None:
    first = routes.document(found)["cuts"][0]
    assert (first["objects"], first["removes"]) == (["ClusterRoleBinding/b"], first["of"])
    assert first["fix"].startswith("ClusterRoleBinding/b: ")


def test_the_whole_graph_holds_more_than_the_paths(found: Answer) -> None:
    assert len(routes.document(found, whole=True)["edges"]) > len(routes.document(found)["edges"])
