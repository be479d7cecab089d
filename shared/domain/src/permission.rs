//! Every permission, once: its name on the wire, what it opens in words, and which roles have it.
//! The table is compared with the hand-written one in `docs/product.md`; that page is the law.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

macro_rules! permissions {
    ($($name:ident = $wire:literal, $roles:literal, $text:literal;)*) => {
        /// A permission, `resource.action`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Permission {
            $(#[doc = $text] $name,)*
        }

        impl Permission {
            /// Every permission in the order of the catalogue.
            pub const ALL: &'static [Permission] = &[$(Permission::$name,)*];

            /// The name on the wire.
            pub const fn name(self) -> &'static str {
                match self { $(Permission::$name => $wire,)* }
            }

            /// The one of that name. Rows of keys hold many: this is asked often.
            fn named(name: &str) -> Option<Self> {
                match name { $($wire => Some(Permission::$name),)* _ => None }
            }

            /// What it opens, in words.
            pub const fn text(self) -> &'static str {
                match self { $(Permission::$name => $text,)* }
            }

            /// Letters of the built-in roles that have it: O operator, P part manager, V viewer.
            pub(crate) const fn role_letters(self) -> &'static str {
                match self { $(Permission::$name => $roles,)* }
            }
        }

        /// Marker types, so that an operation names its permission in its type.
        pub mod perm {
            use super::Permission;
            /// A permission as a type.
            pub trait Perm: Send + Sync + 'static {
                /// The permission.
                const PERMISSION: Permission;
            }
            $(
                #[doc = $text]
                #[derive(Debug, Clone, Copy)]
                pub struct $name;
                impl Perm for $name {
                    const PERMISSION: Permission = Permission::$name;
                }
            )*
        }
    };
}

