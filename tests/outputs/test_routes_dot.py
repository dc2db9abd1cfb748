from plimsoll.outputs import routes_dot
from plimsoll.paths.edge import Edge


def test_steps_between_two_nodes_are_one_line() -> None:
    told = "".join(
        routes_dot.text(
            [Edge("POD_EXEC", "SA:a/x", "Container:a/p/c", ""), Edge("POD_PATCH", "SA:a/x", "Container:a/p/c", "")]
        )
    )
    assert told.startswith("digraph paths {")
    assert '"SA:a/x" -> "Container:a/p/c" [label="POD_EXEC, POD_PATCH"];' in told


def test_what_is_conditional_is_dashed() -> None:
    assert "style=dashed" in "".join(routes_dot.text([Edge("POD_EXEC", "a", "b", "", conditional=True)]))


def test_no_name_breaks_out_of_its_quotes() -> None:
    told = "".join(routes_dot.text([Edge("POD_EXEC", 'a"];\n', "b\\", "")]))
    assert r'"a\"];\\n" -> "b\\"' in told
