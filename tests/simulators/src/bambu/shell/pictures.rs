//! Whoever looks at the pictures.

use super::{Control, GREETING};
use crate::bambu::camera::{REQUEST, credentials, frame};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

const PACE: Duration = Duration::from_secs(1);

/// Shows them as long as somebody looks. A wrong code gets nothing but the end.
pub(super) async fn show(mut stream: TlsStream<TcpStream>, control: Control) {
    let mut request = [0; REQUEST];
    if !matches!(tokio::time::timeout(GREETING, stream.read_exact(&mut request)).await, Ok(Ok(_))) {
        return;
    }
    let admitted = match credentials(&request) {
        Some((user, code)) => control.look(move |core| core.admits(&user, &code)).await,
        None => None,
    };
    if admitted != Some(true) {
        // It is gone either way.
        drop(stream.shutdown().await);
        return;
    }
    while control.look(|core| core.is_on()).await == Some(true) {
        let (head, picture) = frame();
        let written = async {
            stream.write_all(&head).await?;
            stream.flush().await?;
            stream.write_all(picture).await?;
            stream.flush().await
        };
        if written.await.is_err() {
            return;
        }
        tokio::time::sleep(PACE).await;
    }
}
