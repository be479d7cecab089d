//! Pause and resume.

use contract::list::View;
use contract::operation::Asked;
use contract::ops::webhooks::{PauseWebhook, ResumeWebhook};
use contract::problem::{Code, Problem};
use domain::webhook::{Webhook, WebhookState};

use crate::operation::{AtHome, By, Failure, Write, Written};
use crate::ops::unprepared;

impl Write for PauseWebhook {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Webhook>>, Failure> {
        let mut webhook = by.find_to_change::<Webhook>(at.rows(), asked.target.id)?.record;
        webhook.state = match webhook.state {
            WebhookState::Active | WebhookState::Paused => WebhookState::Paused,
            WebhookState::Disabled { .. } => {
                return Err(Problem::new(Code::IllegalState).detail("it is switched off already").on(webhook.id).into());
            }
        };
        at.update(&webhook)?;
        Ok(by.view(at.rows(), webhook.id)?.into())
    }
}

impl Write for ResumeWebhook {
    unprepared!();

    fn write(by: &By<Self>, at: &mut AtHome<'_, '_>, asked: Asked<Self>, (): ()) -> Result<Written<View<Webhook>>, Failure> {
        let mut webhook = by.find_to_change::<Webhook>(at.rows(), asked.target.id)?.record;
        if webhook.state != WebhookState::Active {
            // Its five days begin anew.
            (webhook.state, webhook.failing_since) = (WebhookState::Active, None);
            at.update(&webhook)?;
        }
        Ok(by.view(at.rows(), webhook.id)?.into())
    }
}
