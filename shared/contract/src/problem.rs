//! What can go wrong at the door: RFC 9457 problems with a stable code each. The catalogue is public
//! (`GET /v1/errors`); each code has its status, its cause and who can fix it how.

use domain::permission::Permission;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($name:ident = $word:literal, $status:literal, $title:literal, $fix:literal;)*) => {
        /// A stable code.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum Code { $(#[doc = $title] $name,)* }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];
            /// The word on the wire.
            pub const fn word(self) -> &'static str {
                match self { $(Code::$name => $word,)* }
            }
            /// The HTTP status.
            pub const fn status(self) -> u16 {
                match self { $(Code::$name => $status,)* }
            }
            /// What is wrong, in general.
            pub const fn title(self) -> &'static str {
                match self { $(Code::$name => $title,)* }
            }
            /// What the caller can do about it.
            pub const fn fix(self) -> &'static str {
                match self { $(Code::$name => $fix,)* }
            }
        }
    };
}

codes! {
    MalformedJson = "malformed_json", 400, "The body is not JSON", "Send valid JSON.";
    MalformedRequest = "malformed_request", 400, "The request cannot be read", "Send a request that follows HTTP.";
    Unauthenticated = "unauthenticated", 401, "Nobody is signed in", "Send a key as `Authorization: Bearer …`, or sign in.";
    BadCredential = "bad_credential", 401, "The key, password or session is not valid", "Check it, or make a new one.";
    UsedLink = "used_link", 401, "The link was used before or is too old", "Ask for a new one.";
    PinLocked = "pin_locked", 403, "The PIN was guessed at too often", "Sign in at a browser that you used before, or let somebody who may edit operators set a new one.";
    UntrustedPlace = "untrusted_place", 403, "A PIN opens the door only on the farm's own network", "Use the farm's own network, or add this device by its link.";
    AccountCopyOld = "account_copy_old", 401, "The farm has not heard its relay for so long that it does not believe its copy of the store's keys", "Let the farm reach its relay, or sign in at the farm itself.";
    PermissionMissing = "permission_missing", 403, "A permission is missing", "Ask somebody who holds the named permission.";
    TestKey = "test_key", 403, "A test key opens test farms only", "Use a live key (`gty_live_…`) for live farms and for the account.";
    CrossOrigin = "cross_origin", 403, "A page of another origin called with a session", "Call from the page itself, or use a key.";
    SignInAgain = "sign_in_again", 403, "That needs a fresh sign-in", "Send `current_password`, or sign in again and ask within ten minutes.";
    GrantsExceeded = "grants_exceeded", 403, "Nobody can give what they lack", "Ask for no more than you hold.";
    NotFound = "not_found", 404, "There is no such thing", "Check the id.";
    NoSuchPath = "no_such_path", 404, "There is no such path", "See /openapi.json.";
    MethodNotAllowed = "method_not_allowed", 405, "The path does not take that method", "See /openapi.json.";
    IllegalState = "illegal_state", 409, "The thing's state does not allow it", "Look at its state first.";
    AlreadyExists = "already_exists", 409, "That was made already", "Use the thing that exists.";
    IdempotencyInFlight = "idempotency_in_flight", 409, "The same call is being carried out", "Wait and ask again.";
    Pending = "pending", 409, "It waits for its farm and can not be changed yet", "Wait until its command is done.";
    InUse = "in_use", 409, "Something still uses it", "Remove what uses it first.";
    LastOwner = "last_owner", 409, "A store always has an owner", "Make somebody else an owner first.";
    DecisionRequired = "decision_required", 409, "Somebody sponsors what nothing was decided on", "Say in `things` or `others` whether it is handed over, kept or revoked; `errors[]` has each.";
    StoreRequired = "store_required", 409, "You belong to several stores", "Send `store_id`; `errors[]` has each.";
    BedUseOutdated = "bed_use_outdated", 409, "The bed has been used again since", "Look at the bed again and clear its present use.";
    BedInUse = "bed_in_use", 409, "A print is on the bed", "Wait until it has ended.";
    UndoTooLate = "undo_too_late", 409, "It can no longer be undone", "Take the printer out of service if its bed is not clear.";
    UploadOffset = "upload_offset", 409, "The upload stands at another byte", "Ask with HEAD where it stands, and go on from there.";
    StaleRevision = "stale_revision", 412, "The thing was changed meanwhile", "Read it again and repeat your change.";
    TusVersion = "tus_version", 412, "That version of tus is not spoken here", "Speak tus 1.0.0.";
    BodyTooLarge = "body_too_large", 413, "The body is too large", "Send less; files go to POST /v1/files.";
    UnsupportedMediaType = "unsupported_media_type", 415, "The body has the wrong content type", "Send application/json, or what the operation says.";
    InvalidRequest = "invalid_request", 422, "The request has fields that are wrong, unknown or missing", "See errors[].";
    IdempotencyMismatch = "idempotency_mismatch", 422, "The Idempotency-Key was used for another body", "Use a new key for a new call.";
    FarmRequired = "farm_required", 422, "The store has several farms", "Name the farm.";
    FileRefused = "file_refused", 422, "The file is not something to print", "Upload a sliced file.";
    ConnectionFailed = "connection_failed", 422, "The printer could not be reached with these settings", "Correct the address, the driver or the credential; `detail` says what is wrong.";
    CertificateUnconfirmed = "certificate_unconfirmed", 422, "The printer shows a certificate that nobody has confirmed", "If it is the printer, send the SHA-256 of `errors[]` as `certificate`.";
    UploadBusy = "upload_busy", 423, "Another call sends to the same upload", "Wait until it has ended, then ask with HEAD where it stands.";
    TooManyUploads = "too_many_uploads", 429, "Too many uploads are unfinished", "Finish some, or end them with DELETE.";
    RateLimited = "rate_limited", 429, "Too many calls", "Wait as long as Retry-After says.";
    SecretNotRepeatable = "secret_not_repeatable", 409, "The answer held a secret that is shown once", "Make a new one.";
    AuthorizationPending = "authorization_pending", 400, "Nobody has said yes to the claim code yet", "Ask again after `interval` seconds.";
    ExpiredToken = "expired_token", 400, "The claim code has ended", "Ask for a new one.";
    AlreadyClaimed = "already_claimed", 409, "The farm belongs to a store already", "Unpair it first.";
    RelayOnly = "relay_only", 409, "Accounts of this store are changed at its relay", "Use the address in `detail`.";
    ProviderFailed = "provider_failed", 502, "The identity provider could not be asked", "Sign in another way, or tell whoever runs the relay.";
    FarmOffline = "farm_offline", 503, "The farm is away", "Try again when it is connected.";
    Withdrawn = "withdrawn", 409, "It was taken back before it was sent", "Ask again if it shall be done.";
    FarmLeft = "farm_left", 409, "The farm has left the store: what it did here is history", "Nothing changes it any more.";
    NoAnswer = "no_answer", 504, "The farm did not answer in time, or the line broke", "Look whether it happened; with the same Idempotency-Key it can be asked again.";
    UnsupportedByFarm = "unsupported_by_farm", 501, "The farm's agent is too old for that", "Update the agent.";
    ContentOnItsWay = "content_on_its_way", 503, "The bytes are on their way", "Ask again when Retry-After is over.";
    DiskFull = "disk_full", 507, "The disk is full", "Free some space on that machine.";
    ContentLimit = "content_limit", 507, "The relay keeps as much for this store as it may", "Wait until the farm has fetched some of it.";
    Internal = "internal", 500, "Something went wrong inside", "Tell us, with the request_id.";
}

