//! One client's session as a function of values: what came in and a time that is handed in give what goes
//! out and what the shell is to do. It knows no socket, no database and no clock.

use std::time::Duration;

use domain::access::Grants;

use super::codec::{Decoder, Hello, Incoming, Reason, Version, Wish, write};
use super::outbox::{Outbox, Waiting};
use super::topics::{Filter, Topics};

/// Within this time a client must have said hello.
const HELLO_WITHIN: Duration = Duration::from_secs(10);
/// A client that takes nothing for so long while messages wait for it is cut off.
const STALLED_AFTER: Duration = Duration::from_secs(60);
/// Lost messages after which it is cut off.
const MOST_LOST: u32 = 1000;
/// Filters of one session.
const MOST_FILTERS: usize = 64;
/// The longest keep-alive where we may say it (version 5).
const LONGEST_KEEP_ALIVE: u16 = 300;

/// A message before it is known who wants it how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub topic: String,
    pub payload: Vec<u8>,
    /// It says what is so, not what happened: a late subscriber gets it too.
    pub is_state: bool,
}

/// Who asks to come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    pub user: String,
    pub password: Vec<u8>,
    pub client: String,
}

/// A filter that was granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    pub filter: Filter,
    text: String,
    at_least_once: bool,
    as_published: bool,
    identifier: Option<u32>,
}

/// What comes to a session.
#[derive(Debug)]
pub enum Input<'a> {
    /// Bytes from the client.
    Bytes(&'a [u8]),
    /// The client may come in, with these grants, and is called so if it gave no name.
    Admitted(Topics, Grants, String),
    /// The client may not come in.
    Refused(Reason),
    /// The key holds something else now.
    Granted(Grants),
    /// Something happened.
    Live(Message),
    /// The present, for one subscription.
    Shown(&'a Subscription, Message),
    /// The client took bytes from us.
    Taken,
    /// Time goes by.
    Tick,
    /// It is to end.
    End(Reason),
}

/// What the shell is to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Output {
    /// Judge who asks to come in, and say so.
    Judge(Login),
    /// Show the present to a new subscription.
    Show(Subscription),
    /// Everything that waits was made for other grants or went lost: show the present to all.
    ShowAll,
    /// Send what is left, and close.
    Close,
}

enum State {
    New,
    /// Said hello and waits to be judged.
    Knocking(Hello),
    Open {
        topics: Topics,
        grants: Grants,
    },
    Over,
}

/// A session.
pub struct Session {
    state: State,
    version: Version,
    decoder: Decoder,
    outbox: Outbox,
    subscriptions: Vec<Subscription>,
    silence_allowed: Option<Duration>,
    heard_at: Duration,
    taken_at: Duration,
    lost: u32,
}

impl Default for Session {
    fn default() -> Self {
        Self {
            state: State::New,
            version: Version::V3,
            decoder: Decoder::default(),
            outbox: Outbox::new(Version::V3, 1, None),
            subscriptions: Vec::new(),
            silence_allowed: Some(HELLO_WITHIN),
            heard_at: Duration::ZERO,
            taken_at: Duration::ZERO,
            lost: 0,
        }
    }
}

impl Session {
    /// What follows from an input at that time since the beginning.
    pub fn handle(&mut self, now: Duration, input: Input<'_>) -> Vec<Output> {
        let mut outputs = Vec::new();
        match (&self.state, input) {
            (State::Over, _) => {}
            (_, Input::Bytes(bytes)) => {
                self.decoder.feed(bytes);
                self.read(now, &mut outputs);
            }
            (State::Knocking(_), Input::Admitted(topics, grants, name)) => {
                self.admit(topics, grants, &name);
                // It need not wait for our answer before it asks.
                self.read(now, &mut outputs);
            }
            (_, Input::Refused(reason)) => self.refuse(reason, &mut outputs),
            (State::Open { topics, .. }, Input::Granted(grants)) => {
                self.state = State::Open { topics: *topics, grants };
                self.outbox.forget();
                outputs.push(Output::ShowAll);
            }
            (State::Open { .. }, Input::Live(message)) => self.tell(now, message, &mut outputs),
            (State::Open { .. }, Input::Shown(subscription, message)) => {
                let waiting = Waiting {
                    topic: message.topic,
                    payload: message.payload,
                    at_least_once: subscription.at_least_once,
                    retain: true,
                    identifiers: subscription.identifier.into_iter().collect(),
                };
                self.push(now, waiting, true, &mut outputs);
            }
            (_, Input::Taken) => self.taken_at = now,
            (_, Input::Tick) => self.look_at_the_time(now, &mut outputs),
            (_, Input::End(reason)) => self.end(reason, &mut outputs),
            (
                State::New | State::Knocking(_) | State::Open { .. },
                Input::Admitted(..) | Input::Granted(_) | Input::Live(_) | Input::Shown(..),
            ) => {}
        }
        outputs
    }

