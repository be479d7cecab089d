//! One client's line: bytes in and out of a session, what the session asks for, and the look at whether the
//! key still holds. One write per turn; nothing is fetched for a client that does not take what it has.

use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use api::auth::{self, Caller, key_of};
use api::door::Door;
use api::{key_text, stream};
use domain::id::{ApiKeyId, PrinterId, StoreId};
use domain::telemetry::Telemetry;
use domain::time::Timestamp;
use domain::usage::Ended;
use fanout::LogReader;
use store::{StoreError, credential_hash};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::broadcast;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::codec::Reason;
use super::listener::{Room, Seat};
use super::present::{Eyes, Pace, Showing};
use super::queue::Told;
use super::session::{Input, Login, Message, Output, Session};
use super::topics::{Topics, may_follow};

/// How often it is looked at whether the key still holds, and at the time.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// The bytes of one write, about.
const BATCH: usize = 32 * 1024;
/// How often what has ended is looked for.
const SWEEP_MILLIS: i64 = 10_000;
/// For the last words to a client.
const FAREWELL: Duration = Duration::from_secs(1);

/// Serves one client until it or its key ends.
pub async fn attend<S: AsyncRead + AsyncWrite + Unpin>(stream: S, from: Option<IpAddr>, door: Arc<Door>, room: Arc<Room>) {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let mut ticker = interval(LOOK_AGAIN);
    ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let start = ticker.tick().await;
    let mut line = Line::new(from, door, room);
    let (mut buffer, mut out, mut sent, mut flushed) = ([0; 4096], Vec::new(), 0, true);
    while !line.closing {
        line.fetch();
        if sent == out.len() {
            (out, sent) = (line.session.take(BATCH), 0);
        }
        let more = line.has_more();
        tokio::select! {
            biased;
            at = ticker.tick() => line.look(at.duration_since(start)),
            () = taken_over(&line.seat) => line.handle(Input::End(Reason::TakenOver)),
            pushed = push(&mut writer, &out[sent..]), if sent < out.len() || !flushed => match pushed {
                None => return,
                Some(bytes) => {
                    (sent, flushed) = (sent + bytes, bytes == 0);
                    line.handle(Input::Taken);
                }
            },
            read = reader.read(&mut buffer), if line.session.may_read() => match read {
                Ok(0) | Err(_) => return,
                Ok(bytes) => line.handle(Input::Bytes(&buffer[..bytes])),
            },
            changed = log_changed(&mut line.log) => match changed {
                true => line.read_now = true,
                false => return,
            },
            heard = next_telemetry(&mut line.telemetry) => line.heard(heard),
            () = tokio::task::yield_now(), if more => {}
        }
    }
    // What is half sent must be finished before the last word, unless the key that it was for is gone.
    let mut last = if line.key_is_gone { Vec::new() } else { out.split_off(sent) };
    if !line.key_is_gone || sent == 0 || sent == out.len() {
        last.extend(line.session.take(BATCH));
    }
    let farewell = async {
        if writer.write_all(&last).await.is_ok() {
            writer.shutdown().await.ok();
        }
    };
    timeout(FAREWELL, farewell).await.ok();
}

/// Writes some of it and says how much; when nothing is left, what TLS took and holds back. None: the line broke.
async fn push<W: AsyncWrite + Unpin>(writer: &mut W, rest: &[u8]) -> Option<usize> {
    if rest.is_empty() {
        return writer.flush().await.ok().map(|()| 0);
    }
    writer.write(rest).await.ok().filter(|bytes| *bytes > 0)
}

/// Ends when another client of the same key and name has come.
async fn taken_over(seat: &Option<Seat>) {
    match seat {
        Some(seat) => seat.taken_over().await,
        None => std::future::pending().await,
    }
}

async fn log_changed(log: &mut Option<LogReader>) -> bool {
    match log {
        Some(log) => log.changed().await,
        None => std::future::pending().await,
    }
}

type Feed = broadcast::Receiver<(PrinterId, Telemetry)>;

/// The next live values; never, where there are none. Values that were missed are simply gone.
async fn next_telemetry(feed: &mut Option<Feed>) -> Option<(PrinterId, Telemetry)> {
    let Some(receiver) = feed else { return std::future::pending().await };
    match receiver.recv().await {
        Ok(heard) => Some(heard),
        Err(broadcast::error::RecvError::Lagged(_)) => None,
        Err(broadcast::error::RecvError::Closed) => {
            *feed = None;
            None
        }
    }
}

