//! A farm, a relay and a link between them, by a seed: what is durable survives, all else may be lost.

#![expect(clippy::unwrap_used, reason = "the pieces of a test")]
#![expect(clippy::wildcard_enum_match_arm, reason = "what a simulated shell has nothing to do for")]

use std::collections::BTreeMap;

use contract::forward::{Answered, Forwarded, RowItem};
use contract::record::Document;
use domain::access::Grants;
use domain::actor::{Actor, ActorKind};
use domain::id::{FarmId, Id};
use domain::pairing::{FarmKeys, KeyRing, Passes, Standing};
use domain::time::Timestamp;
use gantry_sync::WINDOW;
use gantry_sync::farm::{FarmInput, FarmOutput, FarmSession, FarmStart};
use gantry_sync::feed::Page;
use gantry_sync::frame::*;
use gantry_sync::intake::Known;
use gantry_sync::relay::{Admission, RelayInput, RelayOutput, RelaySession, RelayStart};
use serde_json::json;

const FAULTS_END: u64 = 12_000;
const SLOWEST_GREETING: u64 = 40;
const PAGE: usize = 3;

#[derive(Debug, Default)]
pub struct Seen {
    pub cuts: u32,
    pub crashes: u32,
    pub dropped: u32,
    pub epochs: u32,
    pub repeated_requests: u32,
    pub calls_run: u32,
    pub unanswered: u32,
    pub sweeps: u32,
    pub rolled: u32,
    pub tried_again: u32,
}

impl Seen {
    pub fn add(&mut self, other: &Seen) {
        self.cuts += other.cuts;
        self.crashes += other.crashes;
        self.dropped += other.dropped;
        self.epochs += other.epochs;
        self.repeated_requests += other.repeated_requests;
        self.calls_run += other.calls_run;
        self.unanswered += other.unanswered;
        self.sweeps += other.sweeps;
        self.rolled += other.rolled;
        self.tried_again += other.tried_again;
    }
}

enum Happening {
    ToFarm(u64, String),
    ToRelay(u64, String),
    FarmDoes(u64, u64, FarmOutput),
    RelayDoes(u64, u64, RelayOutput),
    FarmWritable(u64),
    RelayWritable(u64),
    Dial(u64),
    Fate,
    Tick,
}

#[derive(Default)]
struct FarmDisk {
    epoch: String,
    number: u64,
    rows: BTreeMap<String, RowItem>,
    events: Vec<EventItem>,
    trimmed_to: u64,
    forgotten: std::collections::BTreeSet<String>,
    got: FarmGot,
    requests_at: u64,
    account: BTreeMap<String, (u64, AccountItem)>,
    account_generation: u64,
    account_sweep_at: Option<u64>,
    outcomes: BTreeMap<String, Answered>,
    applied: Vec<String>,
    ring: Option<KeyRing<String>>,
    pass: String,
}

#[derive(Default)]
struct RelayDisk {
    keys: FarmKeys,
    /// What a backup of the relay has of them.
    saved: FarmKeys,
    passes: Passes,
    session_no: u64,
    rows: Known,
    events: Known,
    generation: u64,
    copy: BTreeMap<String, (u64, RowItem)>,
    inbox: Vec<u64>,
    requests: Vec<Forwarded>,
    answered: u64,
    account: BTreeMap<String, AccountItem>,
    account_head: u64,
}

#[derive(Default)]
struct Asked {
    deadline_ms: u64,
    runs: u32,
    told: u32,
}

pub struct World {
    seed: u64,
    random: u64,
    now: u64,
    order: u64,
    agenda: BTreeMap<(u64, u64), Happening>,
    connection: u64,
    farm_life: u64,
    relay_life: u64,
    farm: Option<FarmSession>,
    relay: Option<RelaySession>,
    /// Which key of its ring the farm tries.
    place: usize,
    refused: usize,
    farm_disk: FarmDisk,
    relay_disk: RelayDisk,
    all_events: Vec<u64>,
    calls: BTreeMap<String, Asked>,
    seen: Seen,
}

pub fn call(id: &str) -> Forwarded {
    Forwarded {
        id: id.to_owned(),
        operation: "job.hold".to_owned(),
        path: BTreeMap::new(),
        query: Vec::new(),
        body: json!({"reason": "a \"quote\""}),
        idempotency_key: None,
        if_match: None,
        wait_seconds: 0,
        from: None,
        request_id: "req_1".to_owned(),
        actor: Actor::new(ActorKind::User, "u1"),
        grants: Grants::owner(),
    }
}

