//! The printer's file server, as vsftpd on the printers behaves: implicit TLS, data connections that must resume the session, and
//! uploads that leave behind whatever came.

use super::card::{self, Full};
use super::core::Core;
use super::door::{Channel, FtpHeard, FtpId, FtpOrder, Output};
use super::settings::Model;
use bytes::Bytes;
use domain::time::Timestamp;
use std::collections::BTreeMap;
use std::fmt::Write;

const NOT_RESUMED: &str =
    "522 SSL connection failed: session reuse required: see require_ssl_reuse option in vsftpd.conf man page";

#[derive(Debug, Default)]
pub(super) struct Sessions(BTreeMap<FtpId, Session>);

#[derive(Debug, Default)]
struct Session {
    user: String,
    known: bool,
    folder: String,
    protected: bool,
    listens: bool,
    renaming: Option<String>,
    transfer: Option<Transfer>,
}

#[derive(Debug)]
enum Transfer {
    Upload { path: String, bytes: u64 },
    Download,
}

impl Sessions {
    /// Those that there are; they are forgotten.
    pub(super) fn end(&mut self) -> impl Iterator<Item = FtpId> + use<> {
        std::mem::take(&mut self.0).into_keys()
    }
}

impl Core {
    /// Takes what happened on one session.
    pub(super) fn ftp(&mut self, now: Timestamp, id: FtpId, heard: FtpHeard, out: &mut Vec<Output>) {
        if let FtpHeard::Closed = heard {
            self.ftp.0.remove(&id);
            return;
        }
        if self.faults.silent {
            return;
        }
        let mut session = match heard {
            FtpHeard::Opened => Session { folder: "/".into(), ..Session::default() },
            FtpHeard::Line(_)
            | FtpHeard::Accepted
            | FtpHeard::Ready { .. }
            | FtpHeard::Data(_)
            | FtpHeard::Ended { .. }
            | FtpHeard::Closed => match self.ftp.0.remove(&id) {
                Some(session) => session,
                None => return,
            },
        };
        let orders = match heard {
            FtpHeard::Opened => vec![reply("220 (vsFTPd 3.0.3)")],
            FtpHeard::Line(line) => self.line(&mut session, &line),
            FtpHeard::Accepted => match session.transfer {
                Some(Transfer::Upload { .. }) => vec![reply("150 Ok to send data.")],
                Some(Transfer::Download) => vec![reply("150 Here comes the data.")],
                None => Vec::new(),
            },
            FtpHeard::Ready { resumed } => self.ready(&mut session, resumed),
            FtpHeard::Data(bytes) => self.data(&mut session, &bytes),
            FtpHeard::Ended { whole } => self.ended(&mut session, whole),
            FtpHeard::Closed => Vec::new(),
        };
        let goes_on = !orders.contains(&FtpOrder::Close);
        for order in orders {
            self.later(now, Output::Ftp { session: id, order }, out);
        }
        if goes_on {
            self.ftp.0.insert(id, session);
        }
    }

    fn line(&mut self, session: &mut Session, line: &str) -> Vec<FtpOrder> {
        let (verb, rest) = line.split_once(' ').unwrap_or((line, ""));
        let verb = verb.to_ascii_uppercase();
        match verb.as_str() {
            "USER" => {
                session.user = rest.to_owned();
                return vec![reply("331 Please specify the password.")];
            }
            "PASS" => {
                session.known = self.admits(&session.user, rest);
                return vec![reply(if session.known { "230 Login successful." } else { "530 Login incorrect." })];
            }
            "QUIT" => return vec![reply("221 Goodbye."), FtpOrder::Close],
            "PBSZ" => return vec![reply("200 PBSZ set to 0.")],
            "FEAT" | "REST" => return vec![reply("502 Command not implemented.")],
            _ if !session.known => return vec![reply("530 Please login with USER and PASS.")],
            _ => {}
        }
        if verb != "PASV" && (session.renaming.is_some() && verb != "RNTO") {
            session.renaming = None;
        }
        if let Some(orders) = self.transfer(session, &verb, rest) {
            return orders;
        }
        vec![reply(&self.plain(session, &verb, rest))]
    }

    /// What is answered in one line.
    fn plain(&mut self, session: &mut Session, verb: &str, rest: &str) -> String {
        let path = card::resolve(&session.folder, rest);
        let done = |done: bool, text: &str, not: &str| if done { text.to_owned() } else { not.to_owned() };
        match verb {
            "PROT" => match rest {
                "P" | "C" => {
                    session.protected = rest == "P";
                    format!("200 PROT now {}.", if session.protected { "Private" } else { "Clear" })
                }
                _ => "536 PROT not supported.".into(),
            },
            "TYPE" => "200 Switching to Binary mode.".into(),
            "NOOP" => "200 NOOP ok.".into(),
            "SYST" => "215 UNIX Type: L8".into(),
            "PWD" => format!("257 \"{}\" is the current directory", session.folder),
            "CWD" | "CDUP" => {
                let path = if verb == "CDUP" { card::parent(&session.folder).to_owned() } else { path };
                let there = self.there_is_a_card() && self.card.has_folder(&path);
                if there {
                    session.folder = path;
                }
                done(there, "250 Directory successfully changed.", "550 Failed to change directory.")
            }
            "SIZE" => match self.card.size(&path).filter(|_| self.there_is_a_card()) {
                Some(size) => format!("213 {size}"),
                None => "550 Could not get file size.".into(),
            },
            "MKD" => {
                let made = self.there_is_a_card() && self.card.make_folder(&path);
                done(made, &format!("257 \"{path}\" created"), "550 Create directory operation failed.")
            }
            "RMD" => {
                let gone = self.there_is_a_card() && self.card.remove_folder(&path);
                done(gone, "250 Remove directory operation successful.", "550 Remove directory operation failed.")
            }
            "DELE" => {
                let gone = self.there_is_a_card() && self.card.remove(&path);
                done(gone, "250 Delete operation successful.", "550 Delete operation failed.")
            }
            "RNFR" => {
                let there = self.there_is_a_card() && self.card.size(&path).is_some();
                session.renaming = there.then_some(path);
                done(there, "350 Ready for RNTO.", "550 RNFR command failed.")
            }
            "RNTO" => {
                let renamed = session.renaming.take().is_some_and(|from| self.card.rename(&from, &path));
                done(renamed, "250 Rename successful.", "503 RNFR required first.")
            }
            _ => "500 Unknown command.".into(),
        }
    }

