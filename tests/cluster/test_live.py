from __future__ import annotations

import http.server
import json
import sys
import threading
from urllib.parse import parse_qs, urlsplit

import pytest

from plimsoll import errors
from plimsoll.cluster import live
from plimsoll.cluster.manifests import Document, Reject

LISTED = ["get", "list", "watch"]
ANSWERS = {
    "/apis": {
        "groups": [
            {"name": "apps", "preferredVersion": {"groupVersion": "apps/v1"}},
            {"name": "example.org", "preferredVersion": {"groupVersion": "example.org/v1"}},
            {"name": "broken.k8s.io", "preferredVersion": {"groupVersion": "broken.k8s.io/v1"}},
        ]
    },
    "/api/v1": {
        "resources": [
            {"name": "pods", "kind": "Pod", "verbs": LISTED},
            {"name": "pods/log", "kind": "Pod", "verbs": ["get"]},
            {"name": "secrets", "kind": "Secret", "verbs": LISTED},
            {"name": "events", "kind": "Event", "verbs": LISTED},
            {"name": "bindings", "kind": "Binding", "verbs": ["create"]},
        ]
    },
    "/apis/apps/v1": {"resources": [{"name": "deployments", "kind": "Deployment", "verbs": LISTED}]},
    "/api/v1/pods": {"metadata": {"continue": "next"}, "items": [{"metadata": {"name": "a"}}]},
    "/api/v1/pods?next": {"metadata": {}, "items": [{"metadata": {"name": "b"}}]},
    "/api/v1/secrets": {"items": [{"kind": "PartialObjectMetadata", "metadata": {"name": "s"}}]},
    "/apis/apps/v1/deployments": {"items": None},
}


class Server:
    """An API server that answers lists."""

    def __init__(self):
        self.answers, self.asked, self.status = dict(ANSWERS), [], {}
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                told = urlsplit(self.path)
                more = parse_qs(told.query).get("continue", [""])[0]
                outer.asked.append((told.path, self.headers.get("Accept"), self.headers.get("Authorization")))
                name = told.path + (f"?{more}" if more else "")
                status = outer.status.get(name, 200 if name in outer.answers else 404)
                self.send_response(status)
                self.end_headers()
                if status == 200:
                    answer = outer.answers[name]
                    self.wfile.write(answer if isinstance(answer, bytes) else json.dumps(answer).encode())

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def server():
    made = Server()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def environ(server, tmp_path):
    return with_user(server, tmp_path, {"token": "t0ken"})


def with_user(server, tmp_path, user):
    config = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": server.url}}],
        "users": [{"name": "u", "user": user}],
    }
    (tmp_path / "config").write_text(json.dumps(config))
    return {"KUBECONFIG": str(tmp_path / "config")}


def told(environ):
    found = list(live.documents(environ))
    objects = [json.loads(one.json) for one in found if isinstance(one, Document)]
    names = [(one["kind"], one["apiVersion"], one["metadata"]["name"]) for one in objects]
    return names, [one for one in found if isinstance(one, Reject)]


def test_every_object_of_every_page_is_there(environ):
    assert told(environ) == ([("Pod", "v1", "a"), ("Pod", "v1", "b"), ("Secret", "v1", "s")], [])


def test_nothing_but_the_names_of_secrets_is_asked_for(environ, server):
    told(environ)
    accepts = {path: accept for path, accept, _ in server.asked}
    assert "PartialObjectMetadata" in accepts["/api/v1/secrets"]
    assert "/api/v1/events" not in accepts
    assert "/apis/example.org/v1" not in accepts


def test_the_server_knows_us_by_the_users_token(environ, server):
    told(environ)
    assert {token for _, _, token in server.asked} == {"Bearer t0ken"}


def test_a_program_that_logs_in_is_asked(server, tmp_path):
    says = json.dumps({"kind": "ExecCredential", "status": {"token": "fresh"}})
    program = {"command": sys.executable, "args": ["-c", f"import os; os.environ['X']; print({says!r})"]}
    environ = with_user(server, tmp_path, {"exec": {**program, "env": [{"name": "X", "value": "1"}]}})
    told(environ)
    assert server.asked[0][2] == "Bearer fresh"


@pytest.mark.parametrize(
    "program", [{"command": "/nowhere/at/all"}, {"command": sys.executable, "args": ["-c", "print(1)"]}]
)
def test_a_program_that_does_not_log_in_is_told(server, tmp_path, program):
    with pytest.raises(errors.NotAuthorisedError, match="gave no token"):
        told(with_user(server, tmp_path, {"exec": program}))


def test_a_kind_that_may_not_be_listed_is_set_aside(environ, server):
    server.status["/api/v1/secrets"] = 403
    names, rejects = told(environ)
    assert len(names) == 2
    assert "may not list /api/v1/secrets" in rejects[0].reason


@pytest.mark.parametrize("answer", [b"no json", b'{"items": [1]}', b'{"items": "x"}'])
def test_an_answer_that_is_none_is_set_aside(environ, server, answer):
    server.answers["/api/v1/secrets"] = answer
    assert len(told(environ)[1]) == 1


def test_pages_are_bounded(environ, monkeypatch):
    monkeypatch.setattr(live, "LARGEST", 1)
    with pytest.raises(errors.InputError, match="MiB"):
        told(environ)


def test_who_may_list_nothing_is_not_authorised(environ, server):
    server.status |= dict.fromkeys(server.answers, 403) | {"/apis": 200, "/api/v1": 200, "/apis/apps/v1": 200}
    with pytest.raises(errors.NotAuthorisedError):
        told(environ)
    server.status["/apis"] = 401
    with pytest.raises(errors.NotAuthorisedError):
        told(environ)


def test_a_cluster_that_is_not_there_is_told(server, tmp_path):
    server.url = "http://127.0.0.1:1"
    with pytest.raises(errors.InputError):
        told(with_user(server, tmp_path, {}))
    with pytest.raises(errors.InputError, match="no cluster to ask"):
        told({"KUBECONFIG": str(tmp_path / "none")})
