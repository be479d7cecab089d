//! Materials, spools and the slots that they are in.

use domain::access::Grants;
use domain::filament::{Material, Slot, Spool, SpoolEntry};
use domain::kind::Kind;
use domain::permission::Permission;
use domain::text::Metadata;
use domain::time::Timestamp;

use super::{hide, id};
use crate::record::{Cell, Column, Document, Record, TagScope, searched, text};

impl Record for Material {
    const KIND: Kind = Kind::Material;
    const VIEW: Permission = Permission::MaterialView;
    const COLUMNS: &'static [Column] = &[searched("type"), searched("vendor"), searched("colour_name"), text("colour_hex")];
    const TAG_SCOPE: TagScope = TagScope::Free;
    type Id = domain::id::MaterialId;

    fn id(&self) -> Self::Id {
        self.id
    }
    fn created_at(&self) -> Timestamp {
        self.created_at
    }
    fn cells(&self) -> Vec<Cell> {
        vec![
            id(&self.material_type),
            self.vendor.as_ref().map(ToString::to_string).into(),
            self.colour_name.as_ref().map(ToString::to_string).into(),
            self.colour_hex.as_ref().map(ToString::to_string).into(),
        ]
    }
    fn project(document: &mut Document, grants: &Grants) {
        hide(document, grants, Permission::CostView, &["price_per_kg"]);
    }
}

impl Record for Spool {
    const KIND: Kind = Kind::Spool;
    const VIEW: Permission = Permission::SpoolView;
    const COLUMNS: &'static [Column] = &[
        text("material_id").indexed(),
        searched("location"),
        text("printer_id").indexed().shown_with(Permission::PrinterView),
        text("external_id").indexed(),
    ];
    const TAG_SCOPE: TagScope = TagScope::Free;
    type Id = domain::id::SpoolId;

    fn id(&self) -> Self::Id {
        self.id
    }
    fn created_at(&self) -> Timestamp {
        self.created_at
    }
    fn cells(&self) -> Vec<Cell> {
        vec![
            id(self.material_id),
            self.location.as_ref().map(ToString::to_string).into(),
            self.printer_id.map(|printer| printer.to_string()).into(),
            self.external_id.as_ref().map(ToString::to_string).into(),
        ]
    }
    fn metadata(&self) -> Option<&Metadata> {
        Some(&self.metadata)
    }
    fn project(document: &mut Document, grants: &Grants) {
        hide(document, grants, Permission::PrinterView, &["slot_id", "printer_id"]);
    }
}

impl Record for SpoolEntry {
    const KIND: Kind = Kind::SpoolEntry;
    const VIEW: Permission = Permission::SpoolView;
    const COLUMNS: &'static [Column] = &[text("spool_id").indexed(), text("created_by")];
    const TAG_SCOPE: TagScope = TagScope::Free;
    type Id = domain::id::SpoolEntryId;

    fn id(&self) -> Self::Id {
        self.id
    }
    fn created_at(&self) -> Timestamp {
        self.created_at
    }
    fn cells(&self) -> Vec<Cell> {
        vec![id(self.spool_id), id(&self.created_by)]
    }
    fn project(_: &mut Document, _: &Grants) {}
}

impl Record for Slot {
    const KIND: Kind = Kind::Slot;
    const VIEW: Permission = Permission::PrinterView;
    const COLUMNS: &'static [Column] =
        &[text("printer_id").indexed(), searched("name"), text("spool_id").indexed().shown_with(Permission::SpoolView)];
    const TAG_SCOPE: TagScope = TagScope::PrinterColumn("printer_id");
    type Id = domain::id::SlotId;

    fn id(&self) -> Self::Id {
        self.id
    }
    fn created_at(&self) -> Timestamp {
        self.created_at
    }
    fn cells(&self) -> Vec<Cell> {
        vec![
            id(self.printer_id),
            self.name.as_ref().map(ToString::to_string).into(),
            self.spool_id.map(|spool| spool.to_string()).into(),
        ]
    }
    fn project(document: &mut Document, grants: &Grants) {
        hide(document, grants, Permission::SpoolView, &["spool_id"]);
    }
}
