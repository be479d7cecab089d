//! The presets of API keys, each with a call that works at this door.

use contract::list::Selection;
use contract::operation::{Asked, Contract};
use contract::ops::key_presets::{KeyPreset, ListApiKeyPresets, PresetShown, Presets};
use contract::record::kind_row;
use domain::kind::Kind;
use store::StoreError;

use crate::door::Door;
use crate::operation::{By, Failure, Read};

impl Read for ListApiKeyPresets {
    async fn read(by: &By<Self>, door: &Door, _: Asked<Self>) -> Result<Presets, Failure> {
        let call = FirstCall::of(by, door)?;
        let shown = |preset: &KeyPreset| PresetShown {
            preset: *preset,
            title: preset.title().to_owned(),
            about: preset.about().to_owned(),
            permissions: preset.permissions(),
            ends_after_seconds: preset.ends_after_seconds(),
            curl: call.text(*preset, "$KEY"),
        };
        std::future::ready(Ok(Presets { items: KeyPreset::ALL.iter().map(shown).collect() })).await
    }
}

/// Where a first call goes.
pub struct FirstCall {
    url: String,
    farm: Option<String>,
}

impl FirstCall {
    /// At this door; to the caller's first farm, if they have several.
    ///
    /// # Errors
    /// What the database says.
    pub fn of<C: Contract>(by: &By<C>, door: &Door) -> Result<Self, StoreError> {
        let all = Selection { limit: 2, ..Selection::all() };
        let farms = door.store.read(|rows| rows.list(kind_row(Kind::Farm), &all, by.sight()))?.rows;
        let farm = farms.first().filter(|_| door.is_relay() && farms.len() > 1).map(|farm| farm.id.clone());
        Ok(Self { url: door.own_url(), farm })
    }

    /// As a person types it.
    pub fn text(&self, preset: KeyPreset, key: &str) -> String {
        preset.curl(&self.url, key, self.farm.as_deref())
    }
}
