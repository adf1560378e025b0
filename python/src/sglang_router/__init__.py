"""The names of SGLang's router, served by Signalbox."""

from signalbox import PolicyType, Router, RouterArgs, __version__

__all__ = ["PolicyType", "Router", "RouterArgs", "__version__"]
