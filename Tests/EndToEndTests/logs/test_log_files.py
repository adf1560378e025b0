"""Log files by day and JSON lines, from all processes of a fleet."""

import json
import os
import subprocess

from support.fleet import Workbench, binary
from support.limits import limit
from support.ports import free_port
from support.raw_http import ask
from support.waiting import wait_for


def test_all_processes_write_json_into_the_file_of_the_day(bench: Workbench) -> None:
    folder = bench.folder / "logs"
    launch = bench.launch("--log-dir", folder, "--log-format", "json", workers=[bench.worker().url], data_planes=2)
    bench.wait_ready(launch)
    assert ask(launch.port, "GET", "/health").status == 200
    wait_for("both data planes to have said that they serve", lambda: sum(
        path.read_text().count("The data plane serves.") for path in folder.iterdir()) == 2)
    [file] = folder.iterdir()
    assert file.name.startswith("sgl-router.20") and file.suffix != ".log"
    lines = [json.loads(line) for line in file.read_text().splitlines()]
    messages = {line["message"] for line in lines}
    assert {"The control plane is ready.", "The data plane serves.", "A worker is ready."} <= messages
    assert all({"time", "level", "message"} <= line.keys() for line in lines)
    console = [line for line in launch.log().splitlines() if line.startswith("{")]
    assert len(console) >= len(lines) and all(json.loads(line) for line in console)
    levels = subprocess.run(["jq", "-r", ".level", str(file)], capture_output=True, text=True, check=True)
    assert len(levels.stdout.split()) == len(lines)


def console(bench: Workbench, *flags: str, **environment: str) -> str:
    """What a control plane writes to a terminal until it is ready."""
    terminal, slave = os.openpty()
    process = subprocess.Popen(
        [binary("signalbox"), "control-plane", "--admin-port", str(free_port()), "--prometheus-port", "0",
         "--runtime-dir", bench.folder / "r", "--database", bench.folder / "d.db", *flags],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=slave,
        env={"PATH": os.environ["PATH"], "TERM": "xterm"} | environment)
    os.close(slave)
    text = ""
    try:
        while "The control plane is ready." not in text:
            text += os.read(terminal, 4096).decode()
    finally:
        process.terminate()
        process.wait(timeout=limit(20))
        os.close(terminal)
    return text


def test_levels_are_coloured_on_a_terminal_and_nowhere_else(bench: Workbench) -> None:
    folder = bench.folder / "logs"
    assert "\x1b[36mNOTICE\x1b[0m" in console(bench, "--log-dir", str(folder))
    [file] = folder.iterdir()
    assert "NOTICE" in file.read_text() and "\x1b" not in file.read_text()
    assert "\x1b" not in console(bench, NO_COLOR="1")
    assert "\x1b" not in console(bench, "--log-format", "json")


def test_a_folder_that_cannot_be_written_is_a_usage_error(bench: Workbench) -> None:
    launch = bench.launch("--log-dir", "/proc/no/such/folder", wait=False)
    assert launch.wait(20) == 64
    assert "--log-dir" in launch.log()
