"""The Python face of Signalbox: where its programs are, and how a router is run."""

from signalbox.flags import UnsupportedFeature
from signalbox.programs import find_program
from signalbox.router import PolicyType, Router
from signalbox.router_args import RouterArgs

__all__ = ["PolicyType", "Router", "RouterArgs", "UnsupportedFeature", "find_program"]
