"""Where the original has Router."""

from signalbox import PolicyType, Router

__all__ = ["PolicyType", "Router"]
