//! One session with a machine's file server, command by command. The data connection resumes the TLS session of the
//! control connection, by the same configuration and name: servers that want that leave an empty file behind where it
//! is not done.

use std::time::Duration;

use domain::secret::Secret;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::files::{FileServer, Upload, packed_chunks};
use super::ftp::{LINE_AT_MOST, Replies, Reply, names, passive_port, size};
use super::trust::{Refused, configuration};
use super::{FileFault, MAX_LISTING_BYTES};

const CONNECT: Duration = Duration::from_secs(10);
const REPLY: Duration = Duration::from_secs(20);
/// Some machines need more than half a minute to write down what they got.
const LAST_REPLY: Duration = Duration::from_secs(60);
const STALLED: Duration = Duration::from_secs(60);

/// What hinders it: a fault, or that data connections under TLS do not work.
pub(super) enum Trouble {
    Fault(FileFault),
    NoPrivateData(FileFault),
}

impl From<FileFault> for Trouble {
    fn from(fault: FileFault) -> Self {
        Self::Fault(fault)
    }
}

impl Trouble {
    pub(super) fn into_fault(self) -> FileFault {
        match self {
            Self::Fault(fault) | Self::NoPrivateData(fault) => fault,
        }
    }
}

/// How far a transfer came that did not work.
pub(super) enum Sent {
    /// Nothing was written.
    Not(Trouble),
    /// A part may be there.
    Begun(FileFault),
    /// All of it was sent, and the server did not say that it has it.
    All(FileFault),
}

impl From<FileFault> for Sent {
    fn from(fault: FileFault) -> Self {
        Self::Not(fault.into())
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// One session.
pub(super) struct Talk {
    control: BufReader<TlsStream<TcpStream>>,
    replies: Replies,
    host: String,
    tls: Tls,
    clear: bool,
}

/// What every connection of a session shares, so that the later ones resume the first.
#[derive(Clone)]
struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
    refused: Refused,
}

impl Tls {
    async fn wrap(&self, stream: TcpStream) -> Result<TlsStream<TcpStream>, FileFault> {
        let wrapped = timeout(REPLY, self.connector.connect(self.name.clone(), stream)).await.map_err(|_| FileFault::Silent)?;
        wrapped.map_err(|error| match self.refused.take() {
            Some(refusal) => FileFault::Certificate(refusal),
            None => FileFault::Cut(error.to_string()),
        })
    }
}

impl Talk {
    pub(super) async fn open(server: &FileServer) -> Result<Self, FileFault> {
        let host = server.address.host.clone();
        let stream = dial(&host, server.address.files).await?;
        let (config, refused_certificate) = configuration(&server.trust).map_err(|error| FileFault::Cut(error.to_string()))?;
        // The serial number is the name in its certificate, though not every serial number can be a name.
        let named = ServerName::try_from(server.trust.serial.to_string()).or_else(|_| ServerName::try_from(host.clone()));
        let name = named.map_err(|_| FileFault::Unreachable("its name is no name".to_owned()))?;
        let tls = Tls { connector: TlsConnector::from(config), name, refused: refused_certificate };
        let control = BufReader::with_capacity(LINE_AT_MOST, tls.wrap(stream).await?);
        let mut talk = Self { control, replies: Replies::default(), host, tls, clear: false };
        let hello = talk.reply(REPLY).await?;
        if hello.code != 220 {
            return Err(refused(hello));
        }
        talk.sign_in(server.user, &server.code).await?;
        talk.wants("TYPE I").await?;
        Ok(talk)
    }

    /// Whether data goes under TLS; commands always do.
    pub(super) async fn protect(&mut self, clear: bool) -> Result<(), Trouble> {
        self.clear = clear;
        self.wants("PBSZ 0").await?;
        let reply = self.ask(if clear { "PROT C" } else { "PROT P" }).await?;
        match reply.code {
            400.. if clear => Err(Trouble::Fault(refused(reply))),
            400.. => Err(Trouble::NoPrivateData(refused(reply))),
            _ => Ok(()),
        }
    }

