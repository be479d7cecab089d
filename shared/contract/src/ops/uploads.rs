//! Uploads that come in pieces and go on after a cut, by tus 1.0 (tus.io): made, sent, looked at, ended.

use domain::access::Access;
use domain::id::{CommandId, FileId, UploadId};
use domain::permission::Permission;
use domain::time::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::operation::{Nothing, Of, Streamed};

/// An upload that comes in pieces.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Upload {
    /// Its id.
    pub id: UploadId,
    /// The name of the file.
    pub name: String,
    /// Bytes that the file will have.
    pub size_bytes: u64,
    /// Bytes that came and are durable. All of them only when the file was made.
    pub offset_bytes: u64,
    /// If nothing more comes it is thrown away then.
    pub expires_at: Timestamp,
    /// The file, once it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_id: Option<FileId>,
    /// The command that the file waits for at a relay whose farm is away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command_id: Option<CommandId>,
}

crate::operations! {
    /// Begin an upload that comes in pieces (tus 1.0).
    ///
    /// Headers: `Upload-Length`, the size in bytes, and `Upload-Metadata` with the pair `filename`, its value in Base64. The answer's `Location` is where
    /// `PATCH` sends the pieces. An `Idempotency-Key` is also that of the file. Any tus client does this by itself.
    CreateUpload = "create_upload" Post "/v1/uploads" {
        access: Access::Needs(Permission::FileUpload), home: Farm, nature: Mailbox, ai: Hidden,
        target: Nothing, query: Nothing, body: Nothing, reply: Upload, status: 201
    }
    /// Show how far an upload is. `HEAD` answers in the headers of tus.
    GetUpload = "get_upload" Get "/v1/uploads/{id}" {
        access: Access::Needs(Permission::FileUpload), home: Door, nature: Read, ai: Hidden,
        target: Of<UploadId>, query: Nothing, body: Nothing, reply: Upload, status: 200
    }
    /// Send the next bytes of an upload (tus 1.0).
    ///
    /// `Content-Type: application/offset+octet-stream`, and `Upload-Offset` as `HEAD` told it. With the last byte the file is read, and refused if it is nothing to print; else
    /// it is made like one that came by `POST /v1/files`, and the header `Gantry-File` names it.
    AppendUpload = "append_upload" Patch "/v1/uploads/{id}" {
        access: Access::Needs(Permission::FileUpload), home: Door, nature: Live, ai: Hidden,
        target: Of<UploadId>, query: Nothing, body: Streamed, reply: Nothing, status: 204
    }
    /// End an upload and throw away what came. A file that was made stays.
    DeleteUpload = "delete_upload" Delete "/v1/uploads/{id}" {
        access: Access::Needs(Permission::FileUpload), home: Door, nature: Live, ai: Hidden,
        target: Of<UploadId>, query: Nothing, body: Nothing, reply: Nothing, status: 204
    }
}