pub fn row(id: &str, revision: u64, number: u64, deleted: bool) -> RowItem {
    let document: Document = if deleted { Document::new() } else { json!({"v": number}).as_object().unwrap().clone() };
    let (kind, changed_at) = ("job".to_owned(), Timestamp::from_millis(5));
    RowItem { kind, id: id.to_owned(), revision, number, position: number, deleted, changed_at, document }
}

pub fn event(number: u64, about: &str) -> EventItem {
    let body = json!({"id": format!("evt_{number}"), "about": about}).as_object().unwrap().clone();
    EventItem::Event { number, labels: vec!["left".to_owned()], body }
}

pub fn hello(epoch: &str, head: u64, got: FarmGot) -> Hello {
    Hello {
        proto: PROTO,
        build: "test".to_owned(),
        farm_id: FarmId::new(Timestamp::from_millis(1), [1; 10]),
        epoch: epoch.to_owned(),
        heads: Heads { rows: head, events: head },
        got,
        session_nonce: "n".to_owned(),
        pass: String::new(),
        wall: Timestamp::from_millis(0),
        clock_ok: false,
        signature: String::new(),
    }
}

pub fn answer() -> Answered {
    Answered { status: 200, revision: Some(1), ..Answered::default() }
}

impl World {
    pub fn night(seed: u64) -> Seen {
        let mut world = Self {
            seed,
            random: seed,
            now: 0,
            order: 0,
            agenda: BTreeMap::new(),
            connection: 0,
            farm_life: 0,
            relay_life: 0,
            farm: None,
            relay: None,
            place: 0,
            refused: 0,
            farm_disk: FarmDisk { epoch: "e1".to_owned(), ring: Some(KeyRing::of("key0".to_owned())), ..FarmDisk::default() },
            relay_disk: RelayDisk {
                keys: FarmKeys { public_key: "key0".to_owned(), ..FarmKeys::default() },
                saved: FarmKeys { public_key: "key0".to_owned(), ..FarmKeys::default() },
                ..RelayDisk::default()
            },
            all_events: Vec::new(),
            calls: BTreeMap::new(),
            seen: Seen::default(),
        };
        world.at(0, Happening::Dial(0));
        world.at(1, Happening::Fate);
        world.at(500, Happening::Tick);
        while let Some(((at, _), happening)) = world.agenda.pop_first() {
            world.now = at;
            world.happen(happening);
            if at > FAULTS_END && at.is_multiple_of(1000) && world.converged() {
                break;
            }
            assert!(at < FAULTS_END + 200_000, "seed {seed}: not converged: {}", world.state());
        }
        world.judge();
        world.seen
    }

    fn dice(&mut self, sides: u64) -> u64 {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % sides
    }

    fn at(&mut self, after_ms: u64, happening: Happening) {
        self.order += 1;
        self.agenda.insert((self.now + after_ms, self.order), happening);
    }

    fn faulty(&self) -> bool {
        self.now < FAULTS_END
    }

