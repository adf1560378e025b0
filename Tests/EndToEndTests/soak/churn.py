"""Workers that fail, come and go while the clients are at work."""

import random
import threading

from soak.ill_behaved import CHAOS
from soak.well_behaved import STEADY
from support.fleet import Launch, SimulatedWorker, Workbench
from support.processes import kill_pid

FAULTS = (
    "status=500,probability=0.05", "delay_head_ms=300,probability=0.1", "close_after_events=2,probability=0.1",
    "reset=true,after_events=1,probability=0.05", "stall_after_events=1,probability=0.02",
)
SECONDS_BETWEEN_CHANGES = 1.0


class Churn:
    """Two workers stay as they are, a third serves the same model and comes and goes in an orderly way; those of the
    other model fail on purpose, are removed, and are killed."""

    def __init__(self, bench: Workbench):
        self.bench = bench
        self.steady = [bench.worker(model=STEADY) for _ in range(3)]
        self.chaotic = [self._chaotic() for _ in range(3)]
        self.launch: Launch | None = None
        self.changes: dict[str, int] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.problem: str | None = None

    def _chaotic(self, port: int | None = None) -> SimulatedWorker:
        faults = [word for fault in FAULTS for word in ("--fault", fault)]
        return self.bench.worker(*faults, port=port, model=CHAOS)

    @property
    def urls(self) -> list[str]:
        return [worker.url for worker in self.steady + self.chaotic]

    def start(self, launch: Launch) -> None:
        self.launch = launch
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(timeout=60)

    def _run(self) -> None:
        actions = [self.replace_steady, self.replace_chaotic, self.kill_chaotic]
        while not self._stopping.wait(SECONDS_BETWEEN_CHANGES):
            action = random.choice(actions)
            try:
                action()
            except (AssertionError, OSError) as error:
                self.problem = f"{action.__name__}: {error}"
                return
            self.changes[action.__name__] = self.changes.get(action.__name__, 0) + 1

    def _replace(self, url: str) -> None:
        assert self.launch
        answer = self.launch.admin.remove_worker(url)
        assert answer.status_code in (200, 404), answer.text
        self._stopping.wait(random.random())
        answer = self.launch.admin.add_worker(url)
        assert answer.status_code in (200, 202), answer.text

    def replace_steady(self) -> None:
        self._replace(self.steady[-1].url)

    def replace_chaotic(self) -> None:
        self._replace(random.choice(self.chaotic).url)

    def kill_chaotic(self) -> None:
        number = random.randrange(len(self.chaotic))
        worker = self.chaotic[number]
        worker.kill()
        self.bench.processes.remove(worker)
        self._stopping.wait(random.random())
        self.chaotic[number] = self._chaotic(worker.port)

    def kill_data_plane(self) -> None:
        """kill -9; the supervisor starts another one."""
        assert self.launch
        kill_pid(random.choice(self.launch.data_plane_pids()))
        self.changes["kill_data_plane"] = self.changes.get("kill_data_plane", 0) + 1
