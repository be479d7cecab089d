//! What does not work: the exit code, the sentence, and what to do.

use crate::farm::{Farm, run};

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_failure_has_its_exit_code() {
    let farm = Farm::start().await;
    let path = farm.sliced("cube.gcode");
    farm.gantry(&["jobs", "create", &path, "--held"]).await.ok();
    let lines: [(&[&str], i32); 10] = [
        (&["status"], 0),
        (&["jobs", "move", "cube.gcode"], 2),
        (&["jobs", "--phase", "later", "--limit", "999"], 2),
        (&["jobs", "--state", "held", "show", "cube.gcode"], 2),
        (&["jobs", "create", "nothing.gcode"], 3),
        (&["printers", "show", "P1"], 3),
        (&["api", "get_job", "id=job_00000000000000000000000000000000"], 3),
        (&["files", "delete", "cube.gcode", "--yes"], 6),
        (&["jobs", "retry", "cube.gcode"], 6),
        (&["files", "upload", "/dev/null"], 6),
    ];
    for (line, code) in lines {
        let said = farm.gantry(line).await;
        assert_eq!(said.code, code, "{line:?}: {said:?}");
        assert_eq!(said.out.is_empty(), code != 0, "{line:?}: {said:?}");
    }
    assert_eq!(farm.with_key("gty_test_nonsense", &["status"], "").await.code, 4);
    let nobody_there = ["status", "--url", "http://127.0.0.1:9"];
    assert_eq!(farm.gantry(&nobody_there).await.code, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_permission_is_named() {
    let farm = Farm::start().await;
    let viewer = farm.gantry(&["keys", "create", "viewer", "--role", "viewer"]).await.ok();
    let path = farm.sliced("cube.gcode");
    let said = farm.with_key(&viewer, &["files", "upload", &path], "").await;
    assert_eq!(said.code, 4);
    assert!(said.err.contains("file.upload"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_with_json_is_the_problem_as_the_api_gave_it() {
    let farm = Farm::start().await;
    let said = farm.gantry(&["api", "get_job", "id=job_00000000000000000000000000000000", "--json"]).await;
    let problem: serde_json::Value = serde_json::from_str(&said.err).unwrap();
    assert_eq!((said.code, &problem["code"], &problem["status"]), (3, &"not_found".into(), &404.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_destroys_asks_for_a_yes_and_without_anybody_there_does_nothing() {
    let farm = Farm::start().await;
    farm.gantry(&["keys", "create", "shop", "--role", "viewer"]).await.ok();
    let said = farm.gantry(&["keys", "revoke", "shop"]).await;
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.contains("--yes"), "{said:?}");
    assert!(farm.gantry(&["keys"]).await.ok().contains("shop\tactive"));
    farm.gantry(&["keys", "revoke", "shop", "--yes"]).await.ok();
    assert!(farm.gantry(&["keys"]).await.ok().contains("shop\trevoked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_things_of_one_name_are_told_apart_by_id_only() {
    let farm = Farm::start().await;
    let path = farm.sliced("cube.gcode");
    farm.gantry(&["jobs", "create", &path, "--name", "Cube, red", "--copies", "2"]).await.ok();
    let said = farm.gantry(&["jobs", "hold", "Cube, red"]).await;
    assert_eq!(said.code, 2);
    let id = said.err.split_whitespace().find(|word| word.starts_with("job_")).unwrap().trim_end_matches(',').to_owned();
    farm.gantry(&["jobs", "hold", &id]).await.ok();
    farm.gantry(&["jobs", "cancel", &id, "--yes"]).await.ok();
    assert!(farm.gantry(&["jobs", "hold", "Cube, red"]).await.ok().contains("held"), "only one of them is not over");
}

#[tokio::test(flavor = "multi_thread")]
async fn help_and_completion_need_no_farm_and_no_key() {
    let farm = Farm::start().await;
    assert!(run(farm.command(&["--help"]), "").await.ok().starts_with("Examples:"));
    assert!(run(farm.command(&["completion", "bash"]), "").await.ok().contains("_gantry"));
    assert!(run(farm.command(&["api"]), "").await.ok().contains("list_jobs\tGET\t/v1/jobs"));
    assert_eq!(run(farm.command(&["printer"]), "").await.code, 2);
}