/// One wrong field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FieldError {
    /// JSON pointer into the body, or `query/{name}`, or `path/{name}`.
    pub pointer: String,
    /// `unknown_field`, `missing`, `wrong_type` or `invalid`.
    pub code: String,
    /// What is wrong with it.
    pub detail: String,
}

/// A problem (RFC 9457).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// A link to the code's page.
    #[serde(rename = "type")]
    pub type_uri: String,
    /// What is wrong, in general.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The stable code.
    pub code: Code,
    /// What is wrong, this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// On which thing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// What the caller can do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The permission that is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission: Option<Permission>,
    /// The fields that are wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// When it may be asked again, also in the header `Retry-After`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u64>,
    /// The request, for questions to whoever runs this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl Problem {
    /// A problem of that code.
    pub fn new(code: Code) -> Self {
        Self {
            type_uri: format!("/v1/errors#{}", code.word()),
            title: code.title().to_owned(),
            status: code.status(),
            code,
            detail: None,
            subject: None,
            hint: Some(code.fix().to_owned()),
            permission: None,
            errors: Vec::new(),
            retry_after_seconds: None,
            request_id: None,
        }
    }

    /// Says what is wrong this time.
    #[must_use]
    pub fn detail(mut self, detail: impl std::fmt::Display) -> Self {
        self.detail = Some(detail.to_string());
        self
    }

    /// Says on which thing.
    #[must_use]
    pub fn on(mut self, subject: impl std::fmt::Display) -> Self {
        self.subject = Some(subject.to_string());
        self
    }

    /// Too many calls: it may be asked again after so many milliseconds, told in whole seconds and at least one.
    pub fn wait(millis: i64) -> Self {
        let seconds = u64::try_from(millis).unwrap_or(0).div_ceil(1000).max(1);
        Self { retry_after_seconds: Some(seconds), ..Self::new(Code::RateLimited) }
    }

    /// The refusal for want of a permission.
    pub fn missing(permission: Permission) -> Self {
        let mut problem = Self::new(Code::PermissionMissing).detail(format!("this needs the permission {permission}"));
        problem.permission = Some(permission);
        problem
    }

    /// There is no such thing, or not for this caller.
    pub fn not_found(subject: impl std::fmt::Display) -> Self {
        let subject = subject.to_string();
        Self::new(Code::NotFound).detail(format!("there is no {subject}")).on(subject)
    }

    /// One wrong field.
    pub fn field(pointer: impl Into<String>, code: &str, detail: impl std::fmt::Display) -> Self {
        // Names and values come from the caller: they are told back, but not at any length.
        let short = |text: String| if text.len() > 300 { text.chars().take(300).collect() } else { text };
        let error = FieldError { pointer: short(pointer.into()), code: code.to_owned(), detail: short(detail.to_string()) };
        let mut problem = Self::new(Code::InvalidRequest).detail(format!("{}: {}", error.pointer, error.detail));
        problem.errors.push(error);
        problem
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.detail.as_deref().unwrap_or(&self.title), self.code.word())
    }
}

impl std::error::Error for Problem {}

impl From<domain::attempt::IllegalTransition> for Problem {
    fn from(illegal: domain::attempt::IllegalTransition) -> Self {
        Problem::new(Code::IllegalState).detail(illegal)
    }
}

impl From<domain::field::BadField> for Problem {
    fn from(bad: domain::field::BadField) -> Self {
        Problem::field(bad.pointer, "invalid", bad.why)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_must_wait_is_told_whole_seconds_that_are_enough() {
        let told = |millis| Problem::wait(millis).retry_after_seconds;
        assert_eq!([told(-5), told(0), told(1), told(1000), told(1001)], [Some(1), Some(1), Some(1), Some(1), Some(2)]);
    }

    #[test]
    fn the_code_is_the_word_on_the_wire() {
        for code in Code::ALL {
            assert_eq!(serde_json::to_value(code).unwrap(), code.word());
        }
    }
}
