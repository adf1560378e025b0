"""`python -m signalbox ...` is `signalbox ...`."""

from signalbox.console import signalbox

signalbox()
