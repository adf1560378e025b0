"""A router with the flags that manifests give to its container."""

import httpx

from support.fleet import Workbench, binary
from support.manifests import Manifests
from support.ports import free_port
from support.processes import Process
from support.waiting import wait_for


class Router(Process):
    """Started with the flags of a container, on ports and in folders of the test."""

    stops_cleanly = True
    ports: dict[str, int]

    def status(self, get: dict) -> int:
        """What a probe is answered; 0 while nobody listens."""
        try:
            return httpx.get(f"http://127.0.0.1:{self.ports[get['port']]}{get['path']}").status_code
        except httpx.TransportError:
            self.expect_running()
            return 0


def start(bench: Workbench, manifests: Manifests, **environment: str) -> Router:
    ports = {"--port": free_port(), "--admin-port": free_port(), "--prometheus-port": free_port()}
    replaced = {**ports, "--database": bench.folder / "signalbox.db", "--runtime-dir": bench.folder / "run" / "sockets",
                "--spool-directory": bench.folder, "--shutdown-delay-secs": 0}
    (bench.folder / "run").mkdir()
    arguments: list[object] = [binary("signalbox"), "launch"]
    for flag, values in manifests.flags.items():
        arguments += [flag, *([replaced[flag]] if flag in replaced else values)]
    router = bench.process(Router, "launch", arguments, environment=environment)
    router.ports = {"data": ports["--port"], "admin": ports["--admin-port"], "metrics": ports["--prometheus-port"]}
    wait_for("the startup probe to be answered",
             lambda: router.status(manifests.container["startupProbe"]["httpGet"]) == 200, 20)
    return router
