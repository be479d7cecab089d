//! The registry: every operation, once. Routes, the OpenAPI document, the permission table, tools and
//! clients are read from here.

use contract::operation::OperationRow;
use contract::ops::{
    access, account, accounts, attempts, audit, claims, commands, devices, events, farms, files, jobs, key_presets, key_usage,
    key_work, keys, materials, operators, orders, parts, pools, print_objects, printer_setup, printers, queue, roles, skus,
    spools, stock, system, uploads, ways_in, webhooks,
};

use crate::pipeline::{Operation, Reads, Streams, Writes};

/// Every operation, ready to be called.
pub fn registry() -> Vec<Box<dyn Operation>> {
    vec![
        Reads::<access::GetMe>::row(),
        Writes::<access::CreateSession>::row(),
        Writes::<access::DeleteOwnSession>::row(),
        Reads::<access::ListSessions>::row(),
        Writes::<access::DeleteSession>::row(),
        Writes::<access::SetOwnerPassword>::row(),
        Reads::<access::ListPermissions>::row(),
        Reads::<operators::ListAtTheDoor>::row(),
        Reads::<operators::ListOperators>::row(),
        Writes::<operators::CreateOperator>::row(),
        Reads::<operators::GetOperator>::row(),
        Writes::<operators::EditOperatorOp>::row(),
        Writes::<operators::DeleteOperator>::row(),
        Writes::<operators::PauseOperator>::row(),
        Writes::<operators::ResumeOperator>::row(),
        Writes::<operators::SetOperatorPin>::row(),
        Writes::<operators::SetOwnPin>::row(),
        Reads::<devices::ListDevices>::row(),
        Writes::<devices::CreateDevice>::row(),
        Reads::<devices::GetDevice>::row(),
        Writes::<devices::EditDeviceOp>::row(),
        Writes::<devices::DeleteDevice>::row(),
        Reads::<accounts::ListStores>::row(),
        Reads::<accounts::ListUsers>::row(),
        Writes::<accounts::InviteUser>::row(),
        Reads::<accounts::GetUser>::row(),
        Writes::<accounts::EditUserOp>::row(),
        Writes::<accounts::RenewInvite>::row(),
        Writes::<accounts::SuspendUser>::row(),
        Writes::<accounts::ReinstateUser>::row(),
        Writes::<accounts::RemoveUserOp>::row(),
        Reads::<account::GetOwnAccount>::row(),
        Writes::<account::EditOwnAccountOp>::row(),
        Writes::<account::SetOwnPassword>::row(),
        Reads::<account::ListOwnSessions>::row(),
        Writes::<account::EndOtherSessions>::row(),
        Reads::<ways_in::ListWaysIn>::row(),
        Reads::<ways_in::BeginPasskeySignIn>::row(),
        Reads::<ways_in::BeginProviderSignIn>::row(),
        Reads::<ways_in::BeginPasskey>::row(),
        Writes::<ways_in::CreatePasskey>::row(),
        Writes::<ways_in::DeletePasskey>::row(),
        Reads::<roles::ListRoles>::row(),
        Writes::<roles::CreateRole>::row(),
        Reads::<roles::GetRole>::row(),
        Writes::<roles::EditRoleOp>::row(),
        Writes::<roles::DeleteRole>::row(),
        Reads::<keys::ListApiKeys>::row(),
        Writes::<keys::CreateApiKey>::row(),
        Reads::<keys::GetApiKey>::row(),
        Writes::<keys::EditApiKeyOp>::row(),
        Writes::<keys::PauseApiKey>::row(),
        Writes::<keys::ResumeApiKey>::row(),
        Reads::<key_presets::ListApiKeyPresets>::row(),
        Reads::<key_usage::GetKeyUsage>::row(),
        Reads::<key_work::ListCreatedByKey>::row(),
        Streams::<key_work::HoldCreatedByKey>::row(),
        Streams::<key_work::CancelCreatedByKey>::row(),
        Writes::<keys::RollApiKey>::row(),
        Writes::<keys::EndApiKeyRoll>::row(),
        Writes::<keys::HandOverApiKey>::row(),
        Writes::<keys::RevokeApiKey>::row(),
        Reads::<keys::ListSlicerKeys>::row(),
        Writes::<keys::CreateSlicerKey>::row(),
        Reads::<keys::GetSlicerKey>::row(),
        Writes::<keys::PauseSlicerKey>::row(),
        Writes::<keys::ResumeSlicerKey>::row(),
        Writes::<keys::RollSlicerKey>::row(),
        Writes::<keys::EndSlicerKeyRoll>::row(),
        Writes::<keys::RevokeSlicerKey>::row(),
        Writes::<claims::RequestPairing>::row(),
        Reads::<claims::PollPairingOp>::row(),
        Reads::<claims::ReadFloorOp>::row(),
        Writes::<claims::CompletePairingOp>::row(),
        Reads::<claims::GetPairing>::row(),
        Writes::<claims::ClaimFarmOp>::row(),
        Reads::<claims::GetClaim>::row(),
        Reads::<claims::BeginClaimOp>::row(),
        Reads::<claims::CancelClaim>::row(),
        Reads::<claims::UnpairFarm>::row(),
        Reads::<claims::RekeyFarm>::row(),
        Writes::<claims::DismissRefusal>::row(),
        Reads::<audit::ListAudit>::row(),
        Streams::<audit::ExportAudit>::row(),
        Reads::<audit::VerifyAudit>::row(),
        Reads::<farms::ListFarms>::row(),
        Reads::<farms::GetFarm>::row(),
        Writes::<farms::EditFarmOp>::row(),
        Writes::<farms::SetFarmDispatch>::row(),
        Writes::<farms::StopAll>::row(),
        Writes::<farms::PauseAll>::row(),
        Reads::<printers::ListPrinters>::row(),
        Writes::<printers::CreatePrinter>::row(),
        Reads::<printers::GetPrinter>::row(),
        Writes::<printers::EditPrinterOp>::row(),
        Writes::<printers::DeletePrinter>::row(),
        Reads::<printers::TestConnection>::row(),
        Reads::<printer_setup::ScanPrinters>::row(),
        Writes::<printer_setup::ClonePrinter>::row(),
        Writes::<printer_setup::ImportPrinters>::row(),
        Reads::<printers::GetTelemetry>::row(),
        Writes::<printers::ClearBedOp>::row(),
        Writes::<printers::UndoClearBed>::row(),
        Writes::<printers::PausePrinter>::row(),
        Writes::<printers::ResumePrinter>::row(),
        Writes::<printers::CancelPrinter>::row(),
        Reads::<print_objects::ListPrintObjects>::row(),
        Writes::<print_objects::SkipObject>::row(),
        Writes::<printers::EnablePrinter>::row(),
        Writes::<printers::DisablePrinter>::row(),
        Writes::<printers::StartMaintenance>::row(),
        Writes::<printers::EndMaintenance>::row(),
        Writes::<printers::LiftQuarantine>::row(),
        Reads::<printers::ListTags>::row(),
        Reads::<pools::ListPools>::row(),
        Writes::<pools::CreatePool>::row(),
        Reads::<pools::GetPool>::row(),
        Writes::<pools::EditPoolOp>::row(),
        Writes::<pools::DeletePool>::row(),
        Reads::<files::ListFiles>::row(),
        Streams::<files::UploadFile>::row(),
        Streams::<uploads::CreateUpload>::row(),
        Streams::<uploads::GetUpload>::row(),
        Streams::<uploads::AppendUpload>::row(),
        Streams::<uploads::DeleteUpload>::row(),
        Reads::<files::GetFile>::row(),
        Streams::<files::DownloadFile>::row(),
        Streams::<files::GetThumbnail>::row(),
        Writes::<files::DeleteFile>::row(),
        Reads::<parts::ListParts>::row(),
        Writes::<parts::CreatePart>::row(),
        Reads::<parts::GetPart>::row(),
        Writes::<parts::EditPartOp>::row(),
        Writes::<parts::DeletePart>::row(),
        Reads::<skus::ListSkus>::row(),
        Writes::<skus::CreateSku>::row(),
        Reads::<skus::GetSku>::row(),
        Writes::<skus::EditSkuOp>::row(),
        Writes::<skus::DeleteSku>::row(),
        Reads::<orders::ListOrders>::row(),
        Writes::<orders::CreateOrder>::row(),
        Reads::<orders::GetOrder>::row(),
        Writes::<orders::EditOrderOp>::row(),
        Writes::<orders::CancelOrderOp>::row(),
        Writes::<orders::CloseOrder>::row(),
        Reads::<materials::ListMaterials>::row(),
        Writes::<materials::CreateMaterial>::row(),
        Reads::<materials::GetMaterial>::row(),
        Writes::<materials::EditMaterialOp>::row(),
        Writes::<materials::DeleteMaterial>::row(),
        Reads::<spools::ListSpools>::row(),
        Writes::<spools::CreateSpool>::row(),
        Reads::<spools::GetSpool>::row(),
        Writes::<spools::EditSpoolOp>::row(),
        Writes::<spools::DeleteSpool>::row(),
        Writes::<spools::MeasureSpoolOp>::row(),
        Reads::<spools::ListSpoolLedger>::row(),
        Writes::<spools::LoadSpoolOp>::row(),
        Writes::<spools::UnloadSpool>::row(),
        Reads::<spools::ListSlots>::row(),
        Reads::<spools::GetSlot>::row(),
        Reads::<stock::ListStock>::row(),
        Reads::<stock::GetStock>::row(),
        Writes::<stock::AdjustStockOp>::row(),
        Reads::<stock::ListStockLedger>::row(),
        Reads::<jobs::ListJobs>::row(),
        Writes::<jobs::CreateJob>::row(),
        Reads::<jobs::GetJob>::row(),
        Writes::<jobs::EditJobOp>::row(),
        Writes::<jobs::MoveJobOp>::row(),
        Writes::<jobs::HoldJob>::row(),
        Writes::<jobs::ReleaseJob>::row(),
        Writes::<jobs::ApproveJob>::row(),
        Writes::<jobs::CancelJobOp>::row(),
        Writes::<jobs::RetryJob>::row(),
        Writes::<jobs::JudgeJobOp>::row(),
        Writes::<jobs::ResolveJobOp>::row(),
        Reads::<jobs::ListJobAttempts>::row(),
        Reads::<jobs::WhyJob>::row(),
        Reads::<attempts::ListAttempts>::row(),
        Reads::<attempts::GetAttempt>::row(),
        Reads::<queue::GetQueue>::row(),
        Reads::<events::ListEvents>::row(),
        Reads::<events::GetEvent>::row(),
        Reads::<events::ListEventTypes>::row(),
        Streams::<events::Stream>::row(),
        Reads::<webhooks::ListWebhooks>::row(),
        Writes::<webhooks::CreateWebhook>::row(),
        Reads::<webhooks::GetWebhook>::row(),
        Writes::<webhooks::EditWebhookOp>::row(),
        Writes::<webhooks::DeleteWebhook>::row(),
        Writes::<webhooks::PauseWebhook>::row(),
        Writes::<webhooks::ResumeWebhook>::row(),
        Writes::<webhooks::RollWebhookSecret>::row(),
        Writes::<webhooks::TestWebhookOp>::row(),
        Writes::<webhooks::RecoverWebhookOp>::row(),
        Reads::<webhooks::ListDeliveries>::row(),
        Reads::<webhooks::GetDelivery>::row(),
        Writes::<webhooks::Redeliver>::row(),
        Reads::<commands::ListCommands>::row(),
        Reads::<commands::GetCommand>::row(),
        Writes::<commands::WithdrawCommand>::row(),
        Reads::<system::GetVersion>::row(),
        Reads::<system::GetDoctor>::row(),
        Reads::<system::ListDrivers>::row(),
        Reads::<system::ListErrors>::row(),
    ]
}