permissions! {
    StoreView = "store.view", "OPV", "See the store's name and settings that everybody sees";
    FarmView = "farm.view", "OPV", "See farms and whether they are connected";
    PoolView = "pool.view", "OV", "See pools";
    PrinterView = "printer.view", "OV", "See printers and their state";
    SpoolView = "spool.view", "OV", "See spools";
    CameraView = "camera.view", "OV", "See camera pictures";
    StoreEdit = "store.edit", "", "Change the store";
    StoreDelete = "store.delete", "", "Delete the store";
    FarmClaim = "farm.claim", "", "Claim a farm for the store";
    FarmEdit = "farm.edit", "", "Change a farm";
    FarmRemove = "farm.remove", "", "Remove a farm";
    PoolManage = "pool.manage", "", "Create, change and delete pools";
    PrinterCreate = "printer.create", "", "Add printers";
    PrinterEdit = "printer.edit", "", "Change printers";
    PrinterDelete = "printer.delete", "", "Remove printers";
    PrinterGcode = "printer.gcode", "", "Send raw G-code to a printer";
    PrinterControl = "printer.control", "O", "Pause, resume and cancel at a printer";
    PrinterClearBed = "printer.clear_bed", "O", "Say that a bed is clear";
    PrinterFabmatic = "printer.fabmatic", "O", "Switch continuous printing on and off";
    PrinterMaintenance = "printer.maintenance", "O", "Take printers out of service and back";
    FarmDispatch = "farm.dispatch", "O", "Run, drain or stop the farm; stop or pause all printers";
    TelemetryView = "telemetry.view", "OV", "See temperatures and progress live";
    FileView = "file.view", "OPV", "See files and what is in them";
    FileUpload = "file.upload", "OP", "Upload files";
    FileDownload = "file.download", "P", "Download files";
    FileDelete = "file.delete", "P", "Delete files";
    PartView = "part.view", "OPV", "See parts";
    SkuView = "sku.view", "OPV", "See SKUs";
    ProfileView = "profile.view", "OPV", "See slicing profiles";
    MaterialView = "material.view", "OPV", "See materials";
    PartCreate = "part.create", "P", "Create parts";
    PartEdit = "part.edit", "P", "Change parts";
    PartDelete = "part.delete", "P", "Delete parts";
    SkuCreate = "sku.create", "P", "Create SKUs";
    SkuEdit = "sku.edit", "P", "Change SKUs";
    SkuDelete = "sku.delete", "P", "Delete SKUs";
    ProfileManage = "profile.manage", "", "Create, change and delete slicing profiles";
    MaterialCreate = "material.create", "", "Create materials";
    MaterialEdit = "material.edit", "", "Change materials";
    MaterialDelete = "material.delete", "", "Delete materials";
    SpoolCreate = "spool.create", "", "Add spools";
    SpoolDelete = "spool.delete", "", "Remove spools";
    StockAdjust = "stock.adjust", "", "Correct the stock of finished goods";
    StockView = "stock.view", "OPV", "See the stock of finished goods";
    SpoolEdit = "spool.edit", "O", "Change and weigh spools";
    SpoolLoad = "spool.load", "O", "Say which spool is loaded where";
    QueueView = "queue.view", "OV", "See the queue and why it waits";
    JobView = "job.view", "OV", "See jobs and attempts";
    BuildView = "build.view", "OV", "See builds";
    OrderView = "order.view", "OV", "See orders";
    MaintenanceView = "maintenance.view", "OV", "See maintenance plans";
    EventView = "event.view", "OV", "Read the event log";
    AnalyticsView = "analytics.view", "OV", "See reports";
    QueueManage = "queue.manage", "O", "Move, hold and release jobs";
    JobCreate = "job.create", "O", "Create jobs: this sends work to printers";
    JobEditOwn = "job.edit_own", "O", "Change one's own jobs";
    JobEditAll = "job.edit_all", "O", "Change all jobs";
    JobCancelOwn = "job.cancel_own", "O", "Cancel one's own jobs";
    JobCancelAll = "job.cancel_all", "O", "Cancel all jobs";
    JobApprove = "job.approve", "O", "Approve jobs that wait for it";
    JobJudge = "job.judge", "O", "Say how many items came out good";
    JobResolve = "job.resolve", "O", "Decide how a job of unknown state ended";
    BuildCreate = "build.create", "O", "Turn parts and SKUs into jobs";
    MaintenanceComplete = "maintenance.complete", "O", "Tick off maintenance";
    OrderCreate = "order.create", "", "Create orders";
    OrderEdit = "order.edit", "", "Change orders";
    OrderCancel = "order.cancel", "", "Cancel orders";
    OrderClose = "order.close", "", "Close orders";
    OrderPrint = "order.print", "", "Send an order to the printers";
    OrderFulfil = "order.fulfil", "", "Ship orders";
    CustomerView = "customer.view", "", "See customers";
    CostView = "cost.view", "", "See costs";
    MaintenanceManage = "maintenance.manage", "", "Create and change maintenance plans";
    NotificationView = "notification.view", "O", "See notification channels";
    NotificationManage = "notification.manage", "", "Change notification channels";
    IntegrationView = "integration.view", "", "See shop integrations";
    IntegrationManage = "integration.manage", "", "Change shop integrations";
    WebhookView = "webhook.view", "", "See webhooks and their deliveries";
    WebhookManage = "webhook.manage", "", "Create, change and delete webhooks";
    WebhookRedeliver = "webhook.redeliver", "", "Deliver webhooks again";
    EventReplay = "event.replay", "", "Replay events";
    UserView = "user.view", "", "See users, operators and devices";
    UserInvite = "user.invite", "", "Invite users, add operators and devices";
    UserEdit = "user.edit", "", "Change users, operators and devices";
    UserRemove = "user.remove", "", "Remove users, operators and devices";
    RoleView = "role.view", "", "See roles";
    RoleManage = "role.manage", "", "Create and change roles";
    ApiKeyView = "api_key.view", "", "See API keys and slicer keys";
    ApiKeyCreate = "api_key.create", "", "Create API keys and slicer keys";
    ApiKeyEdit = "api_key.edit", "", "Change, pause and roll API keys and slicer keys";
    ApiKeyRevoke = "api_key.revoke", "", "Revoke API keys and slicer keys";
    SettingsView = "settings.view", "", "See settings";
    SettingsEdit = "settings.edit", "", "Change settings";
    SystemView = "system.view", "", "See the health of the installation";
    SystemManage = "system.manage", "", "Back up, restore and maintain the installation";
    AuditView = "audit.view", "", "Read the audit log";
    AiActionApprove = "ai_action.approve", "", "Approve what an AI agent asked for";
    BillingView = "billing.view", "", "See metered usage";
    BillingManage = "billing.manage", "", "Change billing";
}

