"""The unit for a plain host: systemd takes it, and it ends and reloads `launch` as that wants to be."""

import configparser
import re
import shlex
import subprocess
from pathlib import Path

from support.fleet import PROJECT, binary
from support.manifests import flags_of_launch

FOLDER = PROJECT / "deploy" / "systemd"
UNIT = FOLDER / "signalbox.service"
# systemd's own scale, from 0 (nothing is open) to 10.
EXPOSURE_MAX = 2.0


class Unit(configparser.RawConfigParser):
    def optionxform(self, optionstr: str) -> str:
        return optionstr


def service() -> dict[str, str]:
    unit = Unit(strict=False, delimiters=("=",), comment_prefixes=("#",))
    unit.read(UNIT)
    return dict(unit["Service"])


def with_our_program(folder: Path) -> Path:
    """The unit as it would be installed, with a program that is there."""
    text = UNIT.read_text()
    assert text.count("/usr/local/bin/signalbox ") == 1
    copy = folder / UNIT.name
    copy.write_text(text.replace("/usr/local/bin/signalbox ", f"{binary('signalbox')} "))
    return copy


def test_systemd_finds_no_fault(tmp_path: Path) -> None:
    run = subprocess.run(["systemd-analyze", "verify", "--man=no", str(with_our_program(tmp_path))],
                         capture_output=True, text=True, check=False)
    assert run.returncode == 0 and run.stdout + run.stderr == ""


def test_it_is_confined(tmp_path: Path) -> None:
    run = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager", str(with_our_program(tmp_path))],
                         capture_output=True, text=True, check=False)
    level = re.search(r"Overall exposure level for signalbox\.service: ([\d.]+)", run.stdout)
    assert level, run.stdout + run.stderr
    assert float(level[1]) <= EXPOSURE_MAX, run.stdout


def test_launch_alone_gets_the_signals() -> None:
    unit = service()
    assert (unit["KillMode"], unit["KillSignal"]) == ("mixed", "SIGTERM")
    assert unit["ExecReload"] == "/bin/kill -HUP $MAINPID"
    assert unit["Restart"] == "on-failure" and unit["RestartPreventExitStatus"].split() == ["64", "72"]


def test_it_waits_longer_than_launch_takes_to_end() -> None:
    launch = (PROJECT / "Sources/ControlPlane/Executable/LaunchCommand.swift").read_text()
    delay, grace = (int(re.search(rf"var {name} = (\d+)", launch)[1])
                    for name in ("shutdownDelaySecs", "shutdownGracePeriodSecs"))
    # As in test_kubernetes.py, 11 s in which what does not stop is killed.
    assert int(service()["TimeoutStopSec"]) > delay + grace + 11


def test_every_flag_is_one_of_launch() -> None:
    example = (FOLDER / "signalbox.env.example").read_text()
    given = re.search(r'^SIGNALBOX_FLAGS="([^"]*)"$', example, re.M)[1]
    words = shlex.split(service()["ExecStart"]) + given.split()
    flags = {word for word in words if word.startswith("--")}
    assert len(flags) > 4 and flags <= flags_of_launch(), flags - flags_of_launch()
    named = set(re.findall(r"--[a-z][a-z-]+-secs", UNIT.read_text()))
    assert named and named <= flags_of_launch()


def test_it_writes_only_where_the_unit_lets_it() -> None:
    unit = service()
    assert unit["StateDirectory"] == unit["RuntimeDirectory"] == "signalbox"
    assert "--database ${STATE_DIRECTORY}/" in unit["ExecStart"]
    assert "--runtime-dir ${RUNTIME_DIRECTORY} " in unit["ExecStart"]
    assert unit["RuntimeDirectoryPreserve"] == "restart", "counters begin anew with an empty folder"
    assert unit["ProtectSystem"] == "strict" and unit["DynamicUser"] == "yes" and unit["PrivateTmp"] == "yes"


def test_the_files_that_the_comment_installs_are_there() -> None:
    for path in re.findall(r"deploy/systemd/[\w.]+", UNIT.read_text()):
        assert (PROJECT / path).is_file(), path
    assert service()["EnvironmentFile"] == "-/etc/signalbox/signalbox.env"
    assert "/etc/signalbox/signalbox.env\n" in UNIT.read_text()