    /// What needs a data connection; none if the command is another.
    fn transfer(&mut self, session: &mut Session, verb: &str, rest: &str) -> Option<Vec<FtpOrder>> {
        let channel = match session.protected {
            true if self.faults.deaf_to_protected_data => Channel::Deaf,
            true => Channel::Protected,
            false => Channel::Clear,
        };
        let listens = session.listens;
        let path = card::resolve(&session.folder, rest.trim_start_matches("-a").trim_start_matches("-l").trim());
        let given = match verb {
            "PASV" => {
                session.listens = true;
                return Some(vec![FtpOrder::Listen]);
            }
            "STOR" => return Some(self.store(session, rest, channel)),
            "RETR" => self.card.read(&path).ok_or("550 Failed to open file."),
            // A folder that is not there has nothing in it.
            "LIST" => Ok(self.listing(&path).into()),
            "NLST" => Ok(self.names(&path, rest).into()),
            _ => return None,
        };
        let given = given.and_then(|bytes: Bytes| match () {
            () if !self.there_is_a_card() => Err("550 Failed to open file."),
            () if !listens => Err("425 Use PORT or PASV first."),
            () => Ok(bytes),
        });
        session.listens = false;
        Some(match given {
            Ok(bytes) => {
                session.transfer = Some(Transfer::Download);
                vec![FtpOrder::Give(channel, bytes)]
            }
            Err(refusal) => vec![reply(refusal)],
        })
    }

    fn store(&mut self, session: &mut Session, name: &str, channel: Channel) -> Vec<FtpOrder> {
        let path = card::resolve(&session.folder, name);
        if !std::mem::take(&mut session.listens) {
            return vec![reply("425 Use PORT or PASV first.")];
        }
        if let Some(code) = self.faults.refuse_uploads {
            return vec![reply(&format!("{code} Refused."))];
        }
        if !self.there_is_a_card() || !self.card.has_folder(card::parent(&path)) || self.card.has_folder(&path) || name.is_empty()
        {
            return vec![reply("553 Could not create file.")];
        }
        // Whatever was there is gone now, also if nothing comes.
        self.card.create(&path);
        session.transfer = Some(Transfer::Upload { path, bytes: 0 });
        vec![FtpOrder::Take(channel)]
    }

    fn ready(&self, session: &mut Session, resumed: Option<bool>) -> Vec<FtpOrder> {
        if resumed == Some(false) && self.settings.demands_session_reuse {
            session.transfer = None;
            return vec![FtpOrder::Stop, reply(NOT_RESUMED)];
        }
        Vec::new()
    }

    fn data(&mut self, session: &mut Session, chunk: &[u8]) -> Vec<FtpOrder> {
        let Some(Transfer::Upload { path, bytes }) = &mut session.transfer else { return Vec::new() };
        *bytes += chunk.len() as u64;
        if self.faults.cut_uploads_after.is_some_and(|limit| *bytes > limit) {
            session.transfer = None;
            return vec![FtpOrder::Stop, reply("426 Failure reading network stream.")];
        }
        let kept = if self.faults.card_full { Err(Full) } else { self.card.append(path, chunk) };
        if kept.is_err() {
            session.transfer = None;
            return vec![FtpOrder::Stop, reply("552 Requested file action aborted. Exceeded storage allocation.")];
        }
        Vec::new()
    }

    fn ended(&mut self, session: &mut Session, whole: bool) -> Vec<FtpOrder> {
        match session.transfer.take() {
            None => Vec::new(),
            Some(_) if !whole => vec![reply("426 Failure reading network stream.")],
            Some(Transfer::Download) => vec![reply("226 Transfer complete.")],
            Some(Transfer::Upload { bytes, .. }) => {
                self.counters.uploads += 1;
                self.counters.upload_bytes += bytes;
                if self.faults.lose_upload_answers { Vec::new() } else { vec![reply("226 Transfer complete.")] }
            }
        }
    }

    /// The clock of the printers is wrong, and so are the dates.
    fn listing(&self, path: &str) -> String {
        let mut text = String::new();
        for (name, size) in self.card.list(path).into_iter().flatten() {
            let (kind, size) = (if size.is_none() { "drwxrwxrwx" } else { "-rw-rw-rw-" }, size.unwrap_or(4096));
            // Writing to a string cannot fail.
            let _ = write!(text, "{kind}    1 root     root     {size:8} Jan 01 00:00 {name}\r\n");
        }
        text
    }

    /// Bare on most printers; on an X1 as they were asked for.
    fn names(&self, path: &str, asked: &str) -> String {
        let before = match self.settings.model {
            Model::X1c if !asked.is_empty() => format!("{}/", asked.trim_end_matches('/')),
            Model::X1c | Model::P1s | Model::A1 | Model::A1Mini => String::new(),
        };
        self.card.list(path).into_iter().flatten().map(|(name, _)| format!("{before}{name}\r\n")).collect()
    }
}

fn reply(text: &str) -> FtpOrder {
    FtpOrder::Reply(text.to_owned())
}