    /// The bytes of one write.
    pub fn take(&mut self, batch: usize) -> Vec<u8> {
        self.outbox.take(batch)
    }

    /// Whether more should be fetched for it.
    pub fn has_room(&self) -> bool {
        matches!(self.state, State::Open { .. }) && self.outbox.has_room()
    }

    /// Whether more may be read from the client.
    pub fn may_read(&self) -> bool {
        matches!(self.state, State::New | State::Open { .. }) && self.outbox.may_ask()
    }

    /// Whether a topic is wanted at all.
    pub fn wants(&self, topic: &str) -> bool {
        self.subscriptions.iter().any(|subscription| subscription.filter.matches(topic))
    }

    /// What was subscribed.
    pub fn subscriptions(&self) -> &[Subscription] {
        &self.subscriptions
    }

    /// Bytes that wait.
    #[cfg(test)]
    fn queued_bytes(&self) -> usize {
        self.outbox.queued_bytes()
    }

    fn read(&mut self, now: Duration, outputs: &mut Vec<Output>) {
        while matches!(self.state, State::New | State::Open { .. }) {
            match self.decoder.next() {
                Ok(Some(incoming)) => {
                    self.heard_at = now;
                    self.obey(now, incoming, outputs);
                }
                Ok(None) => return,
                Err(Reason::Version) => self.refuse(Reason::Version, outputs),
                Err(reason) => self.end(reason, outputs),
            }
        }
    }

    fn obey(&mut self, now: Duration, incoming: Incoming, outputs: &mut Vec<Output>) {
        match incoming {
            Incoming::Hello(hello) => self.hello(hello, outputs),
            Incoming::Subscribe { id, identifier, wishes } => {
                let granted: Vec<_> = wishes.into_iter().map(|wish| self.subscribe(wish, identifier, outputs)).collect();
                self.outbox.answer(&write::subscribed(self.version, id, &granted));
            }
            Incoming::Unsubscribe { id, filters } => {
                let were_there: Vec<bool> = filters.iter().map(|filter| self.unsubscribe(filter)).collect();
                self.outbox.answer(&write::unsubscribed(self.version, id, &were_there));
            }
            // Nobody publishes here. Version 5 has a word for that; the older one can only be closed.
            Incoming::Publish { id: Some(id), qos: 1 } if self.version == Version::V5 => {
                self.outbox.answer(&write::not_published(id));
            }
            Incoming::Publish { qos, .. } => {
                self.end(if qos == 2 { Reason::Qos } else { Reason::NotAuthorized }, outputs);
            }
            Incoming::Acknowledged(id) => {
                self.taken_at = now;
                self.outbox.acknowledged(id);
            }
            Incoming::Ping => self.outbox.answer(&write::pong()),
            Incoming::Goodbye => {
                self.outbox.forget();
                self.state = State::Over;
                outputs.push(Output::Close);
            }
        }
    }

    fn hello(&mut self, hello: Hello, outputs: &mut Vec<Output>) {
        self.version = hello.version;
        self.outbox = Outbox::new(hello.version, hello.receive_maximum, hello.largest);
        if hello.has_auth_method {
            return self.refuse(Reason::AuthMethod, outputs);
        }
        if hello.has_will {
            return self.refuse(Reason::NotAuthorized, outputs);
        }
        if hello.version == Version::V3 && hello.client.is_empty() && !hello.clean {
            return self.refuse(Reason::ClientId, outputs);
        }
        let (Some(user), Some(password)) = (hello.user.clone(), hello.password.clone()) else {
            return self.refuse(Reason::BadLogin, outputs);
        };
        outputs.push(Output::Judge(Login { user, password, client: hello.client.clone() }));
        self.state = State::Knocking(hello);
    }

