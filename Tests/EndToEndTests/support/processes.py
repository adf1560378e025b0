"""Real processes: started with a mark in their environment, so that none can be lost."""

import fcntl
import os
import signal
import subprocess
import termios
import time
from pathlib import Path

from support.waiting import wait_for

MARK = "SIGNALBOX_TEST_MARK"


class Process:
    """One started program with its output in a file."""

    # Whether SIGTERM must end it with status 0.
    stops_cleanly = False

    def __init__(self, name: str, arguments: list[str], folder: Path, mark: str,
                 environment: dict[str, str] | None = None, descriptors: tuple[int, ...] = (),
                 terminal: bool = False):
        self.name = name
        self.arguments = [str(argument) for argument in arguments]
        self.log_path = folder / f"{name}.log"
        surroundings = {key: value for key, value in os.environ.items() if not key.startswith("XDG_")}
        surroundings |= {MARK: mark, "HOME": str(folder)} | (environment or {})
        self.terminal, slave = os.openpty() if terminal else (None, None)

        def take_terminal() -> None:
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

        with open(self.log_path, "ab") as log:
            self.child = subprocess.Popen(
                self.arguments, stdin=slave if terminal else subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder,
                env=surroundings, start_new_session=True, pass_fds=descriptors,
                preexec_fn=take_terminal if terminal else None,
            )
        if slave is not None:
            os.close(slave)

    @property
    def pid(self) -> int:
        return self.child.pid

    @property
    def is_running(self) -> bool:
        return self.child.poll() is None

    def log(self) -> str:
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def signal(self, number: int) -> None:
        self.child.send_signal(number)

    def close_terminal(self) -> None:
        """What happens when a person closes the window."""
        os.close(self.terminal)
        self.terminal = None

    def kill(self) -> None:
        """kill -9, and waits until it is gone."""
        self.child.kill()
        self.child.wait(timeout=10)

    def terminate(self, seconds: float = 15) -> int:
        """SIGTERM; returns the exit status, fails when the process takes longer than `seconds`."""
        if self.is_running:
            self.child.terminate()
        return self.wait(seconds)

    def wait(self, seconds: float) -> int:
        try:
            return self.child.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} did not end within {seconds} s\n{self.log()[-3000:]}") from None

    def expect_running(self) -> None:
        assert self.is_running, f"{self.name} ended with status {self.child.returncode}:\n{self.log()[-3000:]}"


def marked_processes(mark: str) -> list[int]:
    """Every living process, of whatever parent, that carries the mark."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            if wanted in Path(f"/proc/{entry}/environ").read_bytes().split(b"\0") and not is_zombie(int(entry)):
                found.append(int(entry))
        except OSError:
            continue
    return found


def is_zombie(pid: int) -> bool:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def command_line(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()


def children_of(parent: int) -> list[int]:
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                fields = Path(f"/proc/{entry}/stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[1]) == parent and fields[0] != "Z":
                found.append(int(entry))
    return sorted(found)


def resident_bytes_peak(pid: int) -> int:
    """The largest resident memory that the process ever had (VmHWM)."""
    return memory_bytes(pid, "VmHWM")


def resident_bytes(pid: int) -> int:
    """The resident memory of the process now (VmRSS)."""
    return memory_bytes(pid, "VmRSS")


def memory_bytes(pid: int, figure: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(figure + ":"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"the kernel tells no {figure} of process {pid}")


def cpu_seconds(pid: int) -> float:
    """Processor time that the process has used, in user and system mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def freeze(pid: int) -> None:
    """SIGSTOP, and waits until every thread has stopped: the signal alone is only a request."""
    os.kill(pid, signal.SIGSTOP)

    def is_frozen() -> bool:
        states = [stat.read_text().rpartition(")")[2].split()[0] for stat in Path(f"/proc/{pid}/task").glob("*/stat")]
        return all(state in "tT" for state in states)

    wait_for(f"process {pid} to stop", is_frozen)


def kill_pid(pid: int) -> None:
    """kill -9 of a process that is not our child, and waits until it is gone."""
    os.kill(pid, signal.SIGKILL)
    wait_for(f"process {pid} to be gone", lambda: not is_alive(pid))


def is_alive(pid: int) -> bool:
    try:
        return not is_zombie(pid)
    except OSError:
        return False


def socket_ports(pid: int) -> set[int]:
    """Remote ports of the TCP connections that a process holds: which client is on which data plane."""
    inodes = set()
    for descriptor in os.listdir(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{descriptor}")
        except OSError:
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    ports = set()
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[9] in inodes:
            ports.add(int(fields[2].rpartition(":")[2], 16))
    return ports


def end_all(mark: str, grace_seconds: float) -> list[str]:
    """Waits until no marked process lives, then kills the rest; returns what had to be killed."""
    deadline = time.monotonic() + grace_seconds
    while (left := marked_processes(mark)) and time.monotonic() < deadline:
        time.sleep(0.02)
    names = []
    for pid in left:
        try:
            names.append(f"{pid} {command_line(pid)}")
            os.kill(pid, signal.SIGKILL)
        except OSError:
            continue
    return names
