"""`python -m sglang_router.launch_router`: becomes `signalbox launch`."""

import argparse
import os
import sys
from typing import List, NoReturn, Optional, Union

from signalbox import RouterArgs, UnsupportedFeature, find_program


def parse_router_args(arguments: Optional[List[str]] = None) -> RouterArgs:
    """Reads a command line; ends with status 2 and one sentence when it is wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m sglang_router.launch_router",
        description="One service out of many inference workers. More flags: signalbox launch --help.",
    )
    RouterArgs.add_cli_args(parser)
    # The native program knows more flags than the original had, and says what it does not know.
    namespace, rest = parser.parse_known_args(arguments)
    if any(not word.startswith("-") for word in rest[:1]):
        parser.error(f"unrecognized argument: {rest[0]}")
    args = RouterArgs.from_cli_args(namespace)
    args.native_arguments = rest
    return args


def launch_router(args: Union[argparse.Namespace, RouterArgs]) -> NoReturn:
    """Replaces this process by the router, so that signals, exit status and process tree are those of a native program.

    Raises UnsupportedFeature, a ValueError, when something is asked for that this router does not have.
    """
    router_args = args if isinstance(args, RouterArgs) else RouterArgs.from_cli_args(args)
    command = router_args.command()
    program = find_program()
    sys.stdout.flush()
    os.execv(program, [program, "launch", *command])


def main(arguments: Optional[List[str]] = None) -> NoReturn:
    try:
        launch_router(parse_router_args(arguments))
    except (UnsupportedFeature, FileNotFoundError) as error:
        print(f"launch_router: {error}", file=sys.stderr)
        sys.exit(64)


if __name__ == "__main__":
    main()
