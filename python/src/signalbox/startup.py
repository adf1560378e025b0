"""Whether the workers that a router begins with become healthy in time."""

import http.client
import json
import time
from typing import Any, Dict, Iterator, List, Tuple
from urllib.parse import urlsplit

from signalbox.router_args import RouterArgs

# How often the router is asked, in seconds.
LOOK_SECONDS = 0.5
_ADMIN_PORT = 30001
_EVERYWHERE = ("", "0.0.0.0", "::", "[::]")


class Startup:
    """Watches a router that has just been started."""

    def __init__(self, args: RouterArgs) -> None:
        self._args = args
        self._urls: List[str] = list(args.worker_urls or [])
        self._seconds: int = args.worker_startup_timeout_secs or 300
        self._end = time.monotonic() + self._seconds

    def is_over(self) -> bool:
        """Whether all workers are healthy.

        Raises RuntimeError, with the words of the original, when they have not become so in time.
        """
        states = {_identity(worker["url"]): worker["state"] for worker in self._workers()} if self._urls else {}
        if all(states.get(_identity(url)) == "ready" for url in self._urls):
            return True
        if time.monotonic() < self._end:
            return False
        raise RuntimeError(
            f"Timeout {self._seconds}s waiting for workers {json.dumps(self._urls)} to become healthy. Please set "
            "--router-worker-startup-timeout-secs (sglang_router.launch_server) or --worker-startup-timeout-secs "
            "(sglang_worker.router) to a larger value"
        )

    def _workers(self) -> List[Dict[str, Any]]:
        """What the router says; nothing while it does not answer."""
        for host, port in self._addresses():
            connection = http.client.HTTPConnection(host, port, timeout=5)
            try:
                connection.request("GET", "/workers")
                response = connection.getresponse()
                body = response.read()
                if response.status == 200:
                    workers: List[Dict[str, Any]] = json.loads(body)["workers"]
                    return workers
            except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
                pass
            finally:
                connection.close()
        return []

    def _addresses(self) -> Iterator[Tuple[str, int]]:
        """The admin API, else the clients' port, which leads there."""
        port = _ADMIN_PORT if self._args.admin_port is None else int(self._args.admin_port)
        if port != 0:
            yield _reachable(self._args.admin_host or ""), port
        yield _reachable(self._args.host), int(self._args.port)


def _reachable(host: str) -> str:
    return "127.0.0.1" if host in _EVERYWHERE else host.strip("[]")


def _identity(url: str) -> Tuple[str, str, int]:
    """Equal for two spellings of one address."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = None
    return parts.scheme, parts.hostname or "", port or (443 if parts.scheme == "https" else 80)
