//! Who may be connected to the printer's broker, and what of theirs is heard.

use super::core::Core;
use super::door::{ClientId, Output};
use super::packets::{Heard, Told};
use domain::time::Timestamp;

impl Core {
    /// Takes what one client says.
    pub(super) fn client(&mut self, now: Timestamp, client: ClientId, heard: Heard, out: &mut Vec<Output>) {
        if heard == Heard::Gone {
            self.clients.remove(&client);
            return;
        }
        if self.faults.silent {
            return;
        }
        if let Heard::Hello { user, password, .. } = &heard {
            if self.faults.drop_clients || self.clients.len() >= self.settings.most_clients {
                out.push(Output::Drop { client });
            } else if self.admits(user, password) {
                self.counters.clients += 1;
                self.clients.insert(client, false);
                self.later(now, Output::Tell { client, told: Told::Welcome }, out);
            } else {
                self.later(now, Output::Tell { client, told: Told::Refused }, out);
                self.later(now, Output::Drop { client }, out);
            }
            return;
        }
        if !self.clients.contains_key(&client) {
            out.push(Output::Drop { client });
            return;
        }
        let told = match heard {
            // Whoever wants to hear or say anything else is thrown out.
            Heard::Subscribe { filters, .. } if filters.iter().any(|filter| *filter != self.topic("report")) => None,
            Heard::Publish { topic, .. } if topic != self.topic("request") => None,
            Heard::Subscribe { id, filters } => {
                self.clients.insert(client, true);
                Some(Some(Told::Subscribed(id, filters.len())))
            }
            Heard::Unsubscribe { id } => {
                self.clients.insert(client, false);
                Some(Some(Told::Unsubscribed(id)))
            }
            Heard::Publish { id, payload, .. } => {
                if let Some(id) = id.filter(|_| !self.faults.half_dead) {
                    self.later(now, Output::Tell { client, told: Told::Acknowledged(id) }, out);
                }
                self.request(now, client, &payload, out);
                Some(None)
            }
            Heard::Ping => Some(Some(Told::Pong)),
            Heard::Hello { .. } | Heard::Gone => Some(None),
        };
        match told {
            Some(Some(told)) => self.later(now, Output::Tell { client, told }, out),
            Some(None) => {}
            None => self.drop_client(client, out),
        }
    }

    pub(super) fn drop_client(&mut self, client: ClientId, out: &mut Vec<Output>) {
        if self.clients.remove(&client).is_some() {
            out.push(Output::Drop { client });
        }
    }

    pub(super) fn drop_clients(&mut self, out: &mut Vec<Output>) {
        out.extend(std::mem::take(&mut self.clients).into_keys().map(|client| Output::Drop { client }));
    }
}
