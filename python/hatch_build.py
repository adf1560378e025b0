"""Puts the native programs into the wheel: those of SIGNALBOX_BIN_DIR, or of a release build that is made here."""

import os
import platform
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PROGRAMS = ("signalbox", "signalbox-proxy", "simulated-worker")
PROJECT = Path(__file__).resolve().parent.parent


class NativePrograms(BuildHookInterface):
    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        # An editable install uses the programs of the checkout.
        if version == "editable":
            return
        folder = self.programs()
        self.stripped = Path(tempfile.mkdtemp(prefix="signalbox-wheel-"))
        shared = {}
        for name in PROGRAMS:
            target = self.stripped / name
            shutil.copy2(folder / name, target)
            strip = shutil.which("strip")
            if strip:
                subprocess.run([strip, str(target)], check=True)
            shared[str(target)] = name
        build_data["shared_scripts"] = shared
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-linux_{platform.machine()}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        if version != "editable":
            shutil.rmtree(self.stripped, ignore_errors=True)

    @staticmethod
    def programs() -> Path:
        given = os.environ.get("SIGNALBOX_BIN_DIR")
        if given:
            return Path(given)
        if shutil.which("swift") is None or not (PROJECT / "Package.swift").exists():
            sys.exit(
                "signalbox-router: the native programs must be built, and there is no Swift toolchain (or no checkout) here.\n"
                "Install Swift 6.2 or later, or name a folder with the programs in SIGNALBOX_BIN_DIR, or install the wheel."
            )
        build = ["swift", "build", "--package-path", str(PROJECT), "-c", "release", "--static-swift-stdlib"]
        subprocess.run(build, check=True)
        shown = subprocess.run([*build, "--show-bin-path"], check=True, capture_output=True, text=True)
        return Path(shown.stdout.strip())
