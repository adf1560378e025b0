"""A router as an object: started, waited for, stopped."""

import ctypes
import enum
import signal
import subprocess
from types import TracebackType
from typing import Any, Dict, List, Optional, Type

from signalbox.programs import find_program
from signalbox.router_args import RouterArgs
from signalbox.startup import LOOK_SECONDS, Startup


PR_SET_PDEATHSIG = 1
_prctl = ctypes.CDLL(None).prctl


def _die_with_parent() -> None:
    _prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class PolicyType(enum.Enum):
    """How a worker is picked."""

    Random = "random"
    RoundRobin = "round_robin"
    CacheAware = "cache_aware"
    PowerOfTwo = "power_of_two"
    Bucket = "bucket"
    Manual = "manual"
    ConsistentHashing = "consistent_hashing"
    PrefixHash = "prefix_hash"
    LeastLoad = "least_load"
    KvCost = "kv_cost"


class Router:
    """One router. The constructor's defaults are the original's: round robin on port 3001.

    `start()` blocks until the router ends; `stop()`, from another thread or a signal handler, ends it in order. As a context
    manager it runs in the background: `with Router(...) as router: ...`.
    """

    def __init__(
        self,
        worker_urls: Optional[List[str]] = None,
        policy: Any = PolicyType.RoundRobin,
        host: str = "127.0.0.1",
        port: int = 3001,
        worker_startup_timeout_secs: int = 300,
        worker_startup_check_interval: int = 10,
        cache_threshold: float = 0.5,
        balance_abs_threshold: int = 32,
        balance_rel_threshold: float = 1.0001,
        eviction_interval_secs: int = 60,
        max_tree_size: int = 2**24,
        max_payload_size: int = 4 * 2**20,
        verbose: bool = False,
        log_dir: Optional[str] = None,
        service_discovery: bool = False,
        selector: Optional[Dict[str, str]] = None,
        service_discovery_port: int = 80,
        service_discovery_namespace: Optional[str] = None,
        prometheus_port: Optional[int] = None,
        prometheus_host: Optional[str] = None,
        **values: Any,
    ) -> None:
        named = {name: value for name, value in locals().items() if name not in ("self", "values", "__class__")}
        named["worker_urls"] = list(worker_urls or [])
        self.args = RouterArgs(**{name: value for name, value in {**named, **values}.items() if value is not None})
        self.args.check()
        self._process: Optional["subprocess.Popen[bytes]"] = None

    @classmethod
    def from_args(cls, args: RouterArgs) -> "Router":
        router = cls.__new__(cls)
        router.args = args
        args.check()
        router._process = None
        return router

    def start(self) -> None:
        """Runs the router and returns when it has been stopped.

        Raises RuntimeError when it ends by itself, and when its workers are not healthy within
        `worker_startup_timeout_secs`; then it has been stopped.
        """
        self._begin(with_parent=True)
        self._wait(Startup(self.args))

    def stop(self, timeout: float = 200) -> None:
        """Lets requests finish, and ends the router; does nothing when it does not run."""
        process = self._process
        if process is None or process.poll() is not None:
            return
        self._is_stopping = True
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=timeout)

    def __enter__(self) -> "Router":
        self._begin()
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        self.stop()

    def _begin(self, with_parent: bool = False) -> None:
        """With the parent: the kernel ends the router in order when the thread that started it is gone, as by kill -9."""
        if self._process is not None and self._process.poll() is None:
            raise RuntimeError("The router runs already.")
        self._is_stopping = False
        try:
            self._process = subprocess.Popen(
                [find_program(), "launch", *self.args.command()],
                preexec_fn=_die_with_parent if with_parent else None,
            )
        except OSError as error:
            raise RuntimeError(f"The router cannot be started: {error}") from error

    def _wait(self, startup: Startup) -> None:
        assert self._process is not None
        try:
            status = self._wait_for_end(self._process, startup)
        except BaseException:
            # Ctrl-C of a terminal goes to the router, too; an exception of a signal's handler does not.
            self.stop()
            raise
        if status != 0 and not self._is_stopping:
            raise RuntimeError(f"The router ended with status {status}; it says why on standard error.")

    def _wait_for_end(self, process: "subprocess.Popen[bytes]", startup: Startup) -> int:
        is_over = False
        while True:
            try:
                return process.wait(timeout=None if is_over else LOOK_SECONDS)
            except subprocess.TimeoutExpired:
                pass
            try:
                is_over = self._is_stopping or startup.is_over()
            except RuntimeError:
                self.stop()
                raise
