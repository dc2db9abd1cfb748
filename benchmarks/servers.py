"""Real servers in real containers: redis, memcached, nginx, PostgreSQL and a Python application under runc.

Each image is a folder of what the server needs from this machine's packages; each pod is an overlay over it, with
network and control group of its own, named as a container runtime names pods. Nothing leaves a pod's network.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

ADDRESS, CLIENTS = "10.42.0.10", ("10.42.1.21", "10.42.1.22", "10.42.1.23")
"""The pod's and its callers'; all are addresses of the pod's loopback interface."""
POOL = "203.0.113.9"
"""Stands for a mining pool (TEST-NET-3, RFC 5737); its network is a black hole."""
CGROUPS = Path("/sys/fs/cgroup")
CAPABILITIES = ("SETUID", "SETGID", "KILL", "CHOWN", "DAC_OVERRIDE", "NET_BIND_SERVICE")
TOOLS = ("sh", "cat", "cp", "id", "ls", "mount", "nc", "chmod", "touch", "wget", "echo", "sleep")

APPLICATION = '''
"""A shop's front: greets, lists, counts its visits; and evaluates what it is told, which is its hole."""
import ctypes, http.server, os, socket, urllib.parse

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        if url.path == "/calculate":
            answer = str(eval(query["what"]))
        elif url.path == "/visits":
            with open("/data/visits.log", "a") as log:
                log.write(self.client_address[0] + "\\n")
            answer = "counted"
        elif url.path == "/products":
            with open("/app/products.txt") as products:
                answer = products.read()
        else:
            answer = "hello"
        self.send_response(200)
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, *_):
        pass

http.server.ThreadingHTTPServer(("0.0.0.0", 8000), Handler).serve_forever()
'''
WEBSITE = """
user nobody nogroup;
worker_processes 2;
error_log /var/log/nginx/error.log;
pid /run/nginx.pid;
events { worker_connections 64; }
http {
  include /etc/nginx/mime.types;
  access_log /var/log/nginx/access.log;
  client_body_temp_path /var/lib/nginx/body;
  server { listen 80; root /usr/share/nginx/html; location /upload { client_body_in_file_only clean; proxy_pass http://127.0.0.1:80/; } }
}
"""


class Server(NamedTuple):
    """What a server is made of and how it is called."""

    name: str
    kind: str
    image: str
    arguments: tuple[str, ...]
    programs: tuple[str, ...]
    """Programs of this machine that its image holds, with the libraries they need."""
    fill: Callable[[Path], None]
    """Puts the rest into its image."""
    call: Callable[[int], None]
    """One round of benign calls, from inside the pod's network."""
    uid: int = 0
    capabilities: tuple[str, ...] = CAPABILITIES
    namespace: str = "shop"

    @property
    def subject(self) -> str:
        """The subject in alerts."""
        return f"{self.namespace}/{self.kind}/{self.name}:{self.name}"

    @property
    def lacking(self) -> str:
        """What this machine has not of it."""
        return ", ".join(program for program in self.programs if not Path(program).exists())


def exchange(port: int, asked: bytes, *, client: str = CLIENTS[0]) -> bytes:
    """Send a server bytes and return what it answers first."""
    with socket.create_connection((ADDRESS, port), 5, source_address=(client, 0)) as to:
        to.sendall(asked)
        return to.recv(65_536)


def resp(*words: str) -> bytes:
    """Return a redis command."""
    return b"".join(
        [b"*%d\r\n" % len(words), *(b"$%d\r\n%s\r\n" % (len(word.encode()), word.encode()) for word in words)]
    )


def http(port: int, path: str, *, body: bytes = b"", client: str = CLIENTS[0]) -> bytes:
    """Ask a web server."""
    verb = "POST" if body else "GET"
    head = f"{verb} {path} HTTP/1.0\r\nHost: shop\r\nContent-Length: {len(body)}\r\n\r\n"
    return exchange(port, head.encode() + body, client=client)


def _client(number: int) -> str:
    return CLIENTS[number % len(CLIENTS)]


def _call_redis(number: int) -> None:
    for words in (("SET", f"cart:{number}", "3 apples"), ("GET", f"cart:{number}"), ("INCR", "orders"), ("INFO",)):
        exchange(6379, resp(*words), client=_client(number))


