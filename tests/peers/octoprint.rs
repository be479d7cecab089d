//! A real OctoPrint with its virtual printer, owned by the story that started it. Knows how to begin and end one, not what it says.

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde::Deserialize;
use tempfile::TempDir;

use crate::{place, script};

/// Running and Operational as long as this value lives.
pub struct OctoPrint {
    pub door: Door,
    owner: Child,
    _folder: TempDir,
}

/// Where it listens, and the key that may do all.
#[derive(Deserialize)]
pub struct Door {
    pub url: String,
    pub key: String,
}

impl OctoPrint {
    pub fn start() -> Self {
        let folder = TempDir::new().unwrap();
        let mut owner = Command::new(place("GANTRY_PYTHON"))
            .arg(script("octoprint.py"))
            .args(["--octoprint", &place("GANTRY_OCTOPRINT"), "--folder"])
            .arg(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(owner.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let door = serde_json::from_str(&line).expect("it says on standard error why it did not start");
        Self { door, owner, _folder: folder }
    }
}

impl Drop for OctoPrint {
    fn drop(&mut self) {
        drop(self.owner.stdin.take());
        let _ = self.owner.wait();
    }
}

#[test]
fn a_real_octoprint_runs_for_the_length_of_a_story_and_no_longer() {
    let octoprint = OctoPrint::start();
    let address = octoprint.door.url.strip_prefix("http://").unwrap().to_owned();
    assert_eq!(octoprint.door.key.len(), 32);
    assert!(TcpStream::connect(&address).is_ok());
    drop(octoprint);
    assert!(TcpStream::connect(&address).is_err());
}