    fn admit(&mut self, topics: Topics, grants: Grants, name: &str) {
        let State::Knocking(hello) = std::mem::replace(&mut self.state, State::Open { topics, grants }) else { return };
        let (asked, longest) = (hello.keep_alive_seconds, LONGEST_KEEP_ALIVE);
        let shortened = (hello.version == Version::V5 && (asked == 0 || asked > longest)).then_some(longest);
        let seconds = u64::from(shortened.unwrap_or(asked));
        self.silence_allowed = (seconds > 0).then(|| Duration::from_millis(seconds * 1500));
        let assigned = hello.client.is_empty().then_some(name);
        self.outbox.answer(&write::welcome(hello.version, assigned, shortened));
    }

    fn subscribe(&mut self, wish: Wish, identifier: Option<u32>, outputs: &mut Vec<Output>) -> Result<u8, Reason> {
        let State::Open { topics, grants } = &self.state else { return Err(Reason::NotAuthorized) };
        let filter = Filter::parse(&wish.filter)?;
        if !topics.can_meet(&filter, grants) {
            return Err(Reason::NotAuthorized);
        }
        let at_least_once = wish.qos > 0;
        let subscription = Subscription { filter, text: wish.filter, at_least_once, as_published: wish.as_published, identifier };
        let before = self.subscriptions.len();
        self.subscriptions.retain(|before| before.text != subscription.text);
        let is_new = self.subscriptions.len() == before;
        if before == MOST_FILTERS && is_new {
            return Err(Reason::Quota);
        }
        self.subscriptions.push(subscription.clone());
        if wish.retain_handling == 0 || (wish.retain_handling == 1 && is_new) {
            outputs.push(Output::Show(subscription));
        }
        Ok(u8::from(at_least_once))
    }

    fn unsubscribe(&mut self, text: &str) -> bool {
        let before = self.subscriptions.len();
        self.subscriptions.retain(|subscription| subscription.text != text);
        self.subscriptions.len() < before
    }

    /// One copy for the client, however many of its filters meet it.
    fn tell(&mut self, now: Duration, message: Message, outputs: &mut Vec<Output>) {
        let meets = |subscription: &&Subscription| subscription.filter.matches(&message.topic);
        let meeting: Vec<&Subscription> = self.subscriptions.iter().filter(meets).collect();
        if meeting.is_empty() {
            return;
        }
        let waiting = Waiting {
            at_least_once: meeting.iter().any(|subscription| subscription.at_least_once),
            retain: message.is_state && meeting.iter().any(|subscription| subscription.as_published),
            identifiers: meeting.iter().filter_map(|subscription| subscription.identifier).collect(),
            topic: message.topic,
            payload: message.payload,
        };
        self.push(now, waiting, message.is_state, outputs);
    }

    fn push(&mut self, now: Duration, waiting: Waiting, is_state: bool, outputs: &mut Vec<Output>) {
        if self.outbox.is_idle() {
            (self.taken_at, self.lost) = (now, 0);
        }
        if self.outbox.push(waiting) {
            return;
        }
        self.lost += 1;
        if self.lost > MOST_LOST {
            self.end(Reason::Quota, outputs);
        } else if is_state && !outputs.contains(&Output::ShowAll) {
            outputs.push(Output::ShowAll);
        }
    }

    fn look_at_the_time(&mut self, now: Duration, outputs: &mut Vec<Output>) {
        if self.silence_allowed.is_some_and(|allowed| now.saturating_sub(self.heard_at) > allowed) {
            self.end(Reason::KeepAlive, outputs);
        } else if self.outbox.is_idle() {
            (self.taken_at, self.lost) = (now, 0);
        } else if now.saturating_sub(self.taken_at) > STALLED_AFTER {
            self.end(Reason::Quota, outputs);
        }
    }

    fn refuse(&mut self, reason: Reason, outputs: &mut Vec<Output>) {
        self.outbox.answer(&write::refusal(self.version, reason));
        self.state = State::Over;
        outputs.push(Output::Close);
    }

    /// Nothing that waits is sent any more: the key may be why it ends.
    fn end(&mut self, reason: Reason, outputs: &mut Vec<Output>) {
        self.outbox.forget();
        if matches!(self.state, State::Open { .. }) {
            self.outbox.answer(&write::goodbye(self.version, reason));
        }
        self.state = State::Over;
        outputs.push(Output::Close);
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