def _call_memcached(number: int) -> None:
    for asked in (f"set page{number} 0 0 5\r\nhello\r\n", f"get page{number}\r\n", "stats\r\n"):
        exchange(11211, asked.encode(), client=_client(number))


def _call_nginx(number: int) -> None:
    for path, body in (("/", b""), ("/missing", b""), ("/upload", b"x" * 20_000)):
        http(80, path, body=body, client=_client(number))


def _call_front(number: int) -> None:
    for path in ("/", "/products", "/visits", "/calculate?what=6*7"):
        http(8000, path, client=_client(number))


def sql(*statements: str) -> bool:
    """Ask PostgreSQL; whether all went well."""
    asked = [part for statement in statements for part in ("-c", statement)]
    command = ["psql", "-qX", "-h", ADDRESS, "-U", "postgres", *asked]
    done = subprocess.run(command, capture_output=True, check=False, cwd="/", env={"PATH": os.environ["PATH"]})
    return not done.returncode


def _call_postgres(number: int) -> None:
    made = "CREATE TABLE IF NOT EXISTS orders (id int, what text)"
    asked = "SELECT what, count(*) FROM orders GROUP BY what ORDER BY 2 DESC LIMIT 3"
    if not sql(made, f"INSERT INTO orders SELECT n, 'apples' FROM generate_series(1, {number % 50 + 1}) n", asked):
        raise ConnectionError("PostgreSQL answers nothing")
    if number % 10 == 9:
        sql("CHECKPOINT", "VACUUM orders")


def _fill_redis(root: Path) -> None:
    (root / "data").mkdir()


def _fill_nothing(root: Path) -> None:
    (root / "run").mkdir(exist_ok=True)


def _fill_nginx(root: Path) -> None:
    for folder in ("etc/nginx", "var/log/nginx", "var/lib/nginx", "run", "usr/share/nginx"):
        (root / folder).mkdir(parents=True)
    shutil.copy("/etc/nginx/mime.types", root / "etc/nginx")
    (root / "etc/nginx/nginx.conf").write_text(WEBSITE, encoding="utf-8")
    (root / "usr/share/nginx/html").mkdir()
    (root / "usr/share/nginx/html/index.html").write_text("<h1>Shop</h1>", encoding="utf-8")


def _fill_front(root: Path) -> None:
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    left_out = shutil.ignore_patterns("test", "dist-packages", "config-*", "idlelib", "ensurepip")
    shutil.copytree(f"/usr/lib/{version}", root / f"usr/lib/{version}", ignore=left_out)
    for library in Path(f"/usr/lib/{version}/lib-dynload").glob("_ctypes.*"):
        _copy_libraries(str(library), root)
    (root / "app").mkdir()
    (root / "data").mkdir()
    (root / "app/front.py").write_text(APPLICATION, encoding="utf-8")
    (root / "app/products.txt").write_text("apples\npears\n", encoding="utf-8")


POSTGRES = max(Path("/usr/lib/postgresql").glob("*"), default=Path("/usr/lib/postgresql/0"))


def _fill_postgres(root: Path) -> None:
    for folder in (POSTGRES, Path("/usr/share/postgresql") / POSTGRES.name, Path("/usr/share/zoneinfo")):
        shutil.copytree(folder, root / str(folder)[1:], dirs_exist_ok=True)
    _copy_libraries(str(POSTGRES / "bin/initdb"), root)
    (root / "var/run/postgresql").mkdir(parents=True)
    data = root / "var/lib/postgresql/data"
    data.mkdir(parents=True)
    for folder in (data, root / "var/run/postgresql"):
        os.chown(folder, 999, 999)
    command = ["initdb", "-D", "/var/lib/postgresql/data", "-U", "postgres", "-A", "trust", "--no-locale", "-N"]
    (root / "dev").mkdir(exist_ok=True)
    (root / "dev/null").touch()
    (root / "dev/null").chmod(0o666)
    jail = ["chroot", "--userspec=999:999", str(root), str(POSTGRES / "bin" / command[0]), *command[1:]]
    subprocess.run(jail, check=True, capture_output=True, env={**os.environ, "TZ": "UTC"})
    (root / "dev/null").unlink()
    (data / "pg_hba.conf").write_text("host all all 0.0.0.0/0 trust\n", encoding="utf-8")