struct Line {
    from: Option<IpAddr>,
    door: Arc<Door>,
    room: Arc<Room>,
    session: Session,
    /// Since the beginning, as of the last look.
    now: Duration,
    caller: Option<Caller>,
    seat: Option<Seat>,
    log: Option<LogReader>,
    read_now: bool,
    telemetry: Option<Feed>,
    pace: Pace,
    showing: VecDeque<Showing>,
    queue: Told,
    swept_at: Timestamp,
    closing: bool,
    key_is_gone: bool,
}

impl Line {
    fn new(from: Option<IpAddr>, door: Arc<Door>, room: Arc<Room>) -> Self {
        let swept_at = door.now();
        Self {
            from,
            door,
            room,
            session: Session::default(),
            now: Duration::ZERO,
            caller: None,
            seat: None,
            log: None,
            read_now: false,
            telemetry: None,
            pace: Pace::default(),
            showing: VecDeque::new(),
            queue: Told::default(),
            swept_at,
            closing: false,
            key_is_gone: false,
        }
    }

    fn handle(&mut self, input: Input<'_>) {
        let outputs = self.session.handle(self.now, input);
        self.obey(outputs);
    }

    fn obey(&mut self, outputs: Vec<Output>) {
        for output in outputs {
            match output {
                Output::Judge(login) => self.judge(&login),
                Output::Show(subscription) => {
                    if let Some(caller) = &self.caller {
                        let eyes = Eyes { store: &self.door.store, caller, now: self.door.now() };
                        // Asked for anew, it begins anew.
                        self.showing.retain(|showing| showing.subscription.filter != subscription.filter);
                        self.showing.push_back(Showing::new(subscription, eyes));
                    }
                }
                Output::ShowAll => {
                    if let Some(caller) = &self.caller {
                        let eyes = Eyes { store: &self.door.store, caller, now: self.door.now() };
                        self.queue.forget();
                        let all = self.session.subscriptions().iter().cloned();
                        self.showing = all.map(|subscription| Showing::new(subscription, eyes)).collect();
                    }
                }
                Output::Close => self.closing = true,
            }
        }
        // Who does not ask for live values need not be woken by them.
        if let Some(caller) = &self.caller {
            let topics = Topics(caller.store);
            let wanted = may_follow(&caller.grants)
                && self.session.subscriptions().iter().any(|subscription| topics.asks_telemetry(&subscription.filter));
            match (wanted, &self.telemetry) {
                (true, None) => self.telemetry = Some(self.door.follow_telemetry(caller.store)),
                (true, Some(_)) => {}
                (false, _) => self.telemetry = None,
            }
        }
    }

    /// Whether who knocks may come in: a key that holds, of the store that they name.
    fn judge(&mut self, login: &Login) {
        match self.admitted(login) {
            Ok((caller, seat, log)) => {
                let input = Input::Admitted(Topics(caller.store), caller.grants.clone(), seat.name().to_owned());
                (self.caller, self.seat, self.log, self.read_now) = (Some(caller), Some(seat), Some(log), false);
                self.handle(input);
            }
            Err(reason) => self.handle(Input::Refused(reason)),
        }
    }

    fn admitted(&self, login: &Login) -> Result<(Caller, Seat, LogReader), Reason> {
        let key = std::str::from_utf8(&login.password).ok().filter(|key| key_text::is_api_key(key)).ok_or(Reason::BadLogin)?;
        let store: StoreId = login.user.parse().map_err(|_| Reason::BadLogin)?;
        let now = self.door.now();
        let count = |key: Option<ApiKeyId>, let_in, ended| {
            if let Some(key) = key {
                self.door.usage.count(key, self.from, now, let_in, ended);
            }
        };
        let caller = auth::judge(&self.door, &credential_hash(key), self.from).map_err(|refused| {
            count(refused.key, false, Ended::Refused);
            if self.door.limits.failed(self.from, now).is_ok() { Reason::BadLogin } else { Reason::Quota }
        })?;
        // A connection counts as a call.
        let key = key_of(&caller);
        self.door.limits.call(&caller, now).1.map_err(|_| {
            count(key, false, Ended::Throttled);
            Reason::Quota
        })?;
        if caller.store != store {
            count(key, false, Ended::Refused);
            return Err(Reason::BadLogin);
        }
        count(key, true, Ended::Done);
        let seat = self.room.enter(caller.credential, &login.client).ok_or(Reason::Quota)?;
        let log = LogReader::new(self.door.store.clone(), None, Vec::new()).map_err(|error| failed(&error))?;
        Ok((caller, seat, log))
    }

