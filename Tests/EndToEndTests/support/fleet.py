"""A workbench: starts the three programs on free ports in a short temporary folder, and ends all of them."""

import json
import os
import shutil
import signal
import sqlite3
import tempfile
import uuid
from pathlib import Path

from support import raw_http
from support.admin import Admin
from support.ports import free_port, is_listening
from support.processes import Process, children_of, command_line, end_all
from support.recording_worker import RecordingWorker, Responder
from support.waiting import wait_for

PROJECT = Path(__file__).resolve().parents[3]
BINARIES = Path(os.environ.get("SIGNALBOX_BIN_DIR", PROJECT / ".build" / "release")).resolve()

# A child may need this long to end by itself: the lifeline's drain of at most 5 s, and a little.
GRACE_SECONDS = 8

# The test's own kill -9, and the end of a program that does not handle SIGTERM.
EXPECTED_SIGNALS = (-signal.SIGKILL, -signal.SIGTERM)


def binary(name: str) -> str:
    return str(BINARIES / name)


def metrics_flags(flags: tuple[object, ...]) -> tuple[object, ...]:
    """No metrics, which would all have one port, unless the test names its own."""
    return () if "--prometheus-port" in flags else ("--prometheus-port", 0)


class SimulatedWorker(Process):
    port: int
    url: str

    def stats(self) -> dict:
        return json.loads(raw_http.ask(self.port, "GET", "/stats").body)


class DataPlane(Process):
    stops_cleanly = True
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


class ControlPlane(Process):
    stops_cleanly = True
    admin_port: int
    runtime_folder: Path
    database: Path
    admin: Admin

    @property
    def control_socket(self) -> Path:
        return self.runtime_folder / "control.sock"

    @property
    def admin_socket(self) -> Path:
        return self.runtime_folder / "admin.sock"

    def rows(self, query: str, *values: object) -> list[tuple]:
        return rows(self.database, query, *values)


class Launch(ControlPlane):
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def control_plane_pid(self) -> int | None:
        return next((pid for pid in children_of(self.pid) if "control-plane" in command_line(pid)), None)

    def data_plane_pids(self) -> list[int]:
        return [pid for pid in children_of(self.pid) if "signalbox-proxy" in command_line(pid).split(" ")[0]]


