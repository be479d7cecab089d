//! An agent as its owner runs it: a process of its own on a folder of its own, reached through its public
//! door. It can be killed like a power cut and started again on what it left.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Child;

use crate::counterpart::Door;
use crate::stream::Events;
use crate::{PATIENCE, ROOMY};

/// Waits that fit simulated printers, so that a story takes seconds.
pub const FAST: &str = "[timing]\nstart_seconds = 3\ngive_up_seconds = 1\ngrace_seconds = 2\nobserve_seconds = 2\n";

/// A farm's agent.
pub struct Farm {
    child: Option<Child>,
    folder: TempDir,
    settings: PathBuf,
    log_level: &'static str,
    http: reqwest::Client,
    /// Where it is served; another place after each start.
    pub url: String,
    /// The link that it gave at its first start.
    pub sign_in_url: String,
    /// A key that may do all.
    pub key: String,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The cookie that it sets.
    pub cookie: Option<String>,
    /// Its body.
    pub body: Value,
}

impl Farm {
    /// A new farm with [`FAST`] waits, signed in, with a key.
    pub async fn start() -> Self {
        Self::start_with(FAST).await
    }

    /// A new farm with these settings.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_with(settings: &str) -> Self {
        Self::start_logging("info", settings).await
    }

    /// A new farm that says so much in its log.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_logging(log_level: &'static str, settings: &str) -> Self {
        let folder = TempDir::new().unwrap();
        let place = folder.path().join("agent.toml");
        let mut farm = Self {
            child: None,
            folder,
            settings: place,
            log_level,
            http: client(),
            url: String::new(),
            sign_in_url: String::new(),
            key: String::new(),
        };
        farm.set(settings);
        farm.sign_in_url = farm.start_again().await;
        farm.key = owner_key(&farm.url, &farm.sign_in_url).await;
        farm
    }

    /// Other settings, from the next start on.
    ///
    /// # Panics
    /// When the file cannot be written.
    pub fn set(&self, settings: &str) {
        std::fs::write(&self.settings, format!("{settings}\n{ROOMY}")).unwrap();
    }

    /// Ends the agent as a power cut would.
    ///
    /// # Panics
    /// When it does not run.
    pub async fn kill9(&mut self) {
        self.child.take().unwrap().kill().await.unwrap();
    }

    /// Starts the agent on what it left, and gives its sign-in link.
    ///
    /// # Panics
    /// When it does not start.
    pub async fn start_again(&mut self) -> String {
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log_place()).unwrap();
        let mut command = tokio::process::Command::new(gantry());
        command.args(["agent", "--json", "--listen", "127.0.0.1:0", "--data"]).arg(self.folder.path().join("data"));
        command
            .arg("--config")
            .arg(&self.settings)
            .env("GANTRY_LOG", self.log_level)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let first = first_line(&mut child).await.unwrap_or_else(|| panic!("the agent did not start:\n{}", self.log()));
        self.child = Some(child);
        self.url = first["agent_url"].as_str().unwrap().to_owned();
        first["sign_in_url"].as_str().unwrap().to_owned()
    }

    /// Signs in with a link, as the page does.
    ///
    /// # Panics
    /// When the link has no token.
    pub async fn sign_in(&self, link: &str) -> Answer {
        sign_in(&self.url, link).await
    }

    /// Calls an operation.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        call(&self.url, &self.key, method, path, body).await
    }

    /// A request with the key, for what goes not as JSON.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.url)).bearer_auth(&self.key)
    }

    /// Sends a request that a story completes itself.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        complete: impl FnOnce(reqwest::RequestBuilder) -> reqwest::RequestBuilder,
    ) -> Answer {
        answer(complete(self.request(method, path))).await
    }

    /// Reads something that must be there.
    ///
    /// # Panics
    /// When it cannot be read.
    pub async fn get(&self, path: &str) -> Value {
        self.must(Method::GET, path, None).await
    }

    /// Asks for something that must be done.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn post(&self, path: &str, body: Value) -> Value {
        self.must(Method::POST, path, Some(body)).await
    }

    /// Asks for something that takes no body and must be done.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn verb(&self, path: &str) -> Value {
        self.must(Method::POST, path, None).await
    }

    /// Changes something.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn patch(&self, path: &str, body: Value) -> Value {
        self.must(Method::PATCH, path, Some(body)).await
    }

    async fn must(&self, method: Method, path: &str, body: Option<Value>) -> Value {
        let said = format!("{method} {path} {body:?}");
        let answer = self.call(method, path, body).await;
        assert!((200..300).contains(&answer.status), "{said}: {} {}", answer.status, answer.body);
        answer.body
    }

    /// Adds a printer such as the fixtures are sliced for; its bed is not clear.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn add_printer(&self, name: &str, door: &Door) -> String {
        self.add_printer_of("octoprint", name, door).await
    }

    /// Adds a printer of that driver.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn add_printer_of(&self, driver: &str, name: &str, door: &Door) -> String {
        let link = json!({"driver": driver, "address": door.url, "credential": door.key});
        let printer = self.post("/v1/printers", json!({"name": name, "link": link, "machine": machine()})).await;
        id_of(&printer)
    }

    /// Says that the bed is clear, as somebody who saw it just now.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn clear(&self, printer: &str, start_next: bool) -> Value {
        let seen = self.printer(printer).await;
        self.post(&format!("/v1/printers/{printer}/clear-bed"), json!({"bed_use": seen["bed_use"], "start_next": start_next}))
            .await
    }

    /// Uploads a file.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn upload(&self, name: &str, content: String) -> String {
        Self::upload_to(&self.url, &self.key, name, content).await
    }

    /// Uploads a file to any agent.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn upload_to(url: &str, key: &str, name: &str, content: String) -> String {
        let made = upload(url, key, name, content).await;
        assert_eq!(made.status, 201, "{}", made.body);
        id_of(&made.body)
    }

    /// Queues a file.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn queue(&self, file: &str) -> String {
        self.queue_with(file, json!({})).await
    }

    /// Queues a file with more said of the job.
    ///
    /// # Panics
    /// When it is refused.
    pub async fn queue_with(&self, file: &str, mut more: Value) -> String {
        more["file_id"] = json!(file);
        id_of(&self.post("/v1/jobs", more).await)
    }

    /// A job as it is now.
    pub async fn job(&self, id: &str) -> Value {
        self.get(&format!("/v1/jobs/{id}")).await
    }

    /// A printer as it is now.
    pub async fn printer(&self, id: &str) -> Value {
        self.get(&format!("/v1/printers/{id}")).await
    }

    /// The farm's record.
    pub async fn record(&self) -> Value {
        self.get("/v1/farms").await["items"][0].clone()
    }

    /// The types of all events about something, oldest first.
    pub async fn told_of(&self, id: &str) -> Vec<String> {
        types(&self.log_of(&format!("/v1/events?limit=200&subject={id}")).await)
    }

    /// The whole event log, oldest first.
    pub async fn whole_log(&self) -> Vec<Value> {
        self.log_of("/v1/events?limit=200").await
    }

    async fn log_of(&self, path: &str) -> Vec<Value> {
        let mut page = self.get(path).await;
        let mut all = Vec::new();
        while let Some(items) = page["items"].as_array().filter(|items| !items.is_empty()) {
            all.extend(items.iter().cloned());
            page = self.get(&format!("{path}&cursor={}", page["next_cursor"].as_str().unwrap_or_default())).await;
        }
        all
    }

    /// Follows the stream from now on.
    pub async fn events(&self) -> Events {
        Events::open(&self.url, &self.key).await
    }

    /// Looks at a record whenever anything is told, until it shows what is waited for.
    ///
    /// # Panics
    /// When it does not show that in time.
    pub async fn until(&self, path: &str, what: &str, shows: impl Fn(&Value) -> bool) -> Value {
        self.until_within(PATIENCE, path, what, shows).await
    }

    /// The same for what takes its time.
    ///
    /// # Panics
    /// When it does not show that in time.
    pub async fn until_within(&self, patience: Duration, path: &str, what: &str, shows: impl Fn(&Value) -> bool) -> Value {
        let mut events = self.events().await;
        let mut last = Value::Null;
        let looking = async {
            loop {
                last = self.get(path).await;
                if shows(&last) {
                    return;
                }
                events.next().await;
            }
        };
        let seen = tokio::time::timeout(patience, looking).await.is_ok();
        assert!(seen, "waited in vain for {what}; {path} is {last:#}\nthe agent says:\n{}", self.log());
        last
    }

    /// Waits for a job's state.
    pub async fn job_until(&self, id: &str, state: &str) -> Value {
        self.until(&format!("/v1/jobs/{id}"), &format!("a job that is {state}"), |job| job["state"] == state).await
    }

    /// Waits until the log tells that of something, be it long ago.
    pub async fn until_told(&self, event_type: &str, subject: &str) {
        let path = format!("/v1/events?type={event_type}&subject={subject}");
        let told = |events: &Value| events["items"].as_array().is_some_and(|items| !items.is_empty());
        self.until(&path, event_type, told).await;
    }

    /// Waits for what a printer shows in one of its fields.
    pub async fn printer_until(&self, id: &str, field: &str, word: &str) -> Value {
        self.until(&format!("/v1/printers/{id}"), &format!("a printer whose {field} is {word}"), |printer| printer[field] == word)
            .await
    }

    /// Where its database and its files lie.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// All that it wrote on standard error.
    pub fn whole_text_log(&self) -> String {
        std::fs::read_to_string(self.log_place()).unwrap_or_default()
    }

    /// Somebody with its key at another door: a key goes along with a claimed farm.
    pub fn caller(&self) -> crate::caller::Caller {
        crate::caller::Caller { url: self.url.clone(), key: self.key.clone() }
    }

    fn log_place(&self) -> PathBuf {
        self.folder.path().join("agent.log")
    }

    /// The end of what the agent wrote on standard error.
    pub fn log(&self) -> String {
        let all = self.whole_text_log();
        let lines: Vec<&str> = all.lines().collect();
        lines.get(lines.len().saturating_sub(25)..).unwrap_or_default().join("\n")
    }
}

