//! From a hello to an open session.

use std::collections::BTreeMap;

use super::mailbox::Mailbox;
use super::{Admission, Open, Phase, RelayOutput, RelaySession};
use crate::feed::Feed;
use crate::frame::{ByeCode, Cursor, Frame, Hello, Limits, PROTO, Packet, RelayGot, Stream, Welcome};
use crate::intake::Intake;
use crate::{ITEMS, WINDOW};

impl RelaySession {
    pub(super) fn hello(&mut self, hello: Hello) {
        if !matches!(self.phase, Phase::Challenged) {
            return;
        }
        if hello.proto.1 < PROTO.0 || hello.proto.0 > PROTO.1 {
            return self.close(ByeCode::Upgrade, None);
        }
        let message = hello.signed(&self.start.relay, &self.start.nonce);
        self.phase = Phase::Judging(Box::new(hello.clone()));
        self.out.push(RelayOutput::Admit { hello: Box::new(hello), message });
    }

    pub(super) fn admitted(&mut self, now_ms: u64, admission: Admission) {
        let Phase::Judging(hello) = &self.phase else { return };
        let Admission { session_no, relay_epoch, rows, events, account_head, account_floor, .. } = admission;
        let (answered, requests_wait) = (admission.answered, admission.requests_wait);
        let head = |at| Cursor { epoch: hello.epoch.clone(), at };
        let account = &hello.got.account;
        let welcome = Welcome {
            proto: hello.proto.1.min(PROTO.1),
            session_no,
            relay_epoch: relay_epoch.clone(),
            got: RelayGot { rows: rows.cursor.clone(), events: events.cursor.clone() },
            limits: Limits { items: ITEMS, window: WINDOW },
            sent_ms: now_ms,
            content_token: admission.content_token,
            pass: admission.pass,
            last_number: admission.last_number,
        };
        let open = Open {
            session_no,
            rows: Intake::new(&rows, Some(&head(hello.heads.rows)), WINDOW),
            events: Intake::new(&events, Some(&head(hello.heads.events)), WINDOW),
            account: Feed::new(Stream::Account, &relay_epoch, account_head, account_floor, account, WINDOW, now_ms),
            requests: Mailbox::new(answered, requests_wait),
            telemetry_n: BTreeMap::new(),
        };
        self.out.push(RelayOutput::Send(Packet { session_no: 0, frame: Frame::Welcome(welcome) }));
        self.out.push(RelayOutput::Opened(session_no));
        self.phase = Phase::Open(Box::new(open));
    }
}
