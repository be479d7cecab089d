//! One MQTT client: packets in and out.

use super::{Control, GREETING};
use crate::bambu::door::{ClientId, Input};
use crate::bambu::packets::{Decoder, Heard, write};
use std::pin::pin;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;
use tokio_rustls::server::TlsStream;

/// Serves one client until it goes, says nonsense, is silent for too long, or is dropped.
pub(super) async fn attend(stream: TlsStream<TcpStream>, control: Control) {
    let client = ClientId(control.next());
    let mut told = control.client(client);
    let (mut reader, mut writer) = tokio::io::split(stream);
    let (mut decoder, mut buffer, mut patience) = (Decoder::default(), [0; 4096], GREETING);
    // Only what is heard winds it up again, not what is told.
    let mut silence = pin!(sleep(patience));
    'line: loop {
        tokio::select! {
            told = told.recv() => {
                let Some(told) = told else { break };
                let Ok(bytes) = write(&told) else { break };
                if writer.write_all(&bytes).await.is_err() || writer.flush().await.is_err() {
                    break;
                }
            }
            () = &mut silence => break,
            read = reader.read(&mut buffer) => {
                let Ok(count @ 1..) = read else { break };
                decoder.feed(&buffer[..count]);
                loop {
                    match decoder.packet() {
                        Ok(None) => break,
                        Ok(Some(Heard::Gone)) | Err(_) => break 'line,
                        Ok(Some(heard)) => {
                            if let Heard::Hello { keep_alive_seconds, .. } = heard {
                                patience = patience_for(keep_alive_seconds);
                            }
                            control.input(Input::Client { client, heard });
                        }
                    }
                }
                silence.set(sleep(patience));
            }
        }
    }
    control.input(Input::Client { client, heard: Heard::Gone });
}

/// Half as long again as was agreed.
fn patience_for(keep_alive_seconds: u16) -> Duration {
    match keep_alive_seconds {
        0 => Duration::MAX,
        seconds => Duration::from_millis(u64::from(seconds) * 1500),
    }
}
