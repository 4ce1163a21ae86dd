"""Run a Python program with a `time.sleep` that libfaketime leaves alone: PROGRAM [ARGUMENT...]."""

import runpy
import select
import sys
import time

time.sleep = lambda seconds: select.select((), (), (), max(0, seconds)) and None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
