"""Drives a Bambu Lab printer with the third-party client bambulabs-api and prints what it saw, one line a step.

    python judge_bambulabs_api.py 127.0.0.2 <serial> <access code>

The client has the printers' ports built in, and looks at no certificate. Slots 0 and 1 of the AMS must be filled, the printer idle
since its start. Exits with 1 when a step does not happen.
"""

import hashlib
import functools
import io
import logging
import os
import sys
import time
import traceback
import zipfile

import bambulabs_api

FILE = "judge.gcode.3mf"
GCODE = "; total layer number: 12\n; total estimated time: 8s\nM140 S55\nM104 S220\nG28\nG1 X1 E1\n"


def say(step, *seen):
    print(step + ":", *seen, flush=True)


@functools.cache  # An archive names the moment when it was made.
def sliced():
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Metadata/plate_1.gcode", GCODE)
        archive.writestr("Metadata/plate_1.gcode.md5", hashlib.md5(GCODE.encode()).hexdigest().upper())
        filaments = '<filament id="2" type="PLA" color="#00AE42" used_m="1" used_g="3"/>'
        plate = f'<plate><metadata key="index" value="1"/>{filaments}</plate>'
        archive.writestr("Metadata/slice_info.config", f'<?xml version="1.0"?><config>{plate}</config>')
    return content.getvalue()


def until(what, holds, seconds=30):
    end = time.time() + seconds
    while time.time() < end:
        if holds():
            return
        time.sleep(0.05)
    print("never:", what, flush=True)
    os._exit(1)


class Judge:
    def __init__(self, host, serial, code):
        self.printer = bambulabs_api.Printer(host, code, serial)

    def until(self, state):
        until(f"{state}, still {self.printer.get_state()}", lambda: self.printer.get_state().value == state)

    def start(self, name=FILE, mapping=(-1, 1)):
        self.printer.start_print(name, 1, use_ams=True, ams_mapping=list(mapping))

    def error(self):
        return f"{self.printer.mqtt_client.print_error_code():08X}"

    def connect(self):
        printer = self.printer
        printer.connect()
        until("ready", lambda: printer.mqtt_client_ready() and printer.mqtt_client.firmware_version())
        self.until("IDLE")
        say("connected", printer.get_state(), printer.get_current_state(), printer.mqtt_client.firmware_version())
        printer.mqtt_client.process_ams()
        trays = printer.mqtt_client.ams_hub[0].filament_trays
        say("spools", {slot: (tray.tray_type, tray.tray_color, tray.tray_info_idx) for slot, tray in sorted(trays.items())})
        say("house", printer.get_light_state(), printer.nozzle_diameter(), printer.get_print_speed(), printer.wifi_signal())

    def files(self):
        printer = self.printer
        say("upload", printer.upload_file(io.BytesIO(sliced()), FILE))
        answer, lines = printer.ftp_client.list_directory()
        say("listed", answer, [line.split()[-1] for line in lines])
        again = printer.ftp_client.download_file(FILE).getvalue()
        say("downloaded", again == sliced())

    def prints(self):
        printer = self.printer
        self.start()
        self.until("PREPARE")
        self.until("RUNNING")
        until("filament flows", lambda: printer.get_current_state().name == "PRINTING")
        say("running", printer.subtask_name(), printer.gcode_file(), printer.mqtt_client.print_type())
        say("heat", printer.mqtt_client.get_nozzle_temperature_target(), printer.mqtt_client.get_bed_temperature_target())
        until("percents", lambda: 0 < printer.get_percentage() < 90)
        say("progress", 0 < printer.current_layer_num() <= 12, printer.total_layer_num(), printer.get_time())
        self.start()
        until("busy", lambda: self.error() == "05004004")
        say("second start", self.error(), printer.get_state())
        printer.pause_print()
        self.until("PAUSE")
        say("paused", printer.get_current_state())
        printer.resume_print()
        self.until("RUNNING")
        say("resumed", printer.get_current_state().name != "PAUSED_USER")
        printer.stop_print()
        self.until("FAILED")
        say("cancelled", self.error())
        until("no error", lambda: self.error() == "00000000")
        self.start()
        self.until("RUNNING")
        self.until("FINISH")
        say("finished", printer.get_percentage(), printer.current_layer_num(), printer.get_time(), self.error())

    def refusals(self):
        printer = self.printer
        for what, name, mapping in (("no file", "nothing.3mf", (-1, 1)), ("an empty slot", FILE, (-1, 3)), ("no mapping", FILE, (0,))):
            self.start(name, mapping)
            until(f"{what} refused", lambda: printer.get_state().value == "FAILED" and self.error() != "00000000")
            say(what, self.error())
            printer.mqtt_client._PrinterMQTTClient__publish_command({"print": {"command": "clean_print_error"}})
            until("no error", lambda: self.error() == "00000000")
        say("deleted", printer.delete_file(FILE))

    def pictures(self):
        until("a picture", lambda: self.printer.camera_client.last_frame is not None)
        picture = self.printer.get_camera_image()
        say("picture", picture.format, picture.size)


def main(host, serial, code):
    logging.disable(logging.CRITICAL)
    stranger = bambulabs_api.Printer(host, "wrong", serial)
    stranger.mqtt_start()
    time.sleep(1)
    say("wrong code", stranger.mqtt_client_connected())
    stranger.mqtt_stop()
    judge = Judge(host, serial, code)
    judge.connect()
    judge.files()
    judge.prints()
    judge.refusals()
    judge.pictures()


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    # The client's threads wait for seconds.
    os._exit(0)
