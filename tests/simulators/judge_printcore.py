"""Drives a board on a serial line with the third-party host printcore and prints what it saw, one line a step.

    python judge_printcore.py /dev/pts/5

The output names no time, temperature or firmware, so the output for the simulator and the output for OctoPrint's virtual printer (bridged
to a pseudo-terminal) must be equal. Exits with 1 when a step does not happen.
"""

import logging
import sys
import threading
import time

from printrun.gcoder import LightGCode
from printrun.printcore import printcore

HEAD = ["G28", "G90", "M83", "M104 S60", "M109 S60"]
MOVES = [f"G1 X{at % 90} Y{at // 90} E0.0{at % 9 + 1} F3000" for at in range(120)]
FILE = HEAD + [line for move in MOVES for line in (move, "G4 P20")] + ["M104 S0", "M400"]


def say(step, *seen):
    print(step + ":", *seen, flush=True)


class Judge:
    def __init__(self, port):
        self.heard, self.errors, self.sent = [], [], []
        self.ends = threading.Event()
        self.core = printcore()
        self.core.recvcb = self.heard.append
        self.core.errorcb = self.errors.append
        self.core.printsendcb = lambda line: self.sent.append(line.raw)
        self.core.endcb = self.ends.set
        self.core.connect(port, 250000)

    def until(self, step, holds, seconds=60):
        end = time.time() + seconds
        while time.time() < end:
            if holds():
                return say(step, "yes")
            time.sleep(0.02)
        print(step, "does not happen; last heard", self.heard[-5:], "errors", self.errors[-5:])
        sys.exit(1)

    def asks(self, step, command, words):
        before = len(self.heard)
        self.core.send_now(command)
        self.until(step, lambda: any(words in line for line in self.heard[before:]))

    def starts(self):
        self.sent.clear()
        self.ends.clear()
        say("start", self.core.startprint(LightGCode(list(FILE))))


def main(port):
    logging.disable(logging.CRITICAL)
    judge = Judge(port)
    judge.until("online", lambda: judge.core.online)
    judge.asks("firmware", "M115", "FIRMWARE_NAME:")
    judge.asks("capabilities", "M115", "Cap:AUTOREPORT_TEMP:1")
    judge.asks("temperatures", "M105", "T:")
    judge.asks("reports by itself", "M155 S1", "T:")
    judge.core.send_now("M155 S0")

    judge.starts()
    judge.until("prints", lambda: len(judge.sent) > 30)
    judge.core.pause()
    stood = len(judge.sent)
    time.sleep(0.5)
    say("paused", judge.core.paused, "stands", len(judge.sent) == stood)
    judge.asks("place", "M114", "X:")
    judge.core.resume()
    judge.until("goes on", lambda: len(judge.sent) > stood + 20)
    judge.core.cancelprint()
    time.sleep(0.5)
    say("cancelled", not judge.core.printing and judge.core.mainqueue is None)

    judge.starts()
    judge.until("ends", judge.ends.is_set)
    say("lines", len(judge.sent), "all of them", judge.sent == FILE)
    judge.asks("still answers", "M105", "T:")
    say("no resend", not any("esend" in line for line in judge.heard))
    judge.core.disconnect()
    say("gone", not judge.core.online)


if __name__ == "__main__":
    main(*sys.argv[1:])
