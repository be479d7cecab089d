//! The wire between a driver's core and its printer: carries out what the core asks, as the real shell
//! does, over a network that loses, delays and lies dead as the dice fall.

use bytes::Bytes;
use domain::time::Timestamp;
use drivers::contract::{Input, Output};
use drivers::web::{Answer, Ask, Body, Call, KEPT_HEADERS, NoAnswer, Wire};
use simulators::octoprint::door::{self, Framing, RequestId, SocketId};

use crate::phases::StartCall;
use crate::world::{Event, World};

/// An attempt to open a socket is given up after so long.
const HANDSHAKE_MS: i64 = 15_000;
const NO_HANDSHAKE: &str = "the server did not answer the socket's handshake";

impl World {
    /// Tells a driver's core something and does what it wants.
    pub fn driver(&mut self, life: u32, at: usize, input: Input<Wire>) {
        if life != self.life || self.agent.is_none() {
            return;
        }
        let now = self.now;
        if !self.still_wanted(at, &input) {
            return;
        }
        let Some(agent) = &mut self.agent else { return };
        for output in agent.tasks[at].driver.handle(now, input) {
            match output {
                Output::Ask(ask) => self.carry_out(at, ask),
                Output::Report(report) => {
                    let told = self.in_order(at, 20);
                    self.at(told, Event::Told(life, at, agent::fleet::core::Input::Report(report)));
                }
                Output::WakeAt(moment) => self.at(moment, Event::Driver(life, at, Input::Wake)),
            }
        }
    }

    /// Whether the core still waits for it: what was given up is not told.
    fn still_wanted(&mut self, at: usize, input: &Input<Wire>) -> bool {
        let Some(agent) = &mut self.agent else { return false };
        let task = &mut agent.tasks[at];
        let Input::Wire(wire) = input else { return true };
        let closed = match wire {
            Wire::Answer(Answer { id, .. }) | Wire::NoAnswer { id, .. } => {
                if task.start == StartCall::Open(*id) {
                    task.start = StartCall::Answered;
                }
                return task.calls.remove(id);
            }
            Wire::Uploaded { id, .. } => return task.calls.contains(id),
            Wire::SocketClosed { .. } => true,
            Wire::SocketOpened | Wire::SocketText(_) => false,
        };
        if closed {
            task.socket = None;
        }
        true
    }

    /// Reports of one driver keep their order.
    fn in_order(&mut self, at: usize, at_most: i64) -> Timestamp {
        let delay = self.dice.between(0, at_most);
        let now = self.now;
        let Some(agent) = &mut self.agent else { return now };
        let until = &mut agent.tasks[at].told_until;
        *until = (*until).max(now.plus_millis(delay));
        *until
    }

    fn latency(&mut self, at: usize) -> i64 {
        let most = self.machines[at].net.slow_ms;
        self.dice.between(1, most)
    }

    fn carry_out(&mut self, at: usize, ask: Ask) {
        let life = self.life;
        match ask {
            Ask::Call(call) => self.call(at, call),
            Ask::Abandon(id) => {
                if let Some(agent) = &mut self.agent {
                    agent.tasks[at].calls.remove(&id);
                }
            }
            Ask::OpenSocket { .. } => {
                self.close_socket(at);
                self.sockets += 1;
                let socket = self.sockets;
                if let Some(agent) = &mut self.agent {
                    agent.tasks[at].socket = Some(socket);
                    agent.tasks[at].socket_is_open = false;
                }
                let why = NO_HANDSHAKE.to_owned();
                self.later(HANDSHAKE_MS, Event::FromSocket(life, at, socket, Wire::SocketClosed { why }));
                if self.machines[at].net.there_cut || self.machines[at].net.back_cut {
                    return;
                }
                let delay = self.latency(at);
                let input = door::Input::SocketOpened { socket: SocketId(socket), door: Framing::Raw };
                self.later(delay, Event::Server(at, life, socket, input));
            }
            Ask::SocketSend(text) => {
                let Some(socket) = self.agent.as_ref().and_then(|agent| agent.tasks[at].socket) else { return };
                if !self.machines[at].net.there_cut {
                    let input = door::Input::SocketText { socket: SocketId(socket), text: text.expose().clone() };
                    let arrives = self.socket_order(at);
                    self.at(arrives, Event::Server(at, life, socket, input));
                }
            }
            Ask::CloseSocket => self.close_socket(at),
        }
    }