    async fn sign_in(&mut self, user: &str, code: &Secret<String>) -> Result<(), FileFault> {
        let reply = self.ask(&format!("USER {user}")).await?;
        let reply = if reply.code == 331 { self.ask(&format!("PASS {}", code.expose())).await? } else { reply };
        match reply.code {
            200..300 => Ok(()),
            530 => Err(FileFault::WrongCode),
            _ => Err(refused(reply)),
        }
    }

    pub(super) async fn size(&mut self, name: &str) -> Result<Option<u64>, FileFault> {
        Ok(size(&self.ask(&format!("SIZE {name}")).await?))
    }

    pub(super) async fn store(
        &mut self,
        upload: &Upload,
        packed: u64,
        progress: &(impl Fn(u64, u64) + Sync),
    ) -> Result<(), Sent> {
        let mut data = self.transfer(&format!("STOR {}", upload.name)).await.map_err(Sent::Not)?;
        let mut chunks = packed_chunks(upload.place.clone(), upload.packing.clone());
        let mut sent = 0;
        while let Some(chunk) = chunks.recv().await {
            let chunk = chunk.map_err(|_| Sent::Begun(FileFault::ContentMissing))?;
            let written = timeout(STALLED, data.write_all(&chunk)).await.map_err(|_| Sent::Begun(FileFault::Silent))?;
            if let Err(error) = written {
                return Err(Sent::Begun(self.why_cut(&error).await));
            }
            sent += u64::try_from(chunk.len()).unwrap_or(u64::MAX);
            progress(sent, packed);
        }
        // The end of the file, said in TLS: a cut would look alike otherwise.
        if let Err(error) = timeout(STALLED, data.shutdown()).await.map_err(|_| Sent::Begun(FileFault::Silent))? {
            return Err(Sent::Begun(self.why_cut(&error).await));
        }
        match self.reply(LAST_REPLY).await {
            Ok(reply) if reply.code < 400 => Ok(()),
            Ok(reply @ Reply { code: 552, .. }) => Err(Sent::Begun(refused(reply))),
            Ok(reply) => Err(Sent::All(refused(reply))),
            Err(fault) => Err(Sent::All(fault)),
        }
    }

    /// A server that breaks a transfer often says why.
    async fn why_cut(&mut self, error: &std::io::Error) -> FileFault {
        match self.reply(Duration::from_secs(5)).await {
            Ok(reply) if reply.code >= 400 => refused(reply),
            Ok(_) | Err(_) => FileFault::Cut(error.to_string()),
        }
    }

    pub(super) async fn list(&mut self) -> Result<Vec<String>, Trouble> {
        let mut data = match self.transfer("NLST").await {
            // It has none.
            Err(Trouble::Fault(FileFault::CannotCreate(_) | FileFault::Refused(_))) => return Ok(Vec::new()),
            data => data?,
        };
        let mut listing = Vec::new();
        let whole = async {
            let mut limited = (&mut data).take(MAX_LISTING_BYTES);
            // A server that forgets to say the end in TLS has said it by its reply.
            let _ = limited.read_to_end(&mut listing).await;
        };
        timeout(STALLED, whole).await.map_err(|_| FileFault::Silent)?;
        drop(data);
        let reply = self.reply(REPLY).await?;
        if reply.code >= 400 { Err(refused(reply).into()) } else { Ok(names(&listing)) }
    }

