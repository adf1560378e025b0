"""The console scripts: each becomes the native program of its name."""

import os
import sys
from typing import NoReturn

from signalbox.programs import find_program


def become(name: str) -> NoReturn:
    """Replaces this process by a native program, with the arguments that it was given."""
    try:
        program = find_program(name)
    except FileNotFoundError as error:
        print(f"{name}: {error}", file=sys.stderr)
        sys.exit(72)
    os.execv(program, [program, *sys.argv[1:]])


def signalbox() -> NoReturn:
    become("signalbox")


def signalbox_proxy() -> NoReturn:
    become("signalbox-proxy")


def simulated_worker() -> NoReturn:
    become("simulated-worker")