    fn close_socket(&mut self, at: usize) {
        let Some(agent) = &mut self.agent else { return };
        if let Some(socket) = agent.tasks[at].socket.take() {
            let delay = self.latency(at);
            let input = door::Input::SocketClosed { socket: SocketId(socket) };
            self.later(delay, Event::Server(at, self.life, socket, input));
        }
    }

    /// What goes through a socket keeps its order, in both directions alike.
    fn socket_order(&mut self, at: usize) -> Timestamp {
        let delay = self.latency(at);
        let arrives = self.machines[at].texts_until.max(self.now.plus_millis(delay));
        self.machines[at].texts_until = arrives;
        arrives
    }

    fn call(&mut self, at: usize, call: Call) {
        let (life, id) = (self.life, call.id);
        let is_start = self.brand.is_start(&call);
        if let Some(agent) = &mut self.agent {
            let task = &mut agent.tasks[at];
            task.calls.insert(id);
            if is_start {
                task.start = StartCall::Open(id);
            }
        }
        if is_start {
            self.note(format!("printer {at}: start call {id} leaves: {}", call.path));
        }
        let deadline = i64::try_from(call.deadline_ms).unwrap();
        self.later(deadline, Event::Deadline(life, at, id));
        if self.machines[at].net.there_cut {
            if self.machines[at].net.refuses {
                let why = NoAnswer::Unreachable("connection refused".to_owned());
                self.later(5, Event::Driver(life, at, Input::Wire(Wire::NoAnswer { id, why })));
            }
            return;
        }
        let request = self.request(call);
        self.sockets += 1;
        let number = RequestId(self.sockets);
        let delay = self.latency(at);
        self.later(delay, Event::Server(at, life, id, door::Input::Request { id: number, request }));
    }

