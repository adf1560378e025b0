"""The original's native module by name: what programs import from it, served by Signalbox."""

from signalbox import PolicyType, Router

__all__ = ["PolicyType", "Router"]