PYTHON = f"/usr/bin/python{sys.version_info[0]}.{sys.version_info[1]}"
REDIS = ("--bind", "0.0.0.0", "--protected-mode", "no", "--dir", "/data", "--save", "5", "1")
SERVERS = {
    "redis": Server(
        "redis",
        "StatefulSet",
        "docker.io/library/redis:7.0",
        ("/usr/bin/redis-server", *REDIS, "--enable-protected-configs", "yes"),
        ("/usr/bin/redis-server",),
        _fill_redis,
        _call_redis,
    ),
    "memcached": Server(
        "memcached",
        "Deployment",
        "docker.io/library/memcached:1.6",
        ("/usr/bin/memcached", "-u", "nobody", "-l", "0.0.0.0", "-p", "11211"),
        ("/usr/bin/memcached",),
        _fill_nothing,
        _call_memcached,
    ),
    "nginx": Server(
        "nginx",
        "DaemonSet",
        "docker.io/library/nginx:1.22",
        ("/usr/sbin/nginx", "-g", "daemon off;"),
        ("/usr/sbin/nginx",),
        _fill_nginx,
        _call_nginx,
        capabilities=(*CAPABILITIES, "SYS_ADMIN"),
    ),
    "front": Server(
        "front",
        "Deployment",
        "registry.example/shop/front:1.4",
        (PYTHON, "-B", "/app/front.py"),
        (PYTHON,),
        _fill_front,
        _call_front,
    ),
    "postgres": Server(
        "postgres",
        "StatefulSet",
        "docker.io/library/postgres:15",
        (str(POSTGRES / "bin/postgres"), "-D", "/var/lib/postgresql/data", "-c", "listen_addresses=*"),
        (str(POSTGRES / "bin/postgres"),),
        _fill_postgres,
        _call_postgres,
        uid=999,
    ),
}


def _copy_libraries(program: str, root: Path) -> None:
    told = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    for path in [word for word in told.split() if word.startswith("/")]:
        (root / path[1:]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, root / path[1:])


