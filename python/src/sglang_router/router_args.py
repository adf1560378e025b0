"""Where the original has RouterArgs."""

from signalbox import RouterArgs

__all__ = ["RouterArgs"]
