"""A router as an object: started, waited for, stopped."""

import enum
from types import TracebackType
from typing import Any, Dict, List, Optional, Type

from signalbox.kept import Kept, plan_for
from signalbox.router_args import RouterArgs
from signalbox.startup import Startup


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
    manager it runs in the background: `with Router(...) as router: ...`. However this process ends, the router ends, too.
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
        self._kept: Optional[Kept] = None

    @classmethod
    def from_args(cls, args: RouterArgs) -> "Router":
        router = cls.__new__(cls)
        router.args = args
        args.check()
        router._kept = None
        return router

    def start(self) -> None:
        """Runs the router and returns when it has been stopped.

        Raises RuntimeError when it ends by itself, and when its workers are not healthy within
        `worker_startup_timeout_secs`; then it has been stopped.
        """
        kept = self._begin()
        status = kept.wait(Startup(self.args))
        if status != 0 and not kept.is_told:
            raise RuntimeError(f"The router ended with status {status}; it says why on standard error.")

    def stop(self, timeout: Optional[float] = None) -> None:
        """Lets requests finish, and ends the router; does nothing when it does not run.

        What is still served after `timeout` seconds, or when the router's own grace period is over, is cut.
        """
        if self._kept is not None:
            self._kept.stop(timeout)

    def __enter__(self) -> "Router":
        self._begin()
        return self

    def __exit__(self, kind: Optional[Type[BaseException]], error: Optional[BaseException],
                 trace: Optional[TracebackType]) -> None:
        # Another thread may wait for requests to finish: told once more, the router would cut them.
        if self._kept is not None and self._kept.is_told:
            self._kept.wait_for_end()
        else:
            self.stop()

    def _begin(self) -> Kept:
        if self._kept is not None and self._kept.is_running:
            raise RuntimeError("The router runs already.")
        try:
            self._kept = Kept(plan_for(self.args, "signalbox"))
        except OSError as error:
            raise RuntimeError(f"The router cannot be started: {error}") from error
        return self._kept
