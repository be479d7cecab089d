"""Prints a file with printrun's printcore. Prints seconds and processor seconds.

    python printcore.py PORT FILE
"""

import logging
import sys
import threading
import time

from printrun.gcoder import LightGCode
from printrun.printcore import printcore

logging.disable(logging.CRITICAL)
port, path = sys.argv[1:]
with open(path, encoding="ascii") as file:
    code = LightGCode(file.read().splitlines())
core = printcore()
core.connect(port, 250000)
while not core.online:
    time.sleep(0.05)
ended = threading.Event()
core.endcb = ended.set
began, used = time.monotonic(), time.process_time()
core.startprint(code)
ended.wait()
print(time.monotonic() - began, time.process_time() - used, flush=True)
core.disconnect()