    fn request(&self, call: Call) -> http::Request<Bytes> {
        let mut request = http::Request::builder().method(call.method).uri(call.path).header("host", "printer.local");
        for (name, value) in &call.headers {
            request = request.header(*name, value.expose());
        }
        let (kind, body) = match call.body {
            Body::Empty => return request.body(Bytes::new()).unwrap(),
            Body::Json(value) => ("application/json", value.to_string()),
            Body::Content(content) => {
                let text = self.contents[&content.sha256].clone();
                let request = request.header("content-length", text.len());
                return request.body(Bytes::from(text)).unwrap();
            }
            Body::Multipart { fields, file } => {
                let mut body = String::new();
                for (name, value) in fields {
                    body += &format!("--edge\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
                }
                if let Some(part) = file {
                    let text = &self.contents[&part.content.sha256];
                    let (field, name) = (part.field, part.name);
                    body += &format!(
                        "--edge\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\r\n{text}\r\n"
                    );
                }
                ("multipart/form-data; boundary=edge", body + "--edge--\r\n")
            }
        };
        request.header("content-type", kind).body(Bytes::from(body)).unwrap()
    }

    /// A call took too long.
    pub fn deadline(&mut self, life: u32, at: usize, id: u64) {
        self.driver(life, at, Input::Wire(Wire::NoAnswer { id, why: NoAnswer::Silent }));
    }

    /// Something of a socket comes to the agent.
    pub fn socket_told(&mut self, life: u32, at: usize, socket: u64, wire: Wire) {
        let Some(agent) = self.agent.as_mut().filter(|_| life == self.life) else { return };
        let task = &mut agent.tasks[at];
        let too_late = task.socket_is_open && matches!(&wire, Wire::SocketClosed { why } if why == NO_HANDSHAKE);
        if task.socket != Some(socket) || too_late {
            return;
        }
        task.socket_is_open |= wire == Wire::SocketOpened;
        self.driver(life, at, Input::Wire(wire));
    }

    /// Something comes to a printer.
    pub fn reaches_server(&mut self, at: usize, life: u32, call: u64, input: door::Input) {
        // What was on its way when the line or the agent went may have come through or not.
        if (self.machines[at].net.there_cut || life != self.life) && self.dice.one_in(2) {
            return;
        }
        match &input {
            door::Input::Request { id, request } => {
                self.machines[at].requests.insert(*id, (life, call));
                self.judge_request(at, request);
            }
            door::Input::SocketOpened { socket, .. } => {
                self.machines[at].sockets.insert(*socket, life);
                let arrives = self.socket_order(at);
                self.at(arrives, Event::FromSocket(life, at, call, Wire::SocketOpened));
            }
            door::Input::SocketText { .. }
            | door::Input::SocketClosed { .. }
            | door::Input::Person(_)
            | door::Input::Faults(_)
            | door::Input::PowerCut { .. }
            | door::Input::Wake => {}
        }
        self.feed(at, input);
    }

    /// Tells a simulator something; carries away what it says, and looks at the rules.
    pub fn feed(&mut self, at: usize, input: door::Input) {
        let before = self.machines[at].prints.len();
        let was = self.machines[at].running().map(|print| print.path.clone());
        let outputs = self.machines[at].feed(self.now, input);
        if let Some(print) = self.machines[at].prints.get(before) {
            let text =
                format!("printer {at}: PRINT BEGINS {} by {}", print.path, if print.by_person { "a person" } else { "us" });
            self.note(text);
        }
        if let Some(path) = was
            && self.machines[at].running().is_none_or(|print| print.path != path)
        {
            let truth = self.machines[at].prints.iter().rfind(|print| print.path == path).map(|print| print.truth);
            self.note(format!("printer {at}: PRINT ENDS {path}: {truth:?}"));
        }
        for output in outputs {
            self.comes_out(at, output);
        }
        let next = self.machines[at].sim.next_wake().map(|moment| moment.max(self.now.plus_millis(1)));
        if next != self.machines[at].wake_at {
            self.machines[at].wake_at = next;
            if let Some(moment) = next {
                self.at(moment, Event::MachineWake(at, moment));
            }
        }
        self.judge_machine(at);
    }

    fn comes_out(&mut self, at: usize, output: door::Output) {
        let lost = self.machines[at].net.back_cut || (!self.is_calm && self.dice.one_in(400));
        let life = self.life;
        match output {
            door::Output::Response { request, response } => {
                let Some((life, id)) = self.machines[at].requests.remove(&request) else { return };
                if lost && self.machines[at].net.back_cut {
                    return;
                }
                let delay = self.latency(at);
                let wire = if lost {
                    Wire::NoAnswer { id, why: NoAnswer::Cut("connection reset".to_owned()) }
                } else {
                    Wire::Answer(answer(id, response))
                };
                self.later(delay, Event::Driver(life, at, Input::Wire(wire)));
            }
            door::Output::Cut { request } => {
                let Some((life, id)) = self.machines[at].requests.remove(&request) else { return };
                if !self.machines[at].net.back_cut {
                    let why = NoAnswer::Cut("connection reset".to_owned());
                    let delay = self.latency(at);
                    self.later(delay, Event::Driver(life, at, Input::Wire(Wire::NoAnswer { id, why })));
                }
            }
            door::Output::Text { socket, text } => {
                if self.machines[at].sockets.get(&socket) == Some(&life) && !self.machines[at].net.back_cut {
                    let arrives = self.socket_order(at);
                    self.at(arrives, Event::FromSocket(life, at, socket.0, Wire::SocketText(text)));
                }
            }
            door::Output::Close { socket } => {
                if self.machines[at].sockets.remove(&socket) == Some(life) && !self.machines[at].net.back_cut {
                    let arrives = self.socket_order(at);
                    let wire = Wire::SocketClosed { why: "closed by the server".to_owned() };
                    self.at(arrives, Event::FromSocket(life, at, socket.0, wire));
                }
            }
        }
    }
}

fn answer(id: u64, response: http::Response<Bytes>) -> Answer {
    let kept = |name: &&'static str| Some((*name, response.headers().get(*name)?.to_str().ok()?.to_owned()));
    let headers = KEPT_HEADERS.iter().filter_map(kept).collect();
    Answer { id, status: response.status().as_u16(), headers, body: response.into_body() }
}