impl std::fmt::Display for Permission {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no permission.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a permission; GET /v1/permissions lists them")]
pub struct UnknownPermission(String);

impl std::str::FromStr for Permission {
    type Err = UnknownPermission;
    fn from_str(text: &str) -> Result<Self, UnknownPermission> {
        Self::named(text).ok_or_else(|| UnknownPermission(text.chars().take(60).collect()))
    }
}

impl Serialize for Permission {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Permission {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Permission {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Permission".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let names: Vec<&str> = Permission::ALL.iter().map(|p| p.name()).collect();
        schemars::json_schema!({"type": "string", "enum": names})
    }
}

/// What concerns the store as a whole and its people, its keys and its doors.
const OF_THE_ACCOUNT: &[Permission] = &[
    Permission::StoreEdit,
    Permission::StoreDelete,
    Permission::FarmClaim,
    Permission::FarmRemove,
    Permission::NotificationView,
    Permission::NotificationManage,
    Permission::IntegrationView,
    Permission::IntegrationManage,
    Permission::WebhookView,
    Permission::WebhookManage,
    Permission::WebhookRedeliver,
    Permission::EventReplay,
    Permission::UserView,
    Permission::UserInvite,
    Permission::UserEdit,
    Permission::UserRemove,
    Permission::RoleView,
    Permission::RoleManage,
    Permission::ApiKeyView,
    Permission::ApiKeyCreate,
    Permission::ApiKeyEdit,
    Permission::ApiKeyRevoke,
    Permission::SettingsView,
    Permission::SettingsEdit,
    Permission::SystemManage,
    Permission::AuditView,
    Permission::AiActionApprove,
    Permission::BillingView,
    Permission::BillingManage,
];

/// A set of permissions. Names that this version does not know are dropped when it is read: an
/// unknown word never opens anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct PermissionSet(u128);

impl PermissionSet {
    /// No permission.
    pub const EMPTY: Self = Self(0);

    /// Every permission.
    pub fn all() -> Self {
        Permission::ALL.iter().copied().collect()
    }

    /// What a test key holds at the most: nothing of the account, however much it was given.
    pub fn of_test_keys() -> Self {
        Self::all().minus(OF_THE_ACCOUNT.iter().copied().collect())
    }

    /// Whether the permission is in the set.
    pub const fn has(self, permission: Permission) -> bool {
        self.0 & (1 << permission as u8) != 0
    }

    /// The set with one more.
    #[must_use]
    pub const fn with(self, permission: Permission) -> Self {
        Self(self.0 | (1 << permission as u8))
    }

    /// The set with one less.
    #[must_use]
    pub const fn without(self, permission: Permission) -> Self {
        Self(self.0 & !(1 << permission as u8))
    }

    /// What is in both.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// What is in either.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What is here but not in the other.
    #[must_use]
    pub const fn minus(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether there is none.
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
    pub const fn is_empty(&self) -> bool {
        self.0 == 0
    }

    /// The permissions in the order of the catalogue.
    pub fn iter(self) -> impl Iterator<Item = Permission> {
        Permission::ALL.iter().copied().filter(move |permission| self.has(*permission))
    }
}

impl FromIterator<Permission> for PermissionSet {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        permissions.into_iter().fold(Self::EMPTY, Self::with)
    }
}

impl Serialize for PermissionSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

impl<'de> Deserialize<'de> for PermissionSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<String>::deserialize(deserializer)?.iter().filter_map(|name| name.parse().ok()).collect())
    }
}

impl JsonSchema for PermissionSet {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Permissions".into()
    }
    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Vec::<Permission>::json_schema(generator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_permissions_fit_in_a_set_and_read_back_by_name() {
        assert!(Permission::ALL.len() <= 128);
        for permission in Permission::ALL {
            assert_eq!(permission.name().parse(), Ok(*permission));
            assert!(PermissionSet::EMPTY.with(*permission).has(*permission));
        }
    }

    #[test]
    fn an_unknown_name_in_a_stored_set_opens_nothing() {
        let set: PermissionSet = serde_json::from_str(r#"["job.view","job.teleport"]"#).unwrap();
        assert_eq!(set.iter().collect::<Vec<_>>(), [Permission::JobView]);
    }
}
