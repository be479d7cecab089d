//! List every error code with its cause and fix.

use contract::operation::Asked;
use contract::ops::Listed;
use contract::ops::system::{ErrorInfo, ListErrors};
use contract::problem::Code;

use crate::door::Door;
use crate::operation::{By, Failure, Read};

impl Read for ListErrors {
    async fn read(_: &By<Self>, _: &Door, _: Asked<Self>) -> Result<Listed<ErrorInfo>, Failure> {
        let info = |code: &Code| ErrorInfo {
            code: *code,
            status: code.status(),
            title: code.title().to_owned(),
            fix: code.fix().to_owned(),
        };
        std::future::ready(Ok(Listed { items: Code::ALL.iter().map(info).collect() })).await
    }
}
