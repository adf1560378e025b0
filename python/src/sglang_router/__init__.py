"""The names of SGLang's router, served by Signalbox."""

from signalbox import PolicyType, Router, RouterArgs

__all__ = ["PolicyType", "Router", "RouterArgs"]