/// What the fixtures are sliced for.
pub fn machine() -> Value {
    json!({"model": "MK3S", "nozzle_mm": 0.4, "build_volume_mm": {"x": 250.0, "y": 210.0, "z": 210.0}})
}

/// The types of events.
pub fn types(events: &[Value]) -> Vec<String> {
    events.iter().map(|event| event["type"].as_str().unwrap_or_default().to_owned()).collect()
}

/// The id of a record.
///
/// # Panics
/// When it has none.
pub fn id_of(record: &Value) -> String {
    record["id"].as_str().unwrap().to_owned()
}

/// The JSON object that a program prints first.
pub async fn first_line(child: &mut Child) -> Option<Value> {
    let mut lines = BufReader::new(child.stdout.take()?).lines();
    let line = tokio::time::timeout(PATIENCE, lines.next_line()).await.ok()?.ok()??;
    serde_json::from_str(&line).ok()
}

/// Signs in with a link, as the page does.
///
/// # Panics
/// When the link has no token.
pub async fn sign_in(url: &str, link: &str) -> Answer {
    let (_, token) = link.split_once("#token=").unwrap();
    let request = client().post(format!("{url}/v1/sessions")).header("origin", url);
    answer(request.json(&json!({"one_time_token": token}))).await
}

/// Signs an owner in with a link and makes them a key.
///
/// # Panics
/// When that is refused.
pub async fn owner_key(url: &str, link: &str) -> String {
    let signed_in = sign_in(url, link).await;
    assert_eq!(signed_in.status, 201, "{}", signed_in.body);
    let asked = json!({"name": "stories", "role": "admin"});
    let request = client().post(format!("{url}/v1/api_keys")).header("origin", url);
    let made = answer(request.header("cookie", signed_in.cookie.unwrap()).json(&asked)).await;
    assert_eq!(made.status, 201, "{}", made.body);
    made.body["secret"].as_str().unwrap().to_owned()
}

