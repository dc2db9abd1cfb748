"""What processes say of their workloads."""

from __future__ import annotations

import pytest

from tests import told


@pytest.mark.parametrize("verb", ["execve", "openat", "connect"])
def test_a_workload_is_the_same_one_after_a_rollout(verb):
    columns = {"fd_name": "/etc/redis.conf", "fd_sip": "10.244.2.9", "fd_sport": 80}
    before = told.deed(verb, k8s_pod_name="redis-6b8d5f7c9d-x2k4q", container_id="aa", hostname="node-1", **columns)
    after = told.deed(verb, k8s_pod_name="redis-7d9c5b8f6d-h7p9z", container_id="bb", hostname="node-2", **columns)
    stated = told.stated("activity", before)
    assert stated == told.stated("activity", after)
    assert {subject for subject, *_ in stated} == {"shop/Deployment/redis:redis"}


def test_what_the_cluster_said_of_a_workload_wins_over_the_name_of_its_pod():
    row = told.deed(k8s_workload_kind="Rollout", k8s_workload_name="cache")
    assert {subject for subject, *_ in told.stated("activity", row)} == {"shop/Rollout/cache:redis"}


def test_without_a_pod_the_container_acts_and_without_a_container_the_node():
    bare = {"k8s_ns_name": None, "k8s_pod_name": None}
    subjects = {
        subject
        for row in (
            told.deed(**bare),
            told.deed(**bare, container_name=None),
            told.deed(**bare, container_name=None, container_id=None),
        )
        for subject, *_ in told.stated("activity", row)
    }
    assert subjects == {
        "host/Container/redis:redis",
        "host/Container/0123456789ab:0123456789ab",
        "host/Node/node-1:host",
    }


@pytest.mark.parametrize(
    ("row", "verb", "fact"),
    [
        (told.deed(), "exec", ("", "/usr/bin/redis-server")),
        (told.deed(), "spawn", ("/bin/sh", "/usr/bin/redis-server")),
        (told.deed("openat", evt_arg_flags="O_RDONLY", fd_name="/etc/shadow"), "read", ("", "/etc/shadow")),
        (told.deed("openat", evt_arg_flags="O_RDONLY", fd_name="/usr/lib/x.so"), "read", ("", "/usr/lib/*")),
        (told.deed("openat", evt_arg_flags="O_WRONLY|O_CREAT", fd_name="/data/temp-13.rdb"), "write", ("", "/data/*")),
        (told.deed("creat", fd_name="/data/dump.rdb"), "write", ("", "/data/*")),
        (told.deed("rename", fd_name="/data/temp-13.rdb"), "write", ("", "/data/*")),
        (told.deed("unlink", fd_name="/var/log/app.log"), "delete", ("", "/var/log/*")),
        (told.deed("connect", fd_sip="203.0.113.9", fd_sport=443), "connect", ("", "203.0.113.0/24:443/tcp")),
        (
            told.deed("connect", fd_sip="203.0.113.9", fd_sip_name="API.example.com", fd_sport=443),
            "connect",
            ("", "api.example.com:443/tcp"),
        ),
        (told.deed("listen", fd_sport=6379), "listen", ("", "6379/tcp")),
        (told.deed("accept", fd_cip="10.244.1.7", fd_sport=6379), "accept", ("6379/tcp", "10.244.1.0/24")),
        (told.deed("dns", dns_name="Redis.shop.svc"), "resolve", ("", "redis.shop.svc")),
        (told.deed("setuid"), "syscall", ("", "setuid")),
        (told.deed("close", rule="Terminal shell in container"), "rule", ("", "Terminal shell in container")),
    ],
)
def test_a_process_says_by_each_verb_what_it_did(row, verb, fact):
    assert told.said("activity", verb, row) == {fact}
