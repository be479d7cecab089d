"""Drives a Bambu Lab printer with the third-party client bambu-printer-manager and prints what it saw, one line a step.

    python judge_bambu_printer_manager.py 127.0.0.2 <serial> <access code>

The client has the printers' port of FTPS built in, and looks at no certificate. Slots 0 and 1 of the AMS must be filled, the printer
idle since its start. Exits with 1 when a step does not happen.
"""

import hashlib
import json
import logging
import os
import sys
import tempfile
import time
import traceback
import warnings
import zipfile
from pathlib import Path

from bpm.bambuconfig import BambuConfig
from bpm.bambuprinter import BambuPrinter
from bpm.bambutools import PlateType, ServiceState

FILE = "/jobs/judge.gcode.3mf"
GCODE = "; total layer number: 12\n; total estimated time: 8s\nM140 S55\nM104 S220\nG28\nG1 X1 E1\n"


def say(step, *seen):
    print(step + ":", *seen, flush=True)


def sliced(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Metadata/plate_1.gcode", GCODE)
        archive.writestr("Metadata/plate_1.gcode.md5", hashlib.md5(GCODE.encode()).hexdigest().upper())
        filaments = '<filament id="1" type="PLA" color="#FF6A13" used_m="1" used_g="3"/>'
        plate = f'<plate><metadata key="index" value="1"/>{filaments}</plate>'
        archive.writestr("Metadata/slice_info.config", f'<?xml version="1.0"?><config>{plate}</config>')
        for picture in ("plate_1.png", "top_1.png"):
            archive.writestr("Metadata/" + picture, b"a picture")
        archive.writestr("Metadata/plate_1.json", json.dumps({"filament_ids": [0], "filament_colors": ["#FF6A13"], "bbox_objects": []}))


def until(what, holds, seconds=30):
    end = time.time() + seconds
    while time.time() < end:
        if holds():
            return
        time.sleep(0.05)
    print("never:", what, flush=True)
    os._exit(1)


class Judge:
    def __init__(self, host, serial, code, folder):
        self.folder = folder
        cache = folder / "cache"
        self.printer = BambuPrinter(config=BambuConfig(hostname=host, access_code=code, serial_number=serial, bpm_cache_path=cache))

    @property
    def state(self):
        return self.printer.printer_state

    @property
    def job(self):
        return self.printer.active_job_info

    def until(self, state):
        until(f"{state}, still {self.state.gcode_state}", lambda: self.state.gcode_state == state)

    def start(self):
        self.printer.print_3mf_file(FILE, 1, PlateType.AUTO, True, "[1]")

    def connect(self):
        printer = self.printer
        printer.start_session()
        until("connected", lambda: printer.service_state == ServiceState.CONNECTED)
        until("refreshed", lambda: printer.refresh() or time.sleep(0.3) or printer.config.firmware_version)
        self.until("IDLE")
        say("connected", self.state.gcode_state, printer.config.printer_model.name, printer.config.firmware_version)
        say("spools", [(spool.id, spool.type, spool.tray_info_idx) for spool in self.state.spools if spool.type])
        units = [(unit.ams_id, unit.humidity_index) for unit in self.state.ams_units]
        say("house", units, self.state.ams_connected_count, printer.light_state, printer.nozzle_diameter.name)

    def files(self):
        printer = self.printer
        source = self.folder / "judge.gcode.3mf"
        sliced(source)
        printer.make_sdcard_directory("/jobs")
        printer.upload_sdcard_file(str(source), FILE)
        folders = {folder["id"]: [file["id"] for file in folder["children"]] for folder in printer.get_sdcard_3mf_files()["children"]}
        say("uploaded", printer.sdcard_file_exists(FILE), folders)

    def prints(self):
        printer = self.printer
        self.start()
        self.until("RUNNING")
        until("filament flows", lambda: self.job.stage_id == 0)
        say("running", self.job.subtask_name, self.job.gcode_file, self.job.print_type, self.job.plate_num)
        say("known", self.job.project_info.id, [filament["type"] for filament in self.job.project_info.metadata["filament"]])
        say("fed from", self.state.active_ams_id, self.state.active_tray_id, self.state.active_tray_state.name)
        say("heat", self.state.active_nozzle_temp_target, self.state.climate.bed_temp_target)
        until("percents", lambda: 0 < self.job.print_percentage < 90)
        say("progress", 0 < self.job.current_layer <= 12, self.job.total_layers, self.job.remaining_minutes)
        printer.pause_printing()
        self.until("PAUSE")
        say("paused", self.job.stage_name)
        printer.resume_printing()
        self.until("RUNNING")
        printer.speed_level = 3
        printer.light_state = False
        until("faster and dark", lambda: printer.speed_level == 3 and not printer.light_state)
        say("resumed", printer.speed_level, printer.light_state)
        printer.stop_printing()
        self.until("FAILED")
        say("cancelled", f"{self.state.print_error:08X}", [error["msg"] for error in self.state.hms_errors])
        until("no error", lambda: self.state.print_error == 0)
        self.start()
        self.until("RUNNING")
        self.until("FINISH")
        say("finished", self.job.print_percentage, self.job.current_layer, self.job.remaining_minutes, self.state.print_error)

    def end(self):
        self.printer.delete_sdcard_file(FILE)
        say("deleted", self.printer.sdcard_file_exists(FILE))
        say("at last", self.printer.service_state.name)
        self.printer.quit()


def main(host, serial, code):
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory() as folder:
        judge = Judge(host, serial, code, Path(folder))
        judge.connect()
        judge.files()
        judge.prints()
        judge.end()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    try:
        main(*sys.argv[1:])
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    # The client's threads wait for seconds.
    os._exit(0)
