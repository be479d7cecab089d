//! A working day at the terminal: a printer is added, a file printed, a bed cleared.

use std::net::SocketAddr;

use simulators::octoprint::settings::Settings;
use simulators::octoprint::shell::OctoPrintSim;

use crate::farm::Farm;

#[tokio::test(flavor = "multi_thread")]
async fn a_printer_is_added_with_its_secret_from_standard_input_and_cleared_by_name() {
    let farm = Farm::start().await;
    let settings = Settings { speed: 1000, ..Settings::default() };
    let secret = settings.api_key.clone();
    let machine = OctoPrintSim::start(SocketAddr::from(([127, 0, 0, 1], 0)), settings).await.unwrap();
    let address = format!("http://{}", machine.address);

    let add = [
        "printers",
        "add",
        "P1",
        "--driver",
        "octoprint",
        "--address",
        &address,
        "--credential",
        "--model",
        "MK4S",
        "--nozzle",
        "0.4",
        "--volume",
        "250x210x220",
        "--tag",
        "rack-a",
        "--json",
    ];
    let made = farm.with_key(&farm.key, &add, &format!("{secret}\n")).await.json();
    assert_eq!((&made["config"], &made["bed"]), (&"ok".into(), &"needs_clear".into()));
    assert!(!made.to_string().contains(&secret), "a secret never comes back");

    let cleared = farm.gantry(&["printers", "clear", "P1", "--start-next", "--yes", "--json"]).await.json();
    assert_eq!(cleared["bed"], "clear");
    // The use that was cleared is in the past now: the same sentence said late clears nothing.
    let now = farm.gantry(&["events", "--cursor", "now", "--json"]).await.json();
    let path = farm.sliced("cube.gcode");
    let job = farm.gantry(&["jobs", "create", &path, "--printer", "P1", "--json"]).await.json();
    farm.until(&now, "job.completed").await;
    let late = ["printers", "clear", "P1", "--yes", "--bed-use", made["bed_use"].as_str().unwrap()];
    assert_eq!(farm.gantry(&late).await.code, 6);

    let show = farm.gantry(&["jobs", "show", job["id"].as_str().unwrap()]).await.ok();
    assert!(show.contains("state\tcompleted"), "{show}");
    assert_eq!(farm.gantry(&["jobs", "attempts", "cube.gcode"]).await.ok().lines().count(), 1);
    farm.gantry(&["jobs", "judge", "cube.gcode", "--good", "1"]).await.ok();
    let list = farm.gantry(&["printers", "--tag", "rack-a"]).await.ok();
    let columns: Vec<&str> = list.split('\t').collect();
    assert_eq!((columns[0], columns[2], &columns[3..6]), ("P1", "needs_clear", &["", "MK4S", "rack-a"][..]));
    let test = ["printers", "test", "--driver", "octoprint", "--address", &address, "--credential"];
    assert!(farm.with_key(&farm.key, &test, &secret).await.ok().starts_with("Reached: "));
    assert_eq!(farm.with_key(&farm.key, &test, "wrong").await.code, 6);
    machine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_job_tells_per_printer_why_it_waits() {
    let farm = Farm::start().await;
    let add = ["printers", "add", "P1", "--driver", "octoprint", "--address", "http://127.0.0.1:9", "--model", "MINI"];
    farm.gantry(&add).await.ok();
    farm.gantry(&["printers", "disable", "P1", "--note", "belt"]).await.ok();
    let path = farm.sliced("cube.gcode");
    farm.gantry(&["jobs", "create", &path]).await.ok();
    let why = farm.gantry(&["jobs", "why", "cube.gcode"]).await.ok();
    assert!(why.lines().any(|line| line.starts_with("P1\tdisabled\t")), "{why}");
    assert!(farm.gantry(&["queue"]).await.ok().starts_with("cube.gcode\tqueued\t0\t"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_comes_back_as_it_went_and_never_over_another() {
    let farm = Farm::start().await;
    let path = farm.sliced("cube.gcode");
    farm.gantry(&["files", "upload", &path]).await.ok();
    assert_eq!(
        farm.gantry(&["files", "download", "cube.gcode", "-o", "-"]).await.ok(),
        std::fs::read_to_string(&path).unwrap().trim_end()
    );
    assert_eq!(farm.gantry(&["files", "download", "cube.gcode"]).await.code, 6, "the file is there already");
    farm.gantry(&["files", "download", "cube.gcode", "-o", "copy.gcode"]).await.ok();
    assert_eq!(std::fs::read(farm.folder.path().join("copy.gcode")).unwrap(), std::fs::read(&path).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_in_json_is_what_the_api_answers() {
    let farm = Farm::start().await;
    let path = farm.sliced("cube.gcode");
    let made = farm.gantry(&["jobs", "create", &path, "--held", "--idempotency-key", "a", "--json"]).await.json();
    let again = farm.gantry(&["jobs", "create", &path, "--held", "--idempotency-key", "a", "--json"]).await.json();
    assert_eq!(made["id"], again["id"]);
    let id = format!("id={}", made["id"].as_str().unwrap());
    let raw = farm.gantry(&["api", "get_job", &id]).await.json();
    assert_eq!(farm.gantry(&["jobs", "show", "cube.gcode", "--json"]).await.json(), raw);
    assert_eq!(farm.gantry(&["jobs", "--json"]).await.json()["items"][0], raw);
}