/// Uploads a file as a form.
pub async fn upload(url: &str, key: &str, name: &str, content: String) -> Answer {
    let form = Form::new().part("file", Part::text(content).file_name(name.to_owned()));
    answer(client().post(format!("{url}/v1/files")).bearer_auth(key).multipart(form)).await
}

/// Calls an operation with a key.
pub async fn call(url: &str, key: &str, method: Method, path: &str, body: Option<Value>) -> Answer {
    call_with(url, key, method, path, body, &[]).await
}

/// Calls an operation with a key and these headers.
pub async fn call_with(
    url: &str,
    key: &str,
    method: Method,
    path: &str,
    body: Option<Value>,
    headers: &[(&str, &str)],
) -> Answer {
    let mut request = client().request(method, format!("{url}{path}"));
    if !key.is_empty() {
        request = request.bearer_auth(key);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    if let Some(body) = body {
        request = request.json(&body);
    }
    answer(request).await
}

async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let cookie = answer.headers().get("set-cookie").map(|value| value.to_str().unwrap_or_default().to_owned());
    let cookie = cookie.map(|cookie| cookie.split(';').next().unwrap_or_default().to_owned());
    let body = answer.bytes().await.unwrap();
    Answer { status, cookie, body: serde_json::from_slice(&body).unwrap_or(Value::Null) }
}

pub(crate) fn client() -> reqwest::Client {
    static CLIENT: OnceLock<()> = OnceLock::new();
    CLIENT.get_or_init(|| drop(rustls::crypto::ring::default_provider().install_default()));
    reqwest::Client::builder().no_proxy().timeout(PATIENCE).build().unwrap()
}

/// The program: the one that `GANTRY_BIN` names, else built once beside the running test.
///
/// # Panics
/// When it cannot be built.
pub fn gantry() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        if let Some(given) = std::env::var_os("GANTRY_BIN") {
            return given.into();
        }
        let built = Command::new(env!("CARGO")).args(["build", "--quiet", "--package", "gantry"]).status().unwrap();
        assert!(built.success(), "the program does not build");
        let test = std::env::current_exe().unwrap();
        test.parent().and_then(Path::parent).unwrap().join("gantry")
    })
}
