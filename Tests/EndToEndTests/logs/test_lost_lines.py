"""Lines that nobody takes are counted, and told of."""

import json
import resource

from support.fleet import Workbench
from support.metrics import total
from support.ports import free_port
from support.waiting import wait_for


def test_lines_that_a_full_disk_does_not_take_are_counted_and_told_of(bench: Workbench) -> None:
    folder, port = bench.folder / "logs", free_port()
    plane = bench.control_plane("--log-dir", folder, "--log-format", "json", "--prometheus-port", port)
    wait_for("the log file", lambda: any(folder.iterdir()))
    [file] = folder.iterdir()
    with file.open("a") as log:
        log.write("{}\n" * (2 << 20))
    # As a full disk, for this file alone, which is the largest: the next line breaks off in its middle.
    resource.prlimit(plane.pid, resource.RLIMIT_FSIZE, (file.stat().st_size + 20, resource.RLIM_INFINITY))
    plane.admin.add_worker(bench.worker().url)
    wait_for("lost lines to be counted", lambda: total(port, "signalbox_log_lines_lost_total") > 0)
    resource.prlimit(plane.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    plane.admin.add_worker(bench.worker().url)
    told = "Lines of the log were lost: the file could not be written (--log-dir)."
    wait_for("the loss to be told of", lambda: told in file.read_text())
    lines = file.read_text().splitlines()
    broken = [line for line in lines if line and not line.endswith("}")]
    assert len(broken) == 1 and len(broken[0]) == 20
    notices = [json.loads(line) for line in lines if told in line]
    assert sum(int(line["lines"]) for line in notices) == total(port, "signalbox_log_lines_lost_total")
