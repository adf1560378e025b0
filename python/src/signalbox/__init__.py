"""The Python face of Signalbox: where its programs are, and how a router is run."""

from importlib.metadata import PackageNotFoundError, version

from signalbox.flags import UnsupportedFeature
from signalbox.programs import find_program
from signalbox.router import PolicyType, Router
from signalbox.router_args import RouterArgs

try:
    __version__ = version("signalbox-router")
except PackageNotFoundError:  # A checkout that is not installed.
    __version__ = "unknown"

__all__ = ["PolicyType", "Router", "RouterArgs", "UnsupportedFeature", "__version__", "find_program"]
