"""Plays a fixed story to a real OctoPrint with its virtual printer and writes down what it answers.

    python record_octoprint.py http://127.0.0.1:5000 <api key> > fixtures/octoprint-1.11.8.jsonl

Each line is one step with the answer and the push events that came before the next step. The
simulator is held to that file by the test `the_recorded_story_is_told_alike`. What differs from run
to run (times, temperatures) is masked. Needs requests and websocket-client.
"""

import json
import sys
import threading
import time

import requests
import websocket

NUMBERS = {
    "date", "time", "printTime", "lastPrintTime", "averagePrintTime", "filepos", "fileposition", "progress",
    "_default", "completion", "printTimeLeft", "x", "y", "z", "e", "t", "f", "actual", "target",
}
ANYTHING = {"estimatedPrintTime", "filament", "printTimeLeftOrigin", "logs", "position"}
DROPPED = {"gcodeAnalysis", "faq"}
NOISE = {
    "MetadataAnalysisStarted", "MetadataAnalysisFinished", "Dwelling", "Home", "PositionUpdate", "FirmwareData",
    "ConnectionsAutorefreshed", "ClientOpened", "ClientClosed", "ClientAuthed", "UserLoggedIn", "EStop",
}
GCODE = ";TIME:6\nG28\n" + "G4 P100\nG1 X10 Y10 E1 F3000\n" * 60


def mask(value, base):
    if isinstance(value, dict):
        return {key: masked(key, inner, base) for key, inner in value.items() if key not in DROPPED}
    if isinstance(value, list):
        return [mask(inner, base) for inner in value]
    if isinstance(value, str):
        return value.replace(base, "http://octoprint.local")
    return value


def masked(key, value, base):
    if key in ANYTHING:
        return "*"
    if key in NUMBERS and isinstance(value, (int, float)) and not isinstance(value, bool):
        return 100 if value == 100 else "#"
    return mask(value, base)


class Recorder:
    def __init__(self, base, key):
        self.base = base
        self.events = []
        self.session = requests.Session()
        self.session.trust_env = False
        self.session.headers["X-Api-Key"] = key
        login = self.session.post(base + "/api/login", json={"passive": True}).json()
        self.socket = websocket.create_connection(base.replace("http", "ws") + "/sockjs/websocket")
        self.socket.send(json.dumps({"auth": login["name"] + ":" + login["session"]}))
        threading.Thread(target=self.listen, daemon=True).start()
        time.sleep(0.5)

    def listen(self):
        while True:
            event = json.loads(self.socket.recv()).get("event")
            if event and event["type"] not in NOISE:
                self.events.append(mask(event, self.base))

    def note(self, **step):
        time.sleep(0.4)
        events, self.events = self.events, []
        print(json.dumps({**step, "events": events}), flush=True)

    def call(self, method, path, body=None):
        answer = self.session.request(method, self.base + path, json=body)
        self.answered(answer, do="call", method=method, path=path, json=body)

    def upload(self, name, content, **form):
        answer = self.session.post(self.base + "/api/files/local", files={"file": (name, content)}, data=form)
        self.answered(answer, do="upload", name=name, content=content, form=form)

    def answered(self, answer, **step):
        try:
            told = mask(answer.json(), self.base)
        except ValueError:
            told = answer.text
        location = answer.headers.get("Location", "").replace(self.base, "http://octoprint.local")
        self.note(**step, status=answer.status_code, location=location, answer=told)

    def wait(self, state):
        for _ in range(600):
            if self.session.get(self.base + "/api/connection").json()["current"]["state"] == state:
                return self.note(do="wait", state=state)
            time.sleep(0.05)
        sys.exit("never " + state)

    def firmware_error(self, error):
        command = "!!DEBUG:send Error:" + error
        self.session.post(self.base + "/api/printer/command", json={"commands": [command]})
        self.note(do="firmware_error", error=error)