/// Every operation's row.
pub fn rows() -> Vec<OperationRow> {
    registry().iter().map(|operation| *operation.row()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::pipeline::SECRET_FIELDS;

    #[test]
    fn no_two_operations_share_a_name_or_a_method_and_path() {
        let rows = rows();
        let names: BTreeSet<&str> = rows.iter().map(|row| row.id).collect();
        let places: BTreeSet<(&str, &str)> = rows.iter().map(|row| (row.method.word(), row.path)).collect();
        assert_eq!((names.len(), places.len()), (rows.len(), rows.len()));
    }

    #[test]
    fn the_names_in_a_path_are_those_of_its_target() {
        for row in rows() {
            let in_path: Vec<&str> = row.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')).collect();
            assert_eq!(in_path, row.path_names, "{}", row.id);
        }
    }

    /// Tools and the command line put all fields of a request side by side.
    #[test]
    fn field_names_of_target_query_and_body_never_clash() {
        for row in rows() {
            let mut generator = schemars::SchemaGenerator::default();
            let mut names: Vec<String> = row.path_names.iter().map(|name| (*name).to_owned()).collect();
            let query = (row.parameters)(&mut generator);
            names.extend(query.iter().filter_map(|parameter| Some(parameter.get("name")?.as_str()?.to_owned())));
            names.extend(body_fields(&row));
            let distinct: BTreeSet<&String> = names.iter().collect();
            assert_eq!(distinct.len(), names.len(), "{}: {names:?}", row.id);
        }
    }

    #[test]
    fn every_secret_field_of_a_body_is_hidden_in_the_audit() {
        let mut found = BTreeSet::new();
        for row in rows() {
            let mut generator = schemars::SchemaGenerator::default();
            let body = (row.body_schema)(&mut generator);
            let whole = serde_json::json!({"body": body, "definitions": generator.take_definitions(false)});
            secrets(&whole, None, &mut found);
        }
        assert_eq!(found.iter().map(String::as_str).collect::<Vec<_>>(), SECRET_FIELDS);
    }

    fn secrets(value: &serde_json::Value, name: Option<&str>, found: &mut BTreeSet<String>) {
        if let Some(fields) = value.as_object() {
            let mut parts = vec![value];
            parts.extend(fields.get("anyOf").and_then(|any| any.as_array()).into_iter().flatten());
            if let (Some(name), true) = (name, parts.iter().any(|part| part.get("writeOnly") == Some(&true.into()))) {
                found.insert(name.to_owned());
            }
            for (field, inner) in fields {
                secrets(inner, Some(field), found);
            }
        }
    }

    fn body_fields(row: &OperationRow) -> Vec<String> {
        let mut generator = schemars::SchemaGenerator::default();
        let Some(schema) = (row.body_schema)(&mut generator) else { return Vec::new() };
        let name = schema
            .get("$ref")
            .and_then(|name| name.as_str())
            .and_then(|name| name.rsplit('/').next())
            .unwrap_or_default()
            .to_owned();
        let definitions = generator.take_definitions(false);
        let fields = definitions.get(&name).and_then(|schema| schema.get("properties")?.as_object());
        fields.map(|fields| fields.keys().cloned().collect()).unwrap_or_default()
    }
}
