"""Log files by day and JSON lines, from all processes of a fleet."""

import json
import subprocess

from support.fleet import Workbench
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


def test_a_folder_that_cannot_be_written_is_a_usage_error(bench: Workbench) -> None:
    launch = bench.launch("--log-dir", "/proc/no/such/folder", wait=False)
    assert launch.wait(20) == 64
    assert "--log-dir" in launch.log()
