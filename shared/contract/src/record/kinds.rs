//! The record kinds one by one: columns, labels, and what of each is shown to whom.

mod access;
mod catalogue;
mod filament;
mod floor;
mod webhooks;

use domain::access::Grants;
use domain::actor::Actor;
use domain::attempt::Attempt;
use domain::command::Command;
use domain::farm::Farm;
use domain::file::File;
use domain::job::Job;
use domain::kind::Kind;
use domain::part::{Part, Pool};
use domain::permission::Permission;
use domain::printer::Printer;
use serde::Serialize;
use serde_json::Value;

use super::{Cell, Column, Document, Record, TagScope, integer, searched, text, time};

fn hide(document: &mut Document, grants: &Grants, needed: Permission, fields: &[&str]) {
    if !grants.permissions.has(needed) {
        for field in fields {
            document.remove(*field);
        }
    }
}

fn id<T: std::fmt::Display>(id: T) -> Cell {
    Cell::Text(id.to_string())
}

fn word<T: Serialize>(value: T) -> Cell {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => Cell::Text(word),
        Ok(_) | Err(_) => Cell::Null,
    }
}

impl Record for Farm {
    const KIND: Kind = Kind::Farm;
    const VIEW: Permission = Permission::FarmView;
    const COLUMNS: &'static [Column] = &[searched("name"), text("dispatch"), text("live")];
    const TAG_SCOPE: TagScope = TagScope::Free;
    type Id = domain::id::FarmId;

    fn id(&self) -> Self::Id {
        self.id
    }
    fn created_at(&self) -> domain::time::Timestamp {
        self.created_at
    }
    fn cells(&self) -> Vec<Cell> {
        vec![id(&self.name), word(self.dispatch), id(self.live)]
    }
    fn project(_: &mut Document, _: &Grants) {}
}

impl Record for Printer {
    const KIND: Kind = Kind::Printer;
    const VIEW: Permission = Permission::PrinterView;
    const COLUMNS: &'static [Column] = &[
        searched("name"),
        searched("model"),
        text("display"),
        text("connection"),
        text("activity"),
        text("bed"),
        text("admin"),
        text("driver"),
        text("external_id").indexed(),
    ];
    const TAG_SCOPE: TagScope = TagScope::OwnTags;
    type Id = domain::id::PrinterId;

    fn id(&self) -> Self::Id {
        self.id
    }
    fn created_at(&self) -> domain::time::Timestamp {
        self.created_at
    }
    fn cells(&self) -> Vec<Cell> {
        vec![
            id(&self.name),
            self.machine.model.clone().into(),
            word(self.display),
            word(self.connection),
            word(self.activity),
            word(self.bed),
            word(self.admin),
            Cell::Text(self.link.driver.clone()),
            self.external_id.as_ref().map(ToString::to_string).into(),
        ]
    }
    fn labels(&self) -> Vec<String> {
        self.tags.iter().map(ToString::to_string).collect()
    }
    fn metadata(&self) -> Option<&domain::text::Metadata> {
        Some(&self.metadata)
    }
    fn project(document: &mut Document, grants: &Grants) {
        hide(document, grants, Permission::JobView, &["job_id", "attempt_id"]);
        hide(document, grants, Permission::SpoolView, &["loaded"]);
        if !grants.permissions.has(Permission::JobView) {
            // The use of a bed by one of our prints is that print's id.
            let ours = document.get("bed_use").and_then(Value::as_str).is_some_and(|bed_use| bed_use.starts_with("att_"));
            if ours && !grants.permissions.has(Permission::PrinterClearBed) {
                document.remove("bed_use");
                document.remove("bed_token");
            }
        }
    }
}

impl Record for Pool {
    const KIND: Kind = Kind::Pool;
    const VIEW: Permission = Permission::PoolView;
    const COLUMNS: &'static [Column] = &[searched("name")];
    const TAG_SCOPE: TagScope = TagScope::OwnTags;
    type Id = domain::id::PoolId;

    fn id(&self) -> Self::Id {
        self.id
    }
    fn created_at(&self) -> domain::time::Timestamp {
        self.created_at
    }
    fn cells(&self) -> Vec<Cell> {
        vec![id(&self.name)]
    }
    fn labels(&self) -> Vec<String> {
        self.tags.iter().map(ToString::to_string).collect()
    }
    fn project(_: &mut Document, _: &Grants) {}
}

impl Record for File {
    const KIND: Kind = Kind::File;
    const VIEW: Permission = Permission::FileView;
    const COLUMNS: &'static [Column] = &[
        searched("name"),
        text("sha256").indexed(),
        integer("size_bytes"),
        text("content").indexed(),
        text("model"),
        text("created_by").indexed(),
    ];
    const TAG_SCOPE: TagScope = TagScope::Free;
    type Id = domain::id::FileId;

    fn id(&self) -> Self::Id {
        self.id
    }
    fn created_at(&self) -> domain::time::Timestamp {
        self.created_at
    }
    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::Text(self.name.clone()),
            id(self.sha256),
            Cell::Integer(i64::try_from(self.size_bytes).unwrap_or(i64::MAX)),
            id(self.content.word()),
            self.sliced.printer_model.clone().into(),
            id(&self.created_by),
        ]
    }
    fn owner(&self) -> Option<&Actor> {
        Some(&self.created_by)
    }
    fn project(_: &mut Document, _: &Grants) {}
    fn lighten(document: &mut Document) {
        if let Some(Value::Object(sliced)) = document.get_mut("sliced") {
            sliced.remove("thumbnails");
            sliced.remove("outline");
        }
    }
}

