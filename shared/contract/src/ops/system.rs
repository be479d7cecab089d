//! The installation itself: its version, its health, and what can go wrong.

use domain::access::Access;
use domain::id::{FarmId, StoreId};
use domain::permission::Permission;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Listed;
use super::printers::DriverInfo;
use crate::operation::Nothing;
use crate::problem::Code;

/// What is running here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Version {
    /// `gantry`.
    pub name: String,
    /// The program's version.
    pub version: String,
    /// The date of the contract.
    pub api_version: String,
    /// `agent` or `relay`.
    pub served_by: String,
    /// The store, if there is only one here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_id: Option<StoreId>,
    /// The farm, if this is an agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub farm_id: Option<FarmId>,
    /// False for a simulated farm.
    pub live: bool,
}

/// One check of the doctor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// What was looked at.
    pub check: String,
    /// `ok`, `warning` or `error`.
    pub level: Level,
    /// What was found.
    pub text: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Fine.
    Ok,
    /// Look at it today.
    Warning,
    /// Something does not work.
    Error,
}

/// A code that a problem can have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ErrorInfo {
    /// The code.
    pub code: Code,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong.
    pub title: String,
    /// What the caller can do.
    pub fix: String,
}

crate::operations! {
    /// Tell what is running here.
    GetVersion = "get_version" Get "/v1/system/version" {
        access: Access::Authenticated, home: Door, nature: Read, ai: Read,
        target: Nothing, query: Nothing, body: Nothing, reply: Version, status: 200
    }
    /// Examine the installation.
    GetDoctor = "get_doctor" Get "/v1/system/doctor" {
        access: Access::Needs(Permission::SystemView), home: Farm, nature: Live, ai: Read,
        target: Nothing, query: Nothing, body: Nothing, reply: Listed<Finding>, status: 200
    }
    /// List the drivers for printers.
    ListDrivers = "list_drivers" Get "/v1/system/drivers" {
        access: Access::Authenticated, home: Farm, nature: Live, ai: Hidden,
        target: Nothing, query: Nothing, body: Nothing, reply: Listed<DriverInfo>, status: 200
    }
    /// List every error code with its cause and fix.
    ListErrors = "list_errors" Get "/v1/errors" {
        access: Access::Authenticated, home: Door, nature: Read, ai: Read,
        target: Nothing, query: Nothing, body: Nothing, reply: Listed<ErrorInfo>, status: 200
    }
}
