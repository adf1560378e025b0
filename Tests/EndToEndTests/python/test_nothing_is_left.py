"""`launch_server` leaves no process behind, however it ends, whatever its servers do."""

import os
import re
import signal
import sys
import time
from pathlib import Path

import httpx
import pytest

from support.fleet import Workbench, binary
from support.limits import limit
from support.ports import free_port
from support.processes import Process, children_of, command_line, is_alive, marked_processes
from support.waiting import wait_for

SERVERS = 2
# A server that SIGTERM does not end, with a child, a grandchild in a session of its own, and one that has nothing of it any
# more: neither parent nor group, session nor environment. Each writes down who it is.
STUBBORN_SERVER = """
import os, signal, subprocess, sys, time

def live_on(name):
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    folder = sys.argv[1]
    with open(f"{folder}/writing{os.getpid()}", "w") as file:
        file.write(name)
    os.rename(f"{folder}/writing{os.getpid()}", f"{folder}/{os.getpid()}")
    time.sleep(1000)

if os.fork() == 0:
    live_on("child")
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.setsid()
        live_on("grandchild")
    live_on("session")
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        if sys.argv[2] == "again":
            live_on("orphan")
        os.execve(sys.executable, [sys.executable, __file__, sys.argv[1], "again"], {})
    os._exit(0)
if sys.argv[2] == "again":
    live_on("stranger")
live_on("server")
"""
# The second run of an orphan makes four more.
PROCESSES_OF_A_SERVER = 9


def start_stubborn(bench: Workbench, start, servers: int = SERVERS) -> tuple[Process, Path]:
    folder = bench.folder / "pids"
    folder.mkdir()
    script = bench.folder / "stubborn.py"
    script.write_text(STUBBORN_SERVER)
    process = start(
        "launch_server", "--port", free_port(), "--dp-size", servers, "--server-command", f"{sys.executable} {script} {folder} first",
        "--router-dp-worker-base-port", free_port(), "--router-prometheus-port", free_port(), "--router-admin-port", free_port(),
    )
    return process, folder


def noted(folder: Path) -> list[int]:
    return [int(path.name) for path in folder.iterdir() if path.name.isdigit()]


def named(folder: Path, name: str) -> int:
    return next(pid for pid in noted(folder) if (folder / str(pid)).read_text() == name)


def keeper_of(process: Process) -> int:
    [keeper] = [pid for pid in children_of(process.pid) if "keeper.py" in command_line(pid)]
    return keeper


def router_of(process: Process) -> int:
    [router] = [pid for pid in children_of(keeper_of(process)) if " launch " in command_line(pid)]
    return router


@pytest.mark.parametrize("ending", ["SIGTERM", "SIGINT", "SIGHUP", "the launcher", "its group", "the keeper", "the router", "a server"])
def test_servers_that_do_not_end_by_themselves_are_ended_with_all_that_they_started(bench: Workbench, start, ending: str) -> None:
    process, folder = start_stubborn(bench, start)
    wait_for("every process of the servers", lambda: len(noted(folder)) == SERVERS * PROCESSES_OF_A_SERVER, limit(20))
    wait_for("the router", lambda: router_of(process), limit(10))
    ours = [*noted(folder), *marked_processes(bench.mark)]
    if ending.startswith("SIG"):
        process.signal(signal.Signals[ending])
    elif ending == "its group":
        os.killpg(process.pid, signal.SIGKILL)
    else:
        victim = {"the launcher": lambda: process.pid, "the keeper": lambda: keeper_of(process),
                  "the router": lambda: router_of(process), "a server": lambda: named(folder, "server")}[ending]()
        os.kill(victim, signal.SIGKILL)
    status = process.wait(limit(20))
    if ending not in ("the launcher", "its group"):
        assert status == (0 if ending.startswith("SIG") else 1)
        assert [pid for pid in ours if is_alive(pid)] == []
    wait_for("every process to be gone", lambda: not any(map(is_alive, ours)), limit(15))
    if ending in ("the router", "a server"):
        assert re.search(r"launch_server: (the router|server [01]) ended with status -9; all of it ends\.", process.log())


@pytest.mark.parametrize("victim", ["the launcher", "the keeper", "a server", "the router", "a data plane"])
def test_well_behaved_servers_are_gone_soon_when_one_is_killed(bench: Workbench, start, victim: str) -> None:
    port = free_port()
    process = start(
        "launch_server", "--port", port, "--dp-size", 4, "--server-command", binary("simulated-worker"),
        "--router-dp-worker-base-port", free_port(), "--router-prometheus-port", free_port(), "--router-admin-port", free_port(),
    )
    wait_for("four workers to be ready", lambda: httpx.get(
        f"http://127.0.0.1:{port}/readiness").json().get("healthy_workers") == 4, limit(30))
    keeper, router = keeper_of(process), router_of(process)
    servers = [pid for pid in children_of(keeper) if "simulated-worker" in command_line(pid)]
    assert len(servers) == 4
    begun = time.monotonic()
    if victim == "a data plane":
        # The router starts it again: nothing ends.
        [first] = planes = [pid for pid in children_of(router) if "signalbox-proxy" in command_line(pid)]
        os.kill(first, signal.SIGKILL)
        wait_for("a successor", lambda: httpx.get(f"http://127.0.0.1:{port}/readiness").status_code == 200, limit(20))
        assert process.is_running and not set(planes) & set(children_of(router))
        process.terminate()
    else:
        os.kill({"the launcher": process.pid, "the keeper": keeper, "a server": servers[2], "the router": router}[victim],
                signal.SIGKILL)
        assert process.wait(limit(8)) == (-signal.SIGKILL if victim == "the launcher" else 1)
    wait_for("every process to be gone", lambda: marked_processes(bench.mark) == [], limit(8))
    assert time.monotonic() - begun < limit(10)


@pytest.mark.parametrize("hundredths", [0, 5, 10, 15, 25, 40])
def test_a_launcher_that_is_killed_at_any_moment_of_its_start_leaves_nothing(bench: Workbench, start, hundredths: int) -> None:
    process, folder = start_stubborn(bench, start, servers=4)
    time.sleep(hundredths / 100)
    process.kill()
    wait_for("every process to be gone", lambda: not [
        pid for pid in {*marked_processes(bench.mark), *noted(folder)} if is_alive(pid)], limit(15))


@pytest.mark.parametrize(("command", "broken", "words"), [
    ("sh -c 'test $SGLANG_DP_RANK != 2 && exec sleep 1000; exit 3' server", False, "server 2 ended with status 3; all of it ends."),
    ("no-such-server", False, "cannot start no-such-server: No such file or directory."),
    ("sh -c 'sleep 1000 & exec sleep 1000' server", True, "signalbox: Exec format error."),
])
def test_a_start_that_fails_half_way_leaves_nothing(
        bench: Workbench, surroundings: dict[str, str], start, command: str, broken: bool, words: str) -> None:
    if broken:
        surroundings["SIGNALBOX_BIN_DIR"] = str(bench.folder)
        (bench.folder / "signalbox").write_text("no program")
        (bench.folder / "signalbox").chmod(0o755)
    process = start("launch_server", "--port", free_port(), "--dp-size", 4, "--server-command", command,
                    "--router-dp-worker-base-port", free_port(), "--router-prometheus-port", free_port(),
                    "--router-admin-port", free_port())
    assert process.wait(limit(20)) == 1
    assert re.search(f"launch_server: .*{re.escape(words)}", process.log())
    assert marked_processes(bench.mark) == []
