"""`python -m signalbox ...` is `signalbox ...`."""

import os
import sys

from signalbox.programs import find_program

program = find_program()
os.execv(program, [program, *sys.argv[1:]])
