#!/usr/bin/env python3
"""Starts a real Moonraker with a real Klipper (Kalico) on a stand-in board and owns them: a test reads one JSON line {"pid", "url",
"key"} once Klipper is ready, and ends them by closing our standard input (or by SIGTERM). Nothing of them outlives us or leaves
the machine.

    moonraker.py --moonraker BINARY --kalico BINARY --folder SCRATCH [--port N]

Needs Python's own library only, and gcc: Kalico compiles its helper at its first start.
"""

import argparse
import http.client
import json
import sys
import time
import urllib.request
from pathlib import Path

from owning import NotStarted, end_when_asked, free_port, start, stop, tail_of, wait_for, wait_for_the_end

START_WITHIN_SECONDS = 240

# Every part that would call out is off.
MOONRAKER = """
[server]
host: 127.0.0.1
port: {port}
klippy_uds_address: {data}/comms/klippy.sock
[machine]
provider: none
validate_service: False
[authorization]
trusted_clients:
  127.0.0.0/8
[file_manager]
[history]
[announcements]
enable_moonlight: False
"""

AXIS = """
[stepper_{name}]
step_pin: gpio{step}
dir_pin: gpio{dir}
enable_pin: !gpio{enable}
microsteps: 16
rotation_distance: {distance}
endstop_pin: ^!gpio{endstop}
position_endstop: 0
position_min: 0
position_max: 220
homing_speed: {speed}
homing_retract_dist: 0
"""

PRINTER = """
[mcu]
serial: {folder}/board
restart_method: command
[printer]
kinematics: cartesian
max_velocity: 300
max_accel: 3000
max_z_velocity: 20
max_z_accel: 100
[adc_temperature linear]
temperature1: 0
voltage1: 0
temperature2: 500
voltage2: 5
[extruder]
step_pin: gpio29
dir_pin: gpio30
enable_pin: !gpio31
microsteps: 16
rotation_distance: 33.5
nozzle_diameter: 0.4
filament_diameter: 1.75
heater_pin: gpio10
sensor_type: linear
sensor_pin: analog0
control: watermark
min_temp: 0
max_temp: 300
[heater_bed]
heater_pin: gpio11
sensor_type: linear
sensor_pin: analog1
control: watermark
min_temp: 0
max_temp: 120
[verify_heater extruder]
max_error: 100000
check_gain_time: 1000
[verify_heater heater_bed]
max_error: 100000
check_gain_time: 1000
[virtual_sdcard]
path: {data}/gcodes
[pause_resume]
[display_status]
[exclude_object]
[gcode_macro CANCEL_PRINT]
rename_existing: BASE_CANCEL_PRINT
gcode:
  TURN_OFF_HEATERS
  BASE_CANCEL_PRINT
"""


def main():
    asked = arguments()
    folder = Path(asked.folder).resolve()
    port = asked.port or free_port()
    end_when_asked()

    log = folder / "output.log"
    running = []
    try:
        data = prepare(folder, port)
        board = Path(__file__).with_name("klipper_mcu.py")
        with log.open("ab") as output:
            running.append(start([sys.executable, board, folder / "board"], output))
            wait_for(lambda: (folder / "board").exists(), "the board", running, START_WITHIN_SECONDS)
            klipper = [asked.kalico, data / "config/printer.cfg", "-I", folder / "printer", "-a", data / "comms/klippy.sock"]
            running.append(start([*klipper, "-l", folder / "klippy.log"], output))
            running.append(start([asked.moonraker, "-d", data], output))
        url = f"http://127.0.0.1:{port}"
        wait_for(lambda: is_ready(url), "Klipper", running, START_WITHIN_SECONDS)
        time.sleep(1)  # A job that begins in the second of readiness is missing in the history.
        key = ask(url, "/access/api_key")
        print(json.dumps({"pid": running[-1].pid, "url": url, "key": key}), flush=True)
        wait_for_the_end(running)
    except NotStarted as why:
        sys.exit(f"moonraker.py: {why}\n{tail_of(log)}")
    finally:
        for process in reversed(running):
            stop(process)


def arguments():
    parser = argparse.ArgumentParser(description="Own a real Moonraker with Klipper for the time of a test.")
    parser.add_argument("--moonraker", required=True, help="the moonraker command of a virtual environment")
    parser.add_argument("--kalico", required=True, help="the kalico command of a virtual environment")
    parser.add_argument("--folder", required=True, help="a scratch folder; kept, so that a second start finds the first one's files")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    return parser.parse_args()


def prepare(folder, port):
    """All folders first: without them Klipper hangs. The empty list of USB devices keeps Moonraker from fetching one."""
    data = folder / "data"
    for name in ("config", "comms", "gcodes", "logs", "misc"):
        (data / name).mkdir(parents=True, exist_ok=True)
    (data / "misc/usb.ids").touch()
    axes = [("x", 20, 40, 40, 50), ("y", 23, 41, 40, 50), ("z", 26, 42, 8, 5)]
    steppers = [
        AXIS.format(name=name, step=pin, dir=pin + 1, enable=pin + 2, endstop=endstop, distance=distance, speed=speed)
        for name, pin, endstop, distance, speed in axes
    ]
    (data / "config/printer.cfg").write_text(PRINTER.format(folder=folder, data=data) + "".join(steppers))
    (data / "config/moonraker.conf").write_text(MOONRAKER.format(port=port, data=data))
    return data


def is_ready(url):
    """On a busy machine the first greeting with the board may fail; Klipper then waits for a person."""
    state = ask(url, "/server/info").get("klippy_state")
    if state in ("error", "shutdown"):
        ask(url, "/printer/firmware_restart", b"")
        time.sleep(5)
    return state == "ready"


def ask(url, path, body=None):
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url + path, data=body, timeout=5) as answer:
            return json.load(answer)["result"]
    except (OSError, http.client.HTTPException, ValueError, KeyError):
        return {}


if __name__ == "__main__":
    main()