    /// Says a command that moves data, and opens the connection for it. The server may refuse before it takes
    /// the connection, or say that it begins before or after the handshake.
    async fn transfer(&mut self, command: &str) -> Result<Box<dyn Stream>, Trouble> {
        let passive = self.ask("PASV").await?;
        let port = passive_port(&passive).ok_or_else(|| refused(passive))?;
        self.say(command).await?;
        let (host, tls, clear) = (self.host.clone(), self.tls.clone(), self.clear);
        let mut opening = Box::pin(async move {
            let stream = dial(&host, port).await?;
            let data: Box<dyn Stream> = if clear { Box::new(stream) } else { Box::new(tls.wrap(stream).await?) };
            Ok::<_, FileFault>(data)
        });
        let mut reply = Box::pin(self.reply(REPLY));
        let mut began = None;
        let opened = loop {
            tokio::select! {
                first = &mut reply, if began.is_none() => match first? {
                    early if early.code >= 400 => return Err(refused_transfer(early)),
                    early => began = Some(early),
                },
                data = &mut opening => break data,
            }
        };
        let data = match opened {
            Ok(data) => data,
            Err(fault @ FileFault::Certificate(_)) => return Err(fault.into()),
            Err(fault) => {
                // What it says of it is better than that it hung up.
                let said = if began.is_none() { timeout(Duration::from_secs(2), reply).await.ok() } else { None };
                return Err(match said {
                    Some(Ok(reply)) if reply.code >= 400 => refused_transfer(reply),
                    Some(_) | None => Trouble::NoPrivateData(fault),
                });
            }
        };
        if began.is_none() {
            let first = reply.await?;
            if first.code >= 400 {
                return Err(refused_transfer(first));
            }
        }
        Ok(data)
    }

    async fn wants(&mut self, command: &str) -> Result<(), FileFault> {
        let reply = self.ask(command).await?;
        if reply.code < 400 { Ok(()) } else { Err(refused(reply)) }
    }

    pub(super) async fn ask(&mut self, command: &str) -> Result<Reply, FileFault> {
        self.say(command).await?;
        self.reply(REPLY).await
    }

    async fn say(&mut self, command: &str) -> Result<(), FileFault> {
        let line = format!("{command}\r\n");
        let said = async {
            self.control.write_all(line.as_bytes()).await?;
            self.control.flush().await
        };
        timeout(REPLY, said).await.map_err(|_| FileFault::Silent)?.map_err(|error| FileFault::Cut(error.to_string()))
    }

    async fn reply(&mut self, within: Duration) -> Result<Reply, FileFault> {
        let read = async {
            loop {
                let mut line = Vec::new();
                let limit = u64::try_from(LINE_AT_MOST).unwrap_or(u64::MAX);
                let read = (&mut self.control).take(limit).read_until(b'\n', &mut line).await;
                match read {
                    Ok(0) => return Err(FileFault::Cut("it hung up".to_owned())),
                    Err(error) => return Err(FileFault::Cut(error.to_string())),
                    Ok(_) => {}
                }
                let said = self.replies.take(&line);
                if let Some(reply) = said.map_err(|_| FileFault::Refused("it does not speak FTP".to_owned()))? {
                    return Ok(reply);
                }
            }
        };
        timeout(within, read).await.unwrap_or(Err(FileFault::Silent))
    }

    pub(super) async fn quit(mut self) {
        // Only politeness.
        let _ = self.say("QUIT").await;
    }
}

async fn dial(host: &str, port: u16) -> Result<TcpStream, FileFault> {
    let stream = timeout(CONNECT, TcpStream::connect((host, port))).await.map_err(|_| FileFault::Silent)?;
    let stream = stream.map_err(|error| FileFault::Unreachable(error.to_string()))?;
    // Slower without it, and no less right.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

pub(super) fn refused(reply: Reply) -> FileFault {
    let said = format!("{} {}", reply.code, reply.text).trim().to_owned();
    match reply.code {
        452 | 552 => FileFault::NoRoom(said),
        550 | 553 => FileFault::CannotCreate(said),
        421 | 425 | 426 | 451 => FileFault::Cut(said),
        530 => FileFault::WrongCode,
        _ => FileFault::Refused(said),
    }
}

/// 522: it wants the data connection otherwise protected than it is.
fn refused_transfer(reply: Reply) -> Trouble {
    let private = matches!(reply.code, 425 | 521 | 522 | 534 | 536);
    let fault = refused(reply);
    if private { Trouble::NoPrivateData(fault) } else { Trouble::Fault(fault) }
}