def image(server: Server, folder: Path) -> Path:
    """Make a server's image as a folder."""
    root = folder / server.name
    for below in ("bin", "tmp", "etc/cron.d", "proc", "sys", "dev", "mnt"):
        (root / below).mkdir(parents=True)
    (root / "tmp").chmod(0o1777)
    for program in server.programs:
        _copy_libraries(program, root)
        (root / program[1:]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(program, root / program[1:])
    shutil.copy("/bin/busybox", root / "bin/busybox")
    for tool in TOOLS:
        os.link(root / "bin/busybox", root / "bin" / tool)
    nobody = "nobody:x:65534:65534::/:/bin/false\n"
    (root / "etc/passwd").write_text(
        f"root:x:0:0::/:/bin/sh\npostgres:x:999:999::/:/bin/sh\n{nobody}", encoding="utf-8"
    )
    (root / "etc/group").write_text("root:x:0:\npostgres:x:999:\nnogroup:x:65534:\n", encoding="utf-8")
    (root / "etc/shadow").write_text("root:*:20000::::::\n", encoding="utf-8")
    (root / "etc/shadow").chmod(0o640)
    server.fill(root)
    return root


class Pod:
    """A pod of a server, over its image."""

    def __init__(self, server: Server, layers: Path, folder: Path, name: str) -> None:
        self.server, self.name, self.place = server, name, folder / name
        self.id = secrets.token_hex(32)
        for part in ("upper", "work", "rootfs"):
            (self.place / part).mkdir(parents=True)
        options = f"lowerdir={layers},upperdir={self.place}/upper,workdir={self.place}/work"
        subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, self.place / "rootfs"], check=True)
        self._specify()

    def _specify(self) -> None:
        subprocess.run(["runc", "spec"], cwd=self.place, check=True)
        config = self.place / "config.json"
        spec = json.loads(config.read_text(encoding="utf-8"))
        server = self.server
        spec["process"] |= {"terminal": False, "args": list(server.arguments), "cwd": "/"}
        spec["process"]["user"] = {"uid": server.uid, "gid": server.uid}
        held = [f"CAP_{one}" for one in server.capabilities] if not server.uid else []
        spec["process"]["capabilities"] = dict.fromkeys(("bounding", "effective", "permitted"), held)
        spec["process"].pop("rlimits", None)
        spec["root"] = {"path": "rootfs", "readonly": False}
        spec["hostname"] = self.name
        spec["annotations"] = {
            "io.kubernetes.cri.sandbox-namespace": server.namespace,
            "io.kubernetes.cri.sandbox-name": self.name,
            "io.kubernetes.cri.container-name": server.name,
            "io.kubernetes.cri.image-name": server.image,
            "plimsoll.dev/workload": f"{server.kind}/{server.name}",
        }
        self._group = f"kubepods/besteffort/pod{secrets.token_hex(16)}"
        spec["linux"]["cgroupsPath"] = f"/{self._group}/{self.id}"
        config.write_text(json.dumps(spec), encoding="utf-8")

    def start(self) -> Pod:
        """Run it; its network has addresses, and the world outside is a black hole."""
        with (self.place / "log").open("wb") as log:
            command = ["runc", "run", "-d", "-b", str(self.place), self.id]
            subprocess.run(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, check=True)
        self.pid = int(json.loads(self._runc("state").stdout)["pid"])
        for words in (
            ["link", "set", "lo", "up"],
            *(["address", "add", f"{one}/16", "dev", "lo"] for one in (ADDRESS, *CLIENTS)),
            ["route", "add", "blackhole", f"{POOL}/32"],
        ):
            subprocess.run(["nsenter", "-t", str(self.pid), "-n", "ip", *words], check=False, capture_output=True)
        return self

    def _runc(self, verb: str, *words: str) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(["runc", verb, self.id, *words], capture_output=True, check=False)

    @contextlib.contextmanager
    def network(self) -> Iterator[None]:
        """Be in its network; for the calling thread and what it starts."""
        enter, own = ctypes.CDLL(None, use_errno=True).setns, Path("/proc/thread-self/ns/net")
        with own.open() as home, Path(f"/proc/{self.pid}/ns/net").open() as there:
            if enter(there.fileno(), 0x40000000):
                raise OSError(ctypes.get_errno(), "cannot enter the pod's network")
            try:
                yield
            finally:
                enter(home.fileno(), 0x40000000)

    def load(self, seconds: float, pause: float = 0.5) -> int:
        """Call it for so long; return how many rounds failed."""
        until, number, failed = time.monotonic() + seconds, 0, 0
        with self.network():
            while time.monotonic() < until:
                try:
                    self.server.call(number)
                except OSError:
                    failed += 1
                number += 1
                time.sleep(pause)
        return failed

    def enter(self, *command: str) -> subprocess.CompletedProcess[bytes]:
        """Run a program in it from outside, as `kubectl exec` does."""
        return self._runc("exec", *command)

    def alive(self) -> bool:
        """Whether its first process is there."""
        state = json.loads(self._runc("state").stdout or b"{}")
        return bool(state.get("status") == "running")

    def stop(self) -> None:
        """End it as a rollout does."""
        self._runc("kill", "TERM")
        for _ in range(50):
            if not self.alive():
                break
            time.sleep(0.1)
        subprocess.run(["runc", "delete", "-f", self.id], capture_output=True, check=False)
        subprocess.run(["umount", "-l", self.place / "rootfs"], capture_output=True, check=False)
        for hierarchy in (CGROUPS, *CGROUPS.iterdir()):  # the runtime removes the container's group, not the pod's
            with contextlib.suppress(OSError):
                (hierarchy / self._group).rmdir()


def lacking() -> str:
    """Why containers cannot be made here; empty where they can."""
    if os.geteuid():
        return "needs root"
    tools = [tool for tool in ("runc", "nsenter", "ip") if not shutil.which(tool)]
    tools += [] if Path("/bin/busybox").exists() else ["busybox-static"]
    return f"needs {', '.join(tools)}" if tools else ""