def rows(database: Path, query: str, *values: object) -> list[tuple]:
    """Reads the database of a running control plane, read-only."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=5)
    try:
        return connection.execute(query, values).fetchall()
    finally:
        connection.close()


class Workbench:
    """Everything that one test starts."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="sb", dir="/tmp"))
        self.mark = uuid.uuid4().hex
        self.processes: list[Process] = []
        self.recording_workers: list[RecordingWorker] = []
        self.admins: list[Admin] = []
        self.counters: dict[str, int] = {}

    # Starting

    def process(self, kind: type, name: str, arguments: list, **options: object) -> Process:
        self.counters[name] = number = self.counters.get(name, 0) + 1
        process = kind(f"{name}-{number}", arguments, self.folder, self.mark, **options)
        self.processes.append(process)
        return process

    def worker(self, *flags: object, port: int | None = None, model: str = "simulated",
               host: str = "127.0.0.1") -> SimulatedWorker:
        """A simulated worker that answers its health check; fast by default."""
        port = port or free_port()
        arguments = [binary("simulated-worker"), "--host", host, "--port", port, "--model", model]
        if "--speedup" not in flags:
            arguments += ["--speedup", "100"]
        worker = self.process(SimulatedWorker, "worker", arguments + list(flags))
        worker.port, worker.url = port, f"http://127.0.0.1:{port}"
        self.wait_listening(worker, port)
        return worker

    def recording_worker(self, responder: Responder | None = None, **options: object) -> RecordingWorker:
        worker = RecordingWorker(responder, **options)
        self.recording_workers.append(worker)
        return worker

    def control_plane(self, *flags: object, runtime_folder: Path | None = None, database: Path | None = None,
                      admin_port: int | None = None, wait: bool = True, prefix: tuple[str, ...] = ()) -> ControlPlane:
        """`prefix` is a command that starts it, such as one that sets limits."""
        runtime_folder = runtime_folder or self.folder / f"run{len(self.processes)}"
        database = database or self.folder / f"database{len(self.processes)}.db"
        admin_port = admin_port or free_port()
        plane = self.process(ControlPlane, "control-plane", [
            *prefix, binary("signalbox"), "control-plane", "--admin-port", admin_port, *metrics_flags(flags),
            "--runtime-dir", runtime_folder, "--database", database, *flags,
        ])
        self.describe(plane, admin_port, runtime_folder, database)
        if wait:
            self.wait_for_admin(plane)
        return plane

    def data_plane(self, control_socket: Path | str, *flags: object, name: str | None = None,
                   port: int | None = None, wait: bool = True, prefix: tuple[str, ...] = ()) -> DataPlane:
        """`prefix` is a command that starts it, such as one that sets limits."""
        port = port or free_port()
        arguments = [*prefix, binary("signalbox-proxy"), "--port", port, "--control-socket", control_socket]
        if name:
            arguments += ["--id", name]
        plane = self.process(DataPlane, "data-plane", arguments + list(flags))
        plane.port = port
        if wait:
            self.wait_listening(plane, port)
        return plane

    def launch(self, *flags: object, workers: tuple[str, ...] | list[str] = (), data_planes: int = 1,
               runtime_folder: Path | None = None, database: Path | None = None, port: int | None = None,
               admin_port: int | None = None, wait: bool = True, terminal: bool = False) -> Launch:
        runtime_folder = runtime_folder or self.folder / f"run{len(self.processes)}"
        database = database or self.folder / f"database{len(self.processes)}.db"
        port, admin_port = port or free_port(), admin_port or free_port()
        arguments = [
            binary("signalbox"), "launch", "--port", port, "--admin-port", admin_port, "--data-planes", data_planes,
            *metrics_flags(flags),
            "--runtime-dir", runtime_folder, "--database", database, *flags,
        ]
        if workers:
            arguments += ["--worker-urls", *workers]
        launch = self.process(Launch, "launch", arguments, terminal=terminal)
        launch.port = port
        self.describe(launch, admin_port, runtime_folder, database)
        if wait:
            self.wait_for_admin(launch)
            self.wait_listening(launch, port)
            launch.admin.wait_until_applied(data_planes)
        return launch

    def wired(self, *workers: str, flags: tuple[object, ...] = ()) -> tuple[ControlPlane, DataPlane]:
        """A control plane and one data plane beside it, with the workers ready."""
        control_plane = self.control_plane()
        data_plane = self.data_plane(control_plane.control_socket, *flags)
        for url in workers:
            answer = control_plane.admin.add_worker(url)
            assert answer.status_code == 200, answer.text
        control_plane.admin.wait_until_applied(1)
        if workers:
            self.wait_ready(data_plane)
        return control_plane, data_plane

    # Waiting

    def describe(self, plane: ControlPlane, admin_port: int, runtime_folder: Path, database: Path) -> None:
        plane.admin_port, plane.runtime_folder, plane.database = admin_port, runtime_folder, database
        plane.admin = Admin(f"http://127.0.0.1:{admin_port}")
        self.admins.append(plane.admin)

    def wait_listening(self, process: Process, port: int) -> None:
        def listens() -> bool:
            process.expect_running()
            return is_listening(port)

        self.guarded(process, f"{process.name} to listen on port {port}", listens)

    def wait_for_admin(self, plane: ControlPlane) -> None:
        self.guarded(plane, f"{plane.name} to answer", lambda: plane.admin.get("/health").status_code == 200)

    def wait_ready(self, plane: DataPlane | Launch) -> None:
        self.guarded(plane, f"{plane.name} to be ready",
                     lambda: raw_http.ask(plane.port, "GET", "/readiness").status == 200)

    @staticmethod
    def guarded(process: Process, what: str, condition: object, seconds: float = 20) -> None:
        """Waits for a condition, and gives up at once when the process has ended."""
        def check() -> bool:
            return not process.is_running or condition()

        wait_for(what, check, seconds)
        process.expect_running()

    # Ending

    def logs(self) -> list[tuple[str, str]]:
        return [(process.name, process.log()) for process in self.processes]

    def close(self) -> list[str]:
        """Ends everything; returns what did not end as it should: left over, crashed, or stopped with an error."""
        for admin in self.admins:
            admin.close()
        for worker in self.recording_workers:
            worker.close()
        problems = [f"{process.name} crashed by signal {-process.child.returncode}" for process in self.processes
                    if not process.is_running and process.child.returncode not in EXPECTED_SIGNALS
                    and process.child.returncode < 0]
        stopped = [process for process in self.processes if process.is_running]
        for process in stopped:
            process.signal(signal.SIGCONT)
            process.signal(signal.SIGTERM)
        problems += [f"still running: {left}" for left in end_all(self.mark, GRACE_SECONDS)]
        for process in self.processes:
            process.child.wait(timeout=10)
        problems += [f"{process.name} ended with status {process.child.returncode} after SIGTERM" for process in stopped
                     if process.stops_cleanly and process.child.returncode != 0]
        shutil.rmtree(self.folder, ignore_errors=True)
        return problems
