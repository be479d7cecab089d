//! Operations that only list a kind or show one record of it.

use contract::list::{ListQuery, Page, View};
use contract::operation::{Asked, Contract, Of};
use contract::ops::{
    access, accounts, attempts, commands, devices, farms, files, jobs, keys, materials, operators, orders, parts, pools,
    printers, roles, skus, spools, stock, webhooks,
};
use contract::record::Record;

use crate::door::Door;
use crate::operation::{By, Failure, Read};

fn page<C, R>(by: &By<C>, door: &Door, query: &ListQuery<R>) -> Result<Page<R>, Failure>
where
    C: Contract,
    R: Record,
{
    door.store.read(|rows| by.page(rows, query))
}

fn one<C, R>(by: &By<C>, door: &Door, target: Of<R::Id>) -> Result<View<R>, Failure>
where
    C: Contract,
    R: Record,
{
    door.store.read(|rows| by.view(rows, target.id))
}

macro_rules! lists {
    ($($operation:path => $record:path),* $(,)?) => {$(
        impl Read for $operation {
            async fn read(by: &By<Self>, door: &Door, asked: Asked<Self>) -> Result<Page<$record>, Failure> {
                std::future::ready(page(by, door, &asked.query)).await
            }
        }
    )*};
}

macro_rules! shows {
    ($($operation:path => $record:path),* $(,)?) => {$(
        impl Read for $operation {
            async fn read(by: &By<Self>, door: &Door, asked: Asked<Self>) -> Result<View<$record>, Failure> {
                std::future::ready(one(by, door, asked.target)).await
            }
        }
    )*};
}

lists! {
    access::ListSessions => domain::key::Session,
    accounts::ListStores => domain::account::Store,
    accounts::ListUsers => domain::account::User,
    attempts::ListAttempts => domain::attempt::Attempt,
    commands::ListCommands => domain::command::Command,
    devices::ListDevices => domain::device::Device,
    farms::ListFarms => domain::farm::Farm,
    files::ListFiles => domain::file::File,
    jobs::ListJobs => domain::job::Job,
    keys::ListApiKeys => domain::key::ApiKey,
    keys::ListSlicerKeys => domain::key::SlicerKey,
    materials::ListMaterials => domain::filament::Material,
    operators::ListOperators => domain::operator::Operator,
    orders::ListOrders => domain::order::Order,
    parts::ListParts => domain::part::Part,
    pools::ListPools => domain::part::Pool,
    printers::ListPrinters => domain::printer::Printer,
    roles::ListRoles => domain::role::OwnRole,
    skus::ListSkus => domain::sku::Sku,
    spools::ListSlots => domain::filament::Slot,
    spools::ListSpools => domain::filament::Spool,
    stock::ListStock => domain::stock::Stock,
    webhooks::ListDeliveries => domain::webhook::Delivery,
    webhooks::ListWebhooks => domain::webhook::Webhook,
}

shows! {
    accounts::GetUser => domain::account::User,
    attempts::GetAttempt => domain::attempt::Attempt,
    commands::GetCommand => domain::command::Command,
    devices::GetDevice => domain::device::Device,
    farms::GetFarm => domain::farm::Farm,
    files::GetFile => domain::file::File,
    jobs::GetJob => domain::job::Job,
    keys::GetApiKey => domain::key::ApiKey,
    keys::GetSlicerKey => domain::key::SlicerKey,
    materials::GetMaterial => domain::filament::Material,
    operators::GetOperator => domain::operator::Operator,
    orders::GetOrder => domain::order::Order,
    parts::GetPart => domain::part::Part,
    pools::GetPool => domain::part::Pool,
    printers::GetPrinter => domain::printer::Printer,
    roles::GetRole => domain::role::OwnRole,
    skus::GetSku => domain::sku::Sku,
    spools::GetSlot => domain::filament::Slot,
    spools::GetSpool => domain::filament::Spool,
    stock::GetStock => domain::stock::Stock,
    webhooks::GetDelivery => domain::webhook::Delivery,
    webhooks::GetWebhook => domain::webhook::Webhook,
}
