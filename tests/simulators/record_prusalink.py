"""Tells a real PrusaLink (with a stand-in printer) a story and prints what it saw, one JSON line a step.

    python record_prusalink.py http://127.0.0.1:8081 <api key> > fixtures/prusalink-0.8.1.jsonl

Each line is one step with its answer. The simulator is held to that file by the test `the_recorded_story_is_told_alike`. What
changes from run to run is masked. Needs Python's own library only.
"""

import http.client
import json
import sys
import time
from urllib.parse import urlsplit

GCODE = ";TIME:6\nG28\n" + "G4 P100\nG1 X10 Y10 E1 F3000\n" * 60
FILES = "/api/v1/files/local"

# Measured, counted or made up anew in each run.
MASKED = {
    "free_space", "total_space", "m_timestamp", "time_remaining", "time_printing", "progress", "hostname", "port", "serial",
    "temp_nozzle", "temp_bed", "axis_x", "axis_y", "axis_z", "target_nozzle", "target_bed", "meta", "print_files", "system_files",
    "status_connect", "camera", "inaccurate_estimates", "fan_hotend", "fan_print", "flow", "speed", "size",
}


def mask(value):
    if isinstance(value, dict):
        return {name: "*" if name in MASKED else mask(inner) for name, inner in value.items()}
    return [mask(inner) for inner in value] if isinstance(value, list) else value


def without_place(text, place):
    return text.replace(place, "prusalink.local")


class Recorder:
    def __init__(self, url, key):
        self.place = urlsplit(url).netloc
        self.key = key

    def ask(self, method, path, body=None, **headers):
        connection = http.client.HTTPConnection(self.place, timeout=30)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, {"X-Api-Key": self.key, **headers})
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer.status, body

    def call(self, method, path, body=None, **headers):
        status, text = self.ask(method, path, body, **headers)
        try:
            told = mask(json.loads(text))
        except ValueError:
            told = without_place(text, self.place) if len(text) < 200 else "a page"
        step = {"do": "call", "method": method, "path": path, "headers": headers, "body": body, "status": status, "answer": told}
        print(json.dumps(step), flush=True)

    def put(self, name, body=GCODE, **headers):
        headers = {"Content_Type": "text/x.gcode", **headers}
        self.call("PUT", f"{FILES}/{name}", body, **headers)

    def wait(self, *states, path="/api/v1/status"):
        for _ in range(1200):
            state = json.loads(self.ask("GET", path)[1])["printer"]["state"]
            if state in states:
                print(json.dumps({"do": "wait", "state": state}), flush=True)
                return
            time.sleep(0.05)
        sys.exit(f"never {states}, but {state}")

    def appears(self, name):
        """The server sees a new file a moment later."""
        for _ in range(100):
            if self.ask("GET", f"{FILES}/{name}")[0] == 200:
                return
            time.sleep(0.1)
        sys.exit(f"{name} never appears")

    def job(self):
        return json.loads(self.ask("GET", "/api/v1/job")[1])["id"]


def story(at):
    at.wait("IDLE")
    at.call("GET", "/api/version")
    at.call("GET", "/api/v1/storage")
    at.call("GET", "/api/v1/status")
    at.call("GET", "/api/v1/job")
    at.call("GET", "/api/v1/transfer")
    at.call("GET", f"{FILES}/gantry")
    at.call("GET", f"{FILES}/gantry/a.gcode")
    at.put("gantry/a.gcode")
    at.appears("gantry/a.gcode")
    at.call("GET", f"{FILES}/gantry/a.gcode")
    at.call("GET", f"{FILES}/gantry")
    at.put("gantry/a.gcode")
    at.put("gantry/a.gcode", Overwrite="?1")
    at.put("gantry/b.gcode", Content_Type="text/plain")
    at.put("gantry/empty.gcode", body="")
    at.call("PUT", "/api/v1/files/sdcard/a.gcode", GCODE, Content_Type="text/x.gcode")
    at.call("PUT", "/api/v1/files/usb/a.gcode", GCODE, Content_Type="text/x.gcode")
    at.call("DELETE", f"{FILES}/gantry/none.gcode")
    at.call("POST", f"{FILES}/gantry/none.gcode")
    at.call("DELETE", "/api/v1/job/1")
    at.put("gantry/b.gcode")
    at.appears("gantry/b.gcode")

    at.appears("gantry/a.gcode")
    at.call("POST", f"{FILES}/gantry/a.gcode")
    at.wait("PRINTING")
    at.call("GET", "/api/v1/status")
    at.call("GET", "/api/v1/job")
    job = at.job()
    at.call("POST", f"{FILES}/gantry/b.gcode")
    at.call("DELETE", f"{FILES}/gantry/a.gcode")
    at.put("gantry/c.gcode", Print_After_Upload="?1")
    at.call("GET", f"/api/v1/job/{job}")
    at.call("PUT", f"/api/v1/job/{job + 7}/pause")
    at.call("PUT", f"/api/v1/job/{job}/resume")
    at.call("PUT", f"/api/v1/job/{job}/pause")
    at.wait("PAUSED")
    at.call("GET", "/api/v1/job")
    at.call("PUT", f"/api/v1/job/{job}/pause")
    at.call("PUT", f"/api/v1/job/{job}/resume")
    at.wait("PRINTING")
    at.call("DELETE", f"/api/v1/job/{job}")
    at.wait("STOPPED")
    at.call("GET", "/api/v1/status")
    at.call("GET", "/api/v1/job")
    at.call("DELETE", f"/api/v1/job/{job}")
    at.call("POST", f"{FILES}/gantry/b.gcode")
    at.wait("IDLE")

    at.call("POST", f"{FILES}/gantry/b.gcode")
    at.wait("PRINTING")
    at.wait("FINISHED")
    at.call("GET", "/api/v1/status")
    at.call("GET", "/api/v1/job")
    at.wait("IDLE")
    for name in ("a", "b", "c"):
        at.call("DELETE", f"{FILES}/gantry/{name}.gcode")


if __name__ == "__main__":
    story(Recorder(sys.argv[1], sys.argv[2]))
