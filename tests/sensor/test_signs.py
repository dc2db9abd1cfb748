"""Signs: what attackers do weighs, what servers do does not."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plimsoll.sensor import signs

TECHNIQUE = re.compile(r"T[0-9]{4}(?:\.[0-9]{3})?")


def test_every_sign_names_techniques_and_weighs() -> None:
    every = [place.sign for place in signs.PLACES] + [sign for _, sign in signs._PROGRAMS] + list(signs.CALLS.values())
    for sign in every:
        assert sign.says
        assert sign.bits > 0
        assert all(TECHNIQUE.fullmatch(one) for one in sign.attack)


@pytest.mark.parametrize(
    ("path", "access"),
    [
        ("/data/dump.rdb", "write"), ("/var/lib/postgresql/data/base/1/2", "write"), ("/srv/www/index.html", "read"),
        ("/usr/share/zoneinfo/UTC", "read"), ("/tmp/x", "write"),
    ],
)  # fmt: skip
def test_a_servers_own_files_are_no_sign(path: str, access: str) -> None:
    assert signs.of_file(path, access) is None  # type: ignore[arg-type]


@pytest.mark.parametrize("path", ["/usr/bin/redis-server", "/usr/sbin/nginx", "/usr/lib/postgresql/15/bin/postgres"])
def test_a_server_is_no_sign(path: str) -> None:
    assert signs.of_program(path) == []


@pytest.mark.parametrize(
    ("path", "says"), [("/usr/bin/python3.11", "interpreter"), ("/usr/bin/curl", "fetches"), ("/dev/shm/a", "scratch")]
)
def test_tools_are_known_by_name_and_place(path: str, says: str) -> None:
    assert any(says in sign.says for sign in signs.of_program(path))


def test_a_name_that_carries_data_is_a_sign() -> None:
    assert signs.of_name("mfzwizltoq2gk3tdnbsw4ylnmuyq.evil.example")
    assert not signs.of_name("my-service-with-a-long-name.shop.svc.cluster.local")


def test_the_metadata_service_hands_out_credentials() -> None:
    assert "T1552.005" in signs.of_end("169.254.169.254", 80, "")[0].attack


@given(st.text(max_size=300))
def test_any_name_is_looked_at(text: str) -> None:
    signs.of_program(text)
    signs.of_file(text, "read")
    signs.of_file(text, "write")
    signs.of_name(text)
    signs.of_call(text)


def test_no_name_takes_long_to_look_at() -> None:
    began = time.perf_counter()
    for text in (
        "/" * 1023,
        "/.ssh" * 200,
        "/systemd/" * 110 + ".service.",
        ".pem" * 250,
        "a1" * 500 + ".",
        "/.config/gcloud" * 60,
    ):
        signs.of_file(text, "read")
        signs.of_file(text, "write")
        signs.of_name(text)
    assert time.perf_counter() - began < 0.5