impl Record for Part {
    const KIND: Kind = Kind::Part;
    const VIEW: Permission = Permission::PartView;
    const COLUMNS: &'static [Column] = &[searched("name"), text("external_id").indexed()];
    const TAG_SCOPE: TagScope = TagScope::Free;
    type Id = domain::id::PartId;

    fn id(&self) -> Self::Id {
        self.id
    }
    fn created_at(&self) -> domain::time::Timestamp {
        self.created_at
    }
    fn cells(&self) -> Vec<Cell> {
        vec![id(&self.name), self.external_id.as_ref().map(ToString::to_string).into()]
    }
    fn metadata(&self) -> Option<&domain::text::Metadata> {
        Some(&self.metadata)
    }
    fn project(_: &mut Document, _: &Grants) {}
}

impl Record for Job {
    const KIND: Kind = Kind::Job;
    const VIEW: Permission = Permission::JobView;
    const COLUMNS: &'static [Column] = &[
        searched("name"),
        text("state"),
        text("phase").indexed(),
        text("printer_id").indexed().shown_with(Permission::PrinterView),
        text("file_id").indexed(),
        text("part_id"),
        text("external_id").indexed(),
        text("created_by").indexed(),
        integer("priority"),
        integer("rank").indexed(),
        time("due_at"),
        time("ended_at"),
    ];
    const TAG_SCOPE: TagScope = TagScope::JobTarget;
    type Id = domain::id::JobId;

    fn id(&self) -> Self::Id {
        self.id
    }
    fn created_at(&self) -> domain::time::Timestamp {
        self.created_at
    }
    fn cells(&self) -> Vec<Cell> {
        vec![
            id(&self.name),
            word(self.state.word()),
            word(self.state.phase()),
            self.state.run().map(|run| run.printer_id.to_string()).into(),
            id(self.file_id),
            self.part_id.map(|part| part.to_string()).into(),
            self.external_id.as_ref().map(ToString::to_string).into(),
            id(&self.created_by),
            Cell::Integer(self.priority.into()),
            Cell::Integer(self.rank),
            self.due_at.into(),
            self.ended_at.into(),
        ]
    }
    fn labels(&self) -> Vec<String> {
        let ran_on = self.printers_tried.iter().chain(self.target.printer_id.iter()).map(|printer| format!("printer:{printer}"));
        let pool = self.target.pool_id.iter().map(|pool| format!("pool:{pool}"));
        let tags = self.target.tags.iter().map(|tag| format!("tag:{tag}"));
        let any = self.target.is_any().then(|| "any".to_owned());
        ran_on.chain(pool).chain(tags).chain(any).collect()
    }
    fn metadata(&self) -> Option<&domain::text::Metadata> {
        Some(&self.metadata)
    }
    fn owner(&self) -> Option<&Actor> {
        Some(&self.created_by)
    }
    fn project(document: &mut Document, grants: &Grants) {
        hide(document, grants, Permission::PrinterView, &["printer_id", "printers_tried"]);
    }
}

impl Record for Attempt {
    const KIND: Kind = Kind::Attempt;
    const VIEW: Permission = Permission::JobView;
    const COLUMNS: &'static [Column] = &[
        text("job_id").indexed(),
        text("printer_id").indexed().shown_with(Permission::PrinterView),
        text("file_id").indexed(),
        text("state"),
        time("ended_at"),
    ];
    const TAG_SCOPE: TagScope = TagScope::PrinterColumn("printer_id");
    type Id = domain::id::AttemptId;

    fn id(&self) -> Self::Id {
        self.id
    }
    fn created_at(&self) -> domain::time::Timestamp {
        self.created_at
    }
    fn cells(&self) -> Vec<Cell> {
        vec![id(self.job_id), id(self.printer_id), id(self.file_id), word(self.state.state_word()), self.ended_at.into()]
    }
    fn project(document: &mut Document, grants: &Grants) {
        hide(document, grants, Permission::PrinterView, &["printer_id"]);
    }
}

impl Record for Command {
    const KIND: Kind = Kind::Command;
    const VIEW: Permission = Permission::PrinterView;
    const COLUMNS: &'static [Column] =
        &[text("state").indexed(), text("verb"), text("printer_id").indexed(), text("created_by").indexed()];
    const TAG_SCOPE: TagScope = TagScope::PrinterColumn("printer_id");
    type Id = domain::id::CommandId;

    fn id(&self) -> Self::Id {
        self.id
    }
    fn created_at(&self) -> domain::time::Timestamp {
        self.created_at
    }
    fn cells(&self) -> Vec<Cell> {
        vec![word(self.state), word(self.verb), id(self.printer_id), id(&self.created_by)]
    }
    fn owner(&self) -> Option<&Actor> {
        Some(&self.created_by)
    }
    fn project(document: &mut Document, grants: &Grants) {
        hide(document, grants, Permission::JobView, &["attempt_id"]);
    }
}
