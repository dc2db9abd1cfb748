from plimsoll.paths.edge import Edge


def test_an_edge_is_certain_and_walkable_unless_told_otherwise() -> None:
    one = Edge("POD_EXEC", "SA:a/x", "Container:a/p/c", "Role a/r allows it")
    assert (one.objects, one.conditional, one.walk) == ((), False, True)
