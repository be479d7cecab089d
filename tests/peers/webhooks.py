"""A receiver of webhooks by somebody who has the standard's own package and knows nothing of Gantry but its API.

Says on its first line where it listens, and reads one line: {"secret", "api", "key"}. Then it verifies what comes, asks the API
for the thing that it is about before it answers, and says on a line of its own what it was told and what it was shown.
"""

import http.server
import json
import sys
import urllib.request

from standardwebhooks.webhooks import Webhook, WebhookVerificationError


def shown(api: str, key: str, subject: dict) -> dict:
    request = urllib.request.Request(f"{api}/v1/{subject['kind']}s/{subject['id']}", headers={"authorization": f"Bearer {key}"})
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
        return json.load(answer)


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        try:
            told = Webhook(given["secret"]).verify(body, dict(self.headers))
        except WebhookVerificationError as error:
            self.say({"refused": str(error)}, 401)
            return
        self.say({"told": told, "shown": shown(given["api"], given["key"], told["subject"])}, 204)

    def say(self, line: dict, status: int) -> None:
        print(json.dumps(line), flush=True)
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
print(json.dumps({"url": f"http://127.0.0.1:{server.server_port}/"}), flush=True)
given = json.loads(sys.stdin.readline())
server.serve_forever()
