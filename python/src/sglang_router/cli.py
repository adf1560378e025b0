"""The console script `sglang-router`, with the words that later versions of the original have for its two programs."""

import sys
from typing import List, NoReturn, Optional

from signalbox import __version__
from sglang_router import launch_router, launch_server

USAGE = """usage: sglang-router launch [flags]   a router: python -m sglang_router.launch_router
       sglang-router server [flags]   SGLang servers and a router over them: python -m sglang_router.launch_server
       sglang-router --version

`launch` may be left out before flags. `sglang-router launch --help` shows them.
"""


def main(arguments: Optional[List[str]] = None) -> NoReturn:
    words = list(sys.argv[1:] if arguments is None else arguments)
    first = words[0] if words else ""
    if first == "launch":
        launch_router.main(words[1:])
    if first == "server":
        launch_server.main(words[1:])
    if first in ("--version", "-V", "--version-verbose"):
        print(f"sglang-router {__version__} (Signalbox)")
        sys.exit(0)
    if first.startswith("-") and first not in ("-h", "--help"):
        launch_router.main(words)
    print(USAGE, end="", file=sys.stdout if first.startswith("-") else sys.stderr)
    sys.exit(0 if first.startswith("-") else 1)
