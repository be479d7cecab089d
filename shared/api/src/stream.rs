//! The live stream for pages: events of the log and live values of printers, as far as the caller may
//! see them. It ends when the caller's credential no longer holds.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::response::sse::{Event as Message, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use contract::list::Selection;
use contract::ops::events::Stream;
use contract::ops::printers::PrinterTelemetry;
use contract::record::kind_row;
use domain::id::PrinterId;
use domain::kind::Kind;
use domain::permission::Permission;
use domain::telemetry::Telemetry;
use fanout::{LogReader, Sight};
use futures_util::{FutureExt, stream};
use store::{EventCursor, StoreError, Within};
use tokio::sync::broadcast;
use tokio::time::{Interval, MissedTickBehavior, interval};

use crate::auth::{self, Caller};
use crate::door::Door;
use crate::operation::{By, Bytes, Failure, Streaming};
use crate::presence;

/// How often it is looked at whether the caller may still listen; a revoked key hears nothing after that.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Printers whose values come first.
const PRESENT: usize = 1000;
/// A sign of life, so that proxies keep the line open and a dead one is noticed.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

impl Bytes for Stream {
    async fn serve(by: By<Self>, door: Arc<Door>, call: Streaming<Self>) -> Result<Response, Failure> {
        let Streaming { asked, headers, .. } = call;
        let telemetry = asked.query.telemetry.then(|| door.follow_telemetry(by.store));
        let last = headers.get("last-event-id").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let from = last.or(asked.query.cursor).map(|text| text.parse::<EventCursor>()).transpose()?;
        let reader = LogReader::new(door.store.clone(), from, asked.query.types)?;
        let mut look_again = interval(LOOK_AGAIN);
        look_again.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Without data: it only tells the reader from where to go on if the line breaks.
        let waiting = vec![Message::default().id(reader.cursor().to_string())];
        let mut listener = Listener { caller: (*by).clone(), door, reader, telemetry, look_again, waiting, read_now: true };
        listener.show_present();
        let messages = stream::unfold(listener, |mut listener| async move {
            let message = listener.next().await?;
            Some((Ok::<_, Infallible>(message), listener))
        });
        let mut response = Sse::new(messages).keep_alive(KeepAlive::new().interval(KEEP_ALIVE)).into_response();
        response.headers_mut().insert("x-accel-buffering", http::HeaderValue::from_static("no"));
        std::future::ready(Ok(response)).await
    }
}

struct Listener {
    caller: Caller,
    door: Arc<Door>,
    reader: LogReader,
    telemetry: Option<broadcast::Receiver<(PrinterId, Telemetry)>>,
    look_again: Interval,
    /// Messages to be sent, last first.
    waiting: Vec<Message>,
    read_now: bool,
}

impl Listener {
    /// What every printer shows now comes first: a page that has just opened need not wait for the next
    /// sign of life of each.
    fn show_present(&mut self) {
        if self.telemetry.is_none() {
            return;
        }
        let within = Within { store: self.caller.store, farms: &self.caller.grants.farms, tags: &self.caller.grants.tags };
        let all = Selection { limit: PRESENT, ..Selection::all() };
        let Ok(printers) = self.door.store.read(|rows| rows.list(kind_row(Kind::Printer), &all, within)) else { return };
        let ids = printers.rows.into_iter().filter_map(|row| row.id.parse::<PrinterId>().ok());
        let present: Vec<_> = ids.filter_map(|id| Some((id, self.door.telemetry(id)?))).collect();
        for (printer, telemetry) in present {
            let message = self.telemetry_message(printer, telemetry);
            self.waiting.extend(message);
        }
    }

    /// The next message; none when the stream ends.
    async fn next(&mut self) -> Option<Message> {
        loop {
            // Also while there is much to tell: a slow reader must not outlive its key.
            if self.look_again.tick().now_or_never().is_some() {
                self.caller = self.caller_now()?;
                presence::listens(&self.door, &self.caller).await;
            }
            if let Some(message) = self.waiting.pop() {
                return Some(message);
            }
            if self.read_now || self.reader.behind() {
                self.read_now = false;
                self.waiting = self.read().ok()?;
                self.waiting.reverse();
                continue;
            }
            tokio::select! {
                changed = self.reader.changed() => {
                    if !changed {
                        return None;
                    }
                    self.read_now = true;
                }
                heard = next_telemetry(&mut self.telemetry) => {
                    if let Some(message) = heard.and_then(|(printer, telemetry)| self.telemetry_message(printer, telemetry)) {
                        return Some(message);
                    }
                }
                _ = self.look_again.tick() => {
                    self.caller = self.caller_now()?;
                }
            }
        }
    }

    /// A key that was narrowed sees less from here on; one that was revoked sees nothing.
    fn caller_now(&self) -> Option<Caller> {
        auth::caller(&self.door, &self.caller.credential, self.caller.from).ok()
    }

    fn read(&mut self) -> Result<Vec<Message>, StoreError> {
        let batch = self.reader.read()?;
        let sight = Sight { store: self.caller.store, grants: self.caller.grants.clone() };
        let epoch = self.reader.cursor().epoch.clone();
        let mut messages = Vec::new();
        if batch.gap {
            let position = batch.events.first().map_or(self.reader.cursor().position, |first| first.position - 1);
            let id = EventCursor { epoch: epoch.clone(), position }.to_string();
            messages.push(Message::default().event("gap").id(id).data("{}"));
        }
        self.door.store.read(|rows| {
            for stored in batch.events {
                let position = stored.position;
                let Some(event) = sight.project(rows, stored)? else { continue };
                let id = EventCursor { epoch: epoch.clone(), position }.to_string();
                let data = serde_json::to_string(&event).map_err(|cause| StoreError::Document { kind: "event", cause })?;
                messages.push(Message::default().id(id).data(data));
            }
            Ok::<_, StoreError>(())
        })?;
        self.read_now = batch.more;
        Ok(messages)
    }

    fn telemetry_message(&self, printer: PrinterId, telemetry: Telemetry) -> Option<Message> {
        let data = serde_json::to_string(&live_values(&self.door, &self.caller, printer, telemetry)?).ok()?;
        Some(Message::default().event("telemetry").data(data))
    }
}

/// Live values as that caller may see them, if at all.
pub fn live_values(door: &Door, caller: &Caller, printer_id: PrinterId, mut telemetry: Telemetry) -> Option<PrinterTelemetry> {
    let permissions = caller.grants.permissions;
    let home = door.store.read(|rows| rows.home_of(Kind::Printer, &printer_id.to_string())).ok()??;
    let here = home.0 == caller.store && home.1.is_some_and(|farm| caller.grants.farms.holds(&farm));
    if !here || !permissions.has(Permission::TelemetryView) || !permissions.has(Permission::PrinterView) {
        return None;
    }
    if let domain::access::Scope::Only(tags) = &caller.grants.tags {
        let labels = door.store.read(|rows| rows.labels_of(Kind::Printer, &printer_id.to_string())).ok()?;
        if !labels.iter().any(|label| tags.iter().any(|tag| tag.as_str() == label)) {
            return None;
        }
    }
    if !permissions.has(Permission::JobView) {
        telemetry.file = None;
    }
    Some(PrinterTelemetry { printer_id, telemetry })
}

/// The next live values; never, if none were asked for. Values that were missed are simply gone.
async fn next_telemetry(feed: &mut Option<broadcast::Receiver<(PrinterId, Telemetry)>>) -> Option<(PrinterId, Telemetry)> {
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
