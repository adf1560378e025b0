"""Faults at a chosen write of a program: a library that stands before libc (write_faults.c)."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

SOURCE = Path(__file__).with_suffix(".c")


class WriteFaults:
    """For the files whose paths begin with `files`."""

    def __init__(self, folder: Path, files: Path):
        compiler = shutil.which("clang") or shutil.which("cc")
        assert compiler, "a C compiler is missing; the Swift toolchain has one"
        self.library, self.order, self.files = folder / "write_faults.so", folder / "write_fault", files
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-Wno-everything", "-o", self.library, SOURCE, "-ldl"], check=True)

    @contextmanager
    def loaded(self) -> Iterator[None]:
        """Programs that are started meanwhile can be hit."""
        variables = {"LD_PRELOAD": self.library, "WRITE_FAULT_FILES": self.files, "WRITE_FAULT_ORDER": self.order}
        with mock.patch.dict(os.environ, {name: str(value) for name, value in variables.items()}):
            yield

    def arm(self, number: int, kind: str) -> None:
        """The `number`th write from now on is hit: `kill`, `torn`, or the number of an error."""
        waiting = self.order.with_suffix(".new")
        waiting.write_text(f"{number} {kind}")
        waiting.rename(self.order)

    @property
    def is_armed(self) -> bool:
        """Whether that write has not come yet."""
        return self.order.exists()

    def disarm(self) -> None:
        self.order.unlink(missing_ok=True)