    fn farm_clock(&self) -> u64 {
        self.now + 7_000_000 + self.seed
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::ToFarm(connection, text) => {
                let packet = Packet::read(&text).unwrap();
                // A frame of an older connection may turn up in the new one, unless it is of a greeting.
                if connection == self.connection || (packet.session_no > 0 && self.dice(2) == 0) {
                    self.tell_farm(FarmInput::Received(packet));
                }
            }
            Happening::ToRelay(connection, text) => {
                let packet = Packet::read(&text).unwrap();
                if connection == self.connection || (packet.session_no > 0 && self.dice(2) == 0) {
                    self.tell_relay(RelayInput::Received(packet));
                }
            }
            Happening::FarmDoes(life, connection, output) if life == self.farm_life => {
                if let Some(input) = self.farm_does(output)
                    && connection == self.connection
                {
                    self.tell_farm(input);
                }
            }
            Happening::RelayDoes(life, connection, output) if life == self.relay_life => {
                if let Some(input) = self.relay_does(output)
                    && connection == self.connection
                {
                    self.tell_relay(input);
                }
            }
            Happening::FarmDoes(..) | Happening::RelayDoes(..) => {}
            Happening::FarmWritable(connection) if connection == self.connection => self.tell_farm(FarmInput::WritableAgain),
            Happening::RelayWritable(connection) if connection == self.connection => {
                self.tell_relay(RelayInput::WritableAgain);
            }
            Happening::FarmWritable(_) | Happening::RelayWritable(_) => {}
            Happening::Dial(connection) if connection == self.connection => self.dial(),
            Happening::Dial(_) => {}
            Happening::Fate => self.fate(),
            Happening::Tick => {
                self.tell_farm(FarmInput::Tick);
                self.tell_relay(RelayInput::Tick);
                self.at(500, Happening::Tick);
            }
        }
    }

    fn fate(&mut self) {
        if !self.faulty() {
            return;
        }
        match self.dice(100) {
            0..40 => self.floor_changes(),
            40..52 => {
                let id = format!("c{}", self.calls.len());
                let ttl_ms = 20 + self.dice(3000);
                self.calls.insert(id.clone(), Asked { deadline_ms: self.now + ttl_ms, ..Asked::default() });
                if self.relay.is_some() {
                    self.tell_relay(RelayInput::Call(call(&id), ttl_ms));
                }
            }
            52..60 => {
                let id = format!("r{}", self.relay_disk.requests.len() + 1);
                self.relay_disk.requests.push(call(&id));
                self.tell_relay(RelayInput::RequestsWait);
            }
            60..67 => self.account_changes(),
            67 => {
                let key = format!("key{}", self.now);
                let ring = self.ring();
                if ring.next.is_none() {
                    ring.next = Some(key);
                    self.offer_key();
                }
            }
            68..71 => self.cut(),
            71 => {
                self.farm_life += 1;
                self.farm = None;
                self.seen.crashes += 1;
                self.cut();
            }
            72 => {
                self.relay_life += 1;
                self.relay = None;
                self.seen.crashes += 1;
                self.cut();
            }
            73 if self.dice(12) == 0 => {
                // Another database with the same floor: removals are forgotten, so only a sweep can tell of them.
                self.farm_life += 1;
                self.farm = None;
                self.seen.epochs += 1;
                self.farm_disk.epoch = format!("e{}", self.now);
                let gone: Vec<String> = self.farm_disk.rows.extract_if(.., |_, row| row.deleted).map(|(id, _)| id).collect();
                self.farm_disk.forgotten.extend(gone);
                self.cut();
            }
            74 => {
                // The relay is set back to what it knew one key ago, or is saved as it is.
                let saved = self.relay_disk.saved.clone();
                let ring = self.ring().clone();
                if ring.previous.contains(&saved.public_key) && ring.current == self.relay_disk.keys.public_key {
                    self.relay_disk.keys = saved;
                    self.relay_life += 1;
                    self.relay = None;
                    self.cut();
                } else {
                    self.relay_disk.saved = self.relay_disk.keys.clone();
                }
            }
            _ => {}
        }
        let pause = 1 + self.dice(120);
        self.at(pause, Happening::Fate);
    }

    fn floor_changes(&mut self) {
        let id = format!("job{}", self.dice(12));
        let deleted = self.dice(5) == 0;
        self.change(&id, deleted);
    }

    fn change(&mut self, id: &str, deleted: bool) -> RowItem {
        let disk = &mut self.farm_disk;
        disk.number += 1;
        let changed = row(id, disk.rows.get(id).map_or(1, |row| row.revision + 1), disk.number, deleted);
        disk.rows.insert(id.to_owned(), changed.clone());
        disk.events.push(event(disk.number, id));
        self.all_events.push(disk.number);
        let heads = Heads { rows: disk.number, events: disk.number };
        self.tell_farm(FarmInput::HeadMoved(heads));
        changed
    }

    fn account_changes(&mut self) {
        self.relay_disk.account_head += 1;
        let number = self.relay_disk.account_head;
        let key = format!("key_{}", self.dice(5));
        let deleted = self.dice(3) == 0;
        let item = AccountItem::Key {
            row: row(&key, number, number, deleted),
            hashes: vec![format!("h{number}")],
            ending: Default::default(),
        };
        self.relay_disk.account.insert(key, item);
        self.tell_relay(RelayInput::AccountMoved(number));
    }

    fn cut(&mut self) {
        self.seen.cuts += 1;
        self.connection += 1;
        self.tell_farm(FarmInput::Lost);
        self.tell_relay(RelayInput::Lost);
        self.farm = None;
        self.relay = None;
        let pause = 10 + self.dice(600);
        self.at(pause, Happening::Dial(self.connection));
    }

    fn ring(&mut self) -> &mut KeyRing<String> {
        self.farm_disk.ring.as_mut().unwrap()
    }

    /// A new key that is durable at the farm is told to the relay, signed by both.
    fn offer_key(&mut self) {
        let ring = self.ring();
        if let Some(public_key) = ring.next.clone() {
            let rekey = Rekey { by_old: ring.current.clone(), by_new: public_key.clone(), public_key };
            self.tell_farm(FarmInput::Rekey(rekey));
        }
    }

    fn dial(&mut self) {
        let disk = &self.farm_disk;
        let start = FarmStart {
            hello: Hello { pass: disk.pass.clone(), ..hello(&disk.epoch, disk.number, disk.got.clone()) },
            rows_floor: 0,
            account_sweep_at: disk.account_sweep_at,
        };
        self.farm = Some(FarmSession::new(start, self.farm_clock()));
        let start = RelayStart { relay: "relay.test".to_owned(), nonce: format!("nonce{}", self.connection) };
        self.relay = Some(RelaySession::new(start, self.now));
        self.tell_relay(RelayInput::Connected);
    }

    fn carry(&mut self, packet: &Packet, to_farm: bool) {
        let text = packet.text().unwrap();
        let greeting = packet.session_no == 0;
        if self.faulty() && self.dice(50) == 0 {
            self.seen.dropped += 1;
            return;
        }
        let copies = if self.faulty() && self.dice(30) == 0 { 2 } else { 1 };
        for _ in 0..copies {
            let stalls = self.faulty() && !greeting && self.dice(40) == 0;
            let delay = 1 + self.dice(SLOWEST_GREETING - 1) + if stalls { self.dice(8000) } else { 0 };
            let connection = self.connection;
            let text = text.clone();
            self.at(delay, if to_farm { Happening::ToFarm(connection, text) } else { Happening::ToRelay(connection, text) });
        }
    }

    fn tell_farm(&mut self, input: FarmInput) {
        let now = self.farm_clock();
        let Some(outputs) = self.farm.as_mut().map(|farm| farm.handle(now, input)) else { return };
        let mut sent = false;
        for output in outputs {
            match output {
                FarmOutput::Send(packet) => {
                    self.promised_by_farm(&packet.frame);
                    sent = true;
                    self.carry(&packet, false);
                }
                FarmOutput::Close(..) => return self.cut(),
                FarmOutput::RolledBack { .. } => panic!("seed {}: nothing was rolled back", self.seed),
                FarmOutput::Acked(Stream::Events, at) => {
                    self.farm_disk.trimmed_to = self.farm_disk.trimmed_to.max(at);
                    self.farm_disk.events.retain(|event| event.place() > at);
                }
                output => {
                    let pause = self.dice(30);
                    self.at(pause, Happening::FarmDoes(self.farm_life, self.connection, output));
                }
            }
        }
        if sent {
            let pause = 1 + self.dice(4);
            self.at(pause, Happening::FarmWritable(self.connection));
        }
    }

    fn tell_relay(&mut self, input: RelayInput) {
        let now = self.now;
        let Some(relay) = self.relay.as_mut() else { return };
        let outputs = relay.handle(now, input);
        assert!(relay.held() <= 2 * WINDOW, "seed {}: more than the windows are held", self.seed);
        let mut sent = false;
        for output in outputs {
            match output {
                RelayOutput::Send(packet) => {
                    self.promised_by_relay(&packet.frame);
                    sent = true;
                    self.carry(&packet, true);
                }
                RelayOutput::Close(code) => {
                    // A farm that is refused hears why.
                    if code == ByeCode::OldKey {
                        self.place += 1;
                        self.refused += 1;
                        self.seen.tried_again += 1;
                        assert!(
                            self.refused < 7,
                            "seed {}: none of {:?} opens {:?}",
                            self.seed,
                            self.farm_disk.ring,
                            self.relay_disk.keys
                        );
                    }
                    return self.cut();
                }
                RelayOutput::Answered { id, late, .. } => {
                    if !late {
                        self.calls.get_mut(&id).unwrap().told += 1;
                    }
                }
                RelayOutput::CallEnded(id, end) => {
                    let call = self.calls.get_mut(&id).unwrap();
                    call.told += 1;
                    self.seen.unanswered += 1;
                    if end == gantry_sync::relay::End::FarmOffline {
                        assert_eq!(call.runs, 0, "seed {}: {id} ran, yet was told as never sent", self.seed);
                    }
                }
                output => {
                    let pause = self.dice(30);
                    self.at(pause, Happening::RelayDoes(self.relay_life, self.connection, output));
                }
            }
        }
        if sent {
            let pause = 1 + self.dice(4);
            self.at(pause, Happening::RelayWritable(self.connection));
        }
    }

    fn promised_by_farm(&self, frame: &Frame) {
        match frame {
            Frame::Ack { at, .. } => assert!(*at <= self.farm_disk.got.account.at, "seed {}: ack before commit", self.seed),
            Frame::Answered { id, seq: Some(seq), .. } => {
                assert!(self.farm_disk.requests_at >= *seq, "seed {}: answered before commit", self.seed);
                assert!(self.farm_disk.outcomes.contains_key(id), "seed {}: no outcome of {id}", self.seed);
            }
            _ => {}
        }
    }

    fn promised_by_relay(&self, frame: &Frame) {
        let durable = match frame {
            Frame::Ack { stream: Stream::Rows, at } => *at <= self.relay_disk.rows.cursor.at,
            Frame::Ack { stream: Stream::Events, at } => *at <= self.relay_disk.events.cursor.at,
            _ => true,
        };
        assert!(durable, "seed {}: ack before commit: {frame:?}", self.seed);
    }

    fn farm_does(&mut self, output: FarmOutput) -> Option<FarmInput> {
        let clock = self.farm_clock();
        let disk = &mut self.farm_disk;
        match output {
            FarmOutput::Sign(message) => {
                let keys = disk.ring.as_ref().unwrap().in_order();
                let key = keys[self.place % keys.len()];
                Some(FarmInput::Signed(format!("{key} {}", String::from_utf8(message).unwrap())))
            }
            FarmOutput::Opened(welcome) => {
                disk.pass = welcome.pass;
                let ring = disk.ring.as_mut().unwrap();
                let place = std::mem::take(&mut self.place) % ring.in_order().len();
                ring.opened(place);
                self.refused = 0;
                self.offer_key();
                None
            }
            FarmOutput::Rekeyed(public_key) => {
                let ring = disk.ring.as_mut().unwrap();
                if ring.next.as_ref() == Some(&public_key) {
                    ring.confirmed();
                    self.seen.rolled += 1;
                    self.cut();
                }
                None
            }
            FarmOutput::ReadRows { after, .. } => {
                let mut items: Vec<RowItem> = disk.rows.values().filter(|row| row.number > after).cloned().collect();
                items.sort_by_key(|row| row.number);
                let to = if items.len() > PAGE { items[PAGE - 1].number } else { disk.number };
                items.truncate(PAGE);
                Some(FarmInput::RowsRead(Page { after, to, items }, disk.number))
            }
            FarmOutput::ReadEvents { after, .. } => {
                let items: Vec<EventItem> =
                    disk.events.iter().filter(|event| event.place() > after).take(PAGE).cloned().collect();
                let to = if items.len() == PAGE { items[PAGE - 1].place() } else { disk.number };
                let page = Page { after, to, items };
                Some(FarmInput::EventsRead { page, trimmed_to: disk.trimmed_to, rows_head: disk.number })
            }
            FarmOutput::ApplyAccount(batch) => {
                assert!(batch.from == disk.got.account.at && batch.epoch == disk.got.account.epoch);
                for item in batch.items {
                    let AccountItem::Key { row: RowItem { id, .. }, .. } = &item;
                    disk.account.insert(id.clone(), (disk.account_generation, item));
                }
                disk.got.account.at = batch.to;
                Some(FarmInput::Committed(batch.to))
            }
            FarmOutput::GenerationBegin { epoch, sweep_at } => {
                disk.got.account = Cursor { epoch, at: 0 };
                disk.account_generation += 1;
                disk.account_sweep_at = Some(sweep_at);
                Some(FarmInput::Committed(0))
            }
            FarmOutput::Sweep => {
                disk.account.retain(|_, (generation, _)| *generation == disk.account_generation);
                disk.account_sweep_at = None;
                None
            }
            FarmOutput::RunCall { call, deadline_ms } => {
                if clock > deadline_ms {
                    return None;
                }
                let asked = self.calls.get_mut(&call.id).unwrap();
                asked.runs += 1;
                self.seen.calls_run += 1;
                assert_eq!(asked.runs, 1, "seed {}: {} ran twice", self.seed, call.id);
                assert!(self.now <= asked.deadline_ms + SLOWEST_GREETING, "seed {}: {} ran too late", self.seed, call.id);
                Some(FarmInput::CallDone(call.id, answer()))
            }
            FarmOutput::RunRequest { seq, call } => {
                if let Some(outcome) = disk.outcomes.get(&call.id) {
                    self.seen.repeated_requests += 1;
                    return Some(FarmInput::RequestDone(seq, outcome.clone()));
                }
                disk.applied.push(call.id.clone());
                let changed = self.change("by_request", false);
                let outcome = Answered { rows: vec![changed], ..answer() };
                self.farm_disk.outcomes.insert(call.id, outcome.clone());
                self.farm_disk.requests_at = seq;
                Some(FarmInput::RequestDone(seq, outcome))
            }
            _ => None,
        }
    }

    fn relay_does(&mut self, output: RelayOutput) -> Option<RelayInput> {
        let seed = self.seed;
        let disk = &mut self.relay_disk;
        match output {
            RelayOutput::Admit { hello, message } => {
                let (key, signed) = hello.signature.split_once(' ').unwrap();
                assert_eq!(signed.as_bytes(), message);
                let standing = disk.keys.standing(|known| known == key, Timestamp::from_millis(0));
                let Some(standing) = standing.filter(|standing| *standing != Standing::Old) else {
                    return Some(RelayInput::Refused(ByeCode::OldKey));
                };
                assert!(disk.passes.hold(&hello.pass, disk.session_no), "seed {seed}: an honest farm is taken for a copy");
                disk.keys.open(standing);
                disk.session_no = disk.passes.open(&hello.pass, disk.session_no, [7; 16]);
                Some(RelayInput::Admitted(Admission {
                    session_no: disk.session_no,
                    relay_epoch: "relay1".to_owned(),
                    rows: disk.rows.clone(),
                    events: disk.events.clone(),
                    account_head: disk.account_head,
                    account_floor: 0,
                    answered: disk.answered,
                    requests_wait: true,
                    content_token: String::new(),
                    pass: disk.passes.given().to_owned(),
                    last_number: 0,
                }))
            }
            RelayOutput::ApplyRows(session_no, batch) => {
                if session_no != disk.session_no {
                    return None;
                }
                assert!(
                    batch.from == disk.rows.cursor.at && batch.epoch == disk.rows.cursor.epoch,
                    "seed {seed}: rows do not join"
                );
                for row in batch.items {
                    put_row(disk, row);
                }
                disk.rows.cursor.at = batch.to;
                Some(RelayInput::Committed(Stream::Rows, batch.to))
            }
            RelayOutput::ApplyEvents(session_no, batch) => {
                if session_no != disk.session_no {
                    return None;
                }
                assert!(batch.from == disk.events.cursor.at && batch.epoch == disk.events.cursor.epoch, "seed {seed}");
                for item in batch.items {
                    match item {
                        EventItem::Gap { to, .. } => {
                            assert!(disk.inbox.last().is_some_and(|last| *last >= to), "seed {seed}: events up to {to} are lost");
                        }
                        EventItem::Event { number, body, .. } => {
                            let about = body["about"].as_str().unwrap();
                            let there = disk.copy.get(about).is_some_and(|(_, row)| row.number >= number);
                            let removed = self.farm_disk.forgotten.contains(about);
                            assert!(
                                there || removed,
                                "seed {seed}: event {number} before its row, {about} {:?} {:?} {:?} {:?}",
                                disk.copy.get(about),
                                disk.rows,
                                disk.events,
                                self.farm_disk.rows.get(about)
                            );
                            // A new log repeats what there is; ids tell doubles.
                            if disk.inbox.last().is_none_or(|last| *last < number) {
                                disk.inbox.push(number);
                            } else {
                                assert!(disk.events.cursor.epoch != "e1", "seed {seed}: event {number} came twice");
                            }
                        }
                    }
                }
                disk.events.cursor.at = batch.to;
                Some(RelayInput::Committed(Stream::Events, batch.to))
            }
            RelayOutput::GenerationBegin { stream: Stream::Rows, epoch, sweep_at } => {
                disk.generation += 1;
                disk.rows = Known { cursor: Cursor { epoch, at: 0 }, sweep_at: Some(sweep_at) };
                Some(RelayInput::Committed(Stream::Rows, 0))
            }
            RelayOutput::GenerationBegin { stream, epoch, .. } => {
                disk.events.cursor = Cursor { epoch, at: 0 };
                Some(RelayInput::Committed(stream, 0))
            }
            RelayOutput::CommitKey(Rekey { public_key, by_old, by_new }) => {
                assert_eq!(by_new, public_key);
                if by_old != disk.keys.public_key && public_key != disk.keys.public_key {
                    return None;
                }
                disk.keys.offer(public_key.clone(), Timestamp::from_millis(0));
                Some(RelayInput::KeyCommitted(public_key))
            }
            RelayOutput::Sweep => {
                disk.copy.retain(|_, (generation, _)| *generation == disk.generation);
                disk.rows.sweep_at = None;
                self.seen.sweeps += 1;
                None
            }
            RelayOutput::ReadAccount { after, .. } => {
                let mut items: Vec<_> = disk.account.values().filter(|item| item.place() > after).cloned().collect();
                items.sort_by_key(Numbered::place);
                let to = if items.len() > PAGE { items[PAGE - 1].place() } else { disk.account_head };
                items.truncate(PAGE);
                Some(RelayInput::AccountRead(Page { after, to, items }))
            }
            RelayOutput::ReadRequest(after) => {
                let next = disk.requests.get(usize::try_from(after).unwrap());
                Some(RelayInput::RequestRead(next.map(|call| (after + 1, call.clone()))))
            }
            RelayOutput::CommitAnswer(seq, answer) => {
                assert_eq!(seq, disk.answered + 1, "seed {seed}: answers out of order");
                disk.answered = seq;
                for row in answer.rows {
                    put_row(disk, row);
                }
                Some(RelayInput::AnswerCommitted(seq))
            }
            _ => None,
        }
    }

    fn converged(&self) -> bool {
        let (farm, relay) = (&self.farm_disk, &self.relay_disk);
        relay.rows.cursor == Cursor { epoch: farm.epoch.clone(), at: farm.number }
            && relay.events.cursor == relay.rows.cursor
            && relay.rows.sweep_at.is_none()
            && relay.answered == relay.requests.len() as u64
            && farm.got.account.at == relay.account_head
            && farm.ring.as_ref().is_some_and(|ring| ring.next.is_none() && ring.current == relay.keys.public_key)
            && relay.keys.next_key.is_none()
    }

    fn state(&self) -> String {
        let (farm, relay) = (&self.farm_disk, &self.relay_disk);
        format!(
            "farm {} {} {:?}; relay {:?} {:?} answered {} of {}; account {}",
            farm.epoch,
            farm.number,
            farm.got,
            relay.rows,
            relay.events,
            relay.answered,
            relay.requests.len(),
            relay.account_head
        )
    }

    fn judge(&self) {
        let (seed, farm, relay) = (self.seed, &self.farm_disk, &self.relay_disk);
        let copy: Vec<&RowItem> = relay.copy.values().map(|(_, row)| row).filter(|row| !row.deleted).collect();
        let rows: Vec<&RowItem> = farm.rows.values().filter(|row| !row.deleted).collect();
        assert_eq!(copy, rows, "seed {seed}: the copy is another");
        assert_eq!(relay.inbox, self.all_events, "seed {seed}: events");
        let requests: Vec<&String> = relay.requests.iter().map(|call| &call.id).collect();
        assert_eq!(farm.applied.iter().collect::<Vec<_>>(), requests, "seed {seed}: requests");
        let accounts: Vec<&AccountItem> = farm.account.values().map(|(_, item)| item).collect();
        assert_eq!(accounts, relay.account.values().collect::<Vec<_>>(), "seed {seed}: account facts");
        assert!(self.calls.values().all(|call| call.told <= 1), "seed {seed}: a caller was told twice");
    }
}

/// Newer wins within a generation; a new generation wins over all.
fn put_row(disk: &mut RelayDisk, row: RowItem) {
    let generation = disk.generation;
    let known = disk.copy.get(&row.id);
    if known.is_none_or(|(old, known)| *old < generation || known.revision <= row.revision) {
        disk.copy.insert(row.id.clone(), (generation, row));
    }
}
