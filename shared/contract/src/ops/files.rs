//! Files: sliced content with what was read out of it.

use domain::access::Access;
use domain::file::File;
use domain::id::FileId;
use domain::permission::Permission;

use crate::list::{ListQuery, Page, View};
use crate::operation::{Nothing, Of, Streamed};

crate::operations! {
    /// List the files.
    ListFiles = "list_files" Get "/v1/files" {
        access: Access::Needs(Permission::FileView), home: Farm, nature: Read, ai: Read,
        target: Nothing, query: ListQuery<File>, body: Nothing, reply: Page<File>, status: 200
    }
    /// Upload a file.
    ///
    /// `multipart/form-data` with one part `file`. The file is read at once and refused if it is nothing to print. The same content under the same name is the same file.
    /// At the relay the farm fetches the bytes afterwards: until then `content` is `on_its_way`, and jobs wait with `file_not_here`. What may break off on the way is better sent by `/v1/uploads`.
    UploadFile = "upload_file" Post "/v1/files" {
        access: Access::Needs(Permission::FileUpload), home: Farm, nature: Mailbox, ai: Hidden,
        target: Nothing, query: Nothing, body: Streamed, reply: View<File>, status: 201
    }
    /// Show what is known of a file.
    GetFile = "get_file" Get "/v1/files/{id}" {
        access: Access::Needs(Permission::FileView), home: Farm, nature: Read, ai: Read,
        target: Of<FileId>, query: Nothing, body: Nothing, reply: View<File>, status: 200
    }
    /// Download a file's bytes. `Range` is understood.
    ///
    /// At the relay the farm is asked for what is not kept there: 503 `content_on_its_way` with `Retry-After` until it has come.
    DownloadFile = "download_file" Get "/v1/files/{id}/content" {
        access: Access::Needs(Permission::FileDownload), home: Farm, nature: Live, ai: Hidden,
        target: Of<FileId>, query: Nothing, body: Streamed, reply: Nothing, status: 200
    }
    /// Show the largest picture in a file, or a drawing of its paths.
    GetThumbnail = "get_thumbnail" Get "/v1/files/{id}/thumbnail" {
        access: Access::Needs(Permission::FileView), home: Farm, nature: Live, ai: Hidden,
        target: Of<FileId>, query: Nothing, body: Streamed, reply: Nothing, status: 200
    }
    /// Delete a file.
    ///
    /// Refused while a job that has not ended, or a part, uses it.
    DeleteFile = "delete_file" Delete "/v1/files/{id}" {
        access: Access::Needs(Permission::FileDelete), home: Farm, nature: Refused, ai: Hidden,
        target: Of<FileId>, query: Nothing, body: Nothing, reply: Nothing, status: 204, bulk: "delete"
    }
}