    /// A look at the key and at the time. A key that was narrowed sees less from here on.
    fn look(&mut self, now: Duration) {
        self.now = now;
        if let Some(caller) = &self.caller {
            match auth::caller(&self.door, &caller.credential, self.from) {
                Err(_) => {
                    self.key_is_gone = true;
                    return self.handle(Input::End(Reason::Administrative));
                }
                Ok(again) => {
                    let changed = again.grants != caller.grants;
                    let grants = changed.then(|| again.grants.clone());
                    self.caller = Some(again);
                    if let Some(grants) = grants {
                        self.handle(Input::Granted(grants));
                    }
                }
            }
        }
        for heard in self.pace.due(now) {
            self.live(heard);
        }
        self.sweep();
        self.tell_queue();
        self.handle(Input::Tick);
    }

    fn heard(&mut self, heard: Option<(PrinterId, Telemetry)>) {
        let Some((printer, telemetry)) = heard else { return };
        if let Some(telemetry) = self.pace.heard(self.now, printer, telemetry) {
            self.live((printer, telemetry));
        }
    }

    fn live(&mut self, (printer, telemetry): (PrinterId, Telemetry)) {
        let Some(caller) = &self.caller else { return };
        let topic = Topics(caller.store).telemetry(printer);
        if !self.session.wants(&topic) {
            return;
        }
        let values = stream::live_values(&self.door, caller, printer, telemetry);
        if let Some(payload) = values.and_then(|values| serde_json::to_vec(&values).ok()) {
            self.handle(Input::Live(Message { topic, payload, is_state: false }));
        }
    }

    fn tell_queue(&mut self) {
        let Some(caller) = &self.caller else { return };
        let eyes = Eyes { store: &self.door.store, caller, now: self.door.now() };
        if !eyes.sees_queue() || !self.session.wants(&Topics(caller.store).queue()) {
            return self.queue.forget();
        }
        let news = self.queue.news(eyes);
        self.tell(news.map(|news| news.into_iter().collect()));
    }

    fn sweep(&mut self) {
        let now = self.door.now();
        let Some(caller) = &self.caller else { return };
        if now.millis_since(self.swept_at) < SWEEP_MILLIS {
            return;
        }
        let eyes = Eyes { store: &self.door.store, caller, now };
        let faded = eyes.faded(self.swept_at, |topic| self.session.wants(topic));
        self.swept_at = now;
        self.queue.doubt();
        self.tell(faded);
    }

    fn tell(&mut self, messages: Result<Vec<Message>, StoreError>) {
        match messages {
            Ok(messages) => {
                for message in messages {
                    self.handle(Input::Live(message));
                }
            }
            Err(error) => self.handle(Input::End(failed(&error))),
        }
    }

    /// Whether a turn would fetch something.
    fn has_more(&self) -> bool {
        let behind = self.read_now || self.log.as_ref().is_some_and(LogReader::behind);
        self.session.has_room() && (behind || !self.showing.is_empty())
    }

    /// Fetches a page of the present, or else a piece of the log: the present goes before what follows.
    fn fetch(&mut self) {
        if !self.has_more() {
            return;
        }
        let Some(caller) = &self.caller else { return };
        let eyes = Eyes { store: &self.door.store, caller, now: self.door.now() };
        if let Some(mut showing) = self.showing.pop_front() {
            let page = if showing.takes_queue() && eyes.sees_queue() {
                eyes.queue().map(|numbers| {
                    let message = eyes.queue_message(&numbers);
                    self.queue.shown(numbers);
                    vec![message]
                })
            } else {
                showing.next(eyes)
            };
            let subscription = showing.subscription.clone();
            let still_there = self.session.subscriptions().contains(&subscription);
            if !showing.is_done() && still_there {
                self.showing.push_front(showing);
            }
            match page {
                Ok(messages) if still_there => {
                    for message in messages {
                        self.handle(Input::Shown(&subscription, message));
                    }
                }
                Ok(_) => {}
                Err(error) => self.handle(Input::End(failed(&error))),
            }
            return;
        }
        let Some(log) = &mut self.log else { return };
        let read = log.read();
        let (gap, messages) = match read {
            Ok(batch) => {
                self.read_now = batch.more;
                self.queue.happened(&batch.events);
                (batch.gap, eyes.follow(batch.events, |topic| self.session.wants(topic)))
            }
            Err(error) => (false, Err(error)),
        };
        self.tell(messages);
        if gap {
            // What was trimmed away before it was read may have changed anything.
            self.obey(vec![Output::ShowAll]);
        }
    }
}

fn failed(error: &StoreError) -> Reason {
    tracing::error!(%error, "an MQTT connection failed inside");
    Reason::Unspecified
}