def story(at):
    files = "/api/files/local"
    at.upload("story.gcode", GCODE)
    at.upload("story.gcode", GCODE, path="a/b", userdata='{"k": 1}')
    at.upload("sh ort&?.gcode", "G28\n", select="true")
    at.upload("bad.txt", "no")
    at.upload("x.gcode", "G28\n", path="../..")
    at.upload("x.gcode", "G28\n", userdata="{")
    for path in ("story.gcode", "a/b/story.gcode", "a/b/../story.gcode", "none.gcode"):
        at.call("GET", files + "/" + path)
    for destination in ("t1.gcode", "t1.gcode", "a", "nowhere/t.gcode", "t.txt"):
        at.call("POST", files + "/story.gcode", {"command": "copy", "destination": destination})
    at.call("POST", files + "/story.gcode", {"command": "copy"})
    at.call("POST", files + "/none.gcode", {"command": "copy", "destination": "z.gcode"})
    at.call("POST", files + "/a/story.gcode", {"command": "move", "destination": "moved.gcode"})
    at.call("POST", files + "/none.gcode", {"command": "select"})
    at.call("POST", files + "/a", {"command": "select"})
    at.call("POST", files + "/t1.gcode", {"command": "bogus"})
    at.call("POST", "/api/job", {"command": "bogus"})
    for command in ("cancel", "pause", "restart"):
        at.call("POST", "/api/job", {"command": command})

    at.call("POST", files + "/t1.gcode", {"command": "select", "print": True})
    at.call("GET", "/api/job")
    at.call("GET", "/api/printer?exclude=temperature")
    at.call("POST", files + "/t1.gcode", {"command": "select", "print": True})
    at.call("POST", files + "/story.gcode", {"command": "select"})
    at.call("POST", "/api/job", {"command": "start"})
    at.call("POST", "/api/job", {"command": "restart"})
    at.call("DELETE", files + "/t1.gcode")
    at.call("POST", files + "/t1.gcode", {"command": "move", "destination": "q.gcode"})
    at.upload("t1.gcode", GCODE)
    at.upload("other.gcode", "G28\n", print="true", select="true")
    at.wait("Operational")
    at.call("GET", "/api/job")
    at.call("GET", files + "/t1.gcode")

    at.call("POST", files + "/t1.gcode", {"command": "copy", "destination": "t2.gcode"})
    at.call("GET", files + "/t2.gcode")
    at.call("POST", "/api/job", {"command": "start"})
    at.call("POST", "/api/job", {"command": "pause", "action": "resume"})
    at.call("POST", "/api/job", {"command": "pause", "action": "pause"})
    at.wait("Paused")
    at.call("GET", "/api/job")
    at.call("GET", "/api/printer?exclude=temperature,sd")
    at.call("POST", "/api/job", {"command": "pause", "action": "pause"})
    at.call("POST", "/api/job", {"command": "pause", "action": "bogus"})
    at.call("POST", "/api/job", {"command": "start"})
    at.call("POST", "/api/job", {"command": "pause", "action": "resume"})
    at.wait("Printing")
    at.call("POST", "/api/job", {"command": "cancel"})
    at.wait("Operational")
    at.call("GET", "/api/job")
    at.call("GET", files + "/t1.gcode")

    at.call("POST", "/api/job", {"command": "start"})
    at.call("POST", "/api/job", {"command": "pause"})
    at.wait("Paused")
    at.call("POST", "/api/job", {"command": "restart"})
    at.call("POST", "/api/job", {"command": "pause"})
    at.wait("Paused")
    at.call("POST", "/api/job", {"command": "cancel"})
    at.wait("Operational")
    at.call("DELETE", files + "/t1.gcode")
    at.call("DELETE", files + "/t1.gcode")
    at.call("GET", "/api/job")
    at.call("POST", "/api/job", {"command": "start"})

    at.upload("wp.gcode", GCODE, print="true")
    at.call("POST", "/api/connection", {"command": "connect"})
    at.call("POST", "/api/connection", {"command": "disconnect"})
    at.call("GET", "/api/printer")
    at.call("GET", "/api/job")
    at.call("POST", "/api/job", {"command": "start"})
    at.call("GET", files + "/wp.gcode")
    at.call("POST", files + "/wp.gcode", {"command": "select", "print": True})
    at.upload("wp2.gcode", "G28\n", print="true")
    at.call("POST", "/api/connection", {"command": "disconnect"})
    at.call("POST", "/api/connection", {"command": "connect", "port": "/dev/none"})
    at.call("POST", "/api/connection", {"command": "connect"})
    at.wait("Operational")
    at.call("POST", files + "/wp.gcode", {"command": "select", "print": True})
    at.firmware_error("Thermal Runaway, system stopped! Heater_ID: 0")
    at.call("GET", "/api/job")
    at.call("GET", files + "/wp.gcode")
    at.call("POST", "/api/connection", {"command": "connect"})
    at.wait("Operational")
    at.call("POST", files + "/wp.gcode", {"command": "unselect"})
    at.call("POST", files + "/wp.gcode", {"command": "select"})
    at.call("POST", files + "/wp2.gcode", {"command": "unselect"})
    at.call("POST", files + "/wp.gcode", {"command": "unselect"})
    at.call("DELETE", files + "/a")


if __name__ == "__main__":
    story(Recorder(sys.argv[1], sys.argv[2]))
