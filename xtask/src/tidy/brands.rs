//! A brand is a translator: only its driver, its simulator, tests and pages for people may name it. Code elsewhere that needs a
//! brand's name is a rule in the wrong room.

use super::Fault;
use crate::workspace::SourceFile;

const WORDS: &[&str] = &["bambu", "moonraker", "klipper", "prusalink", "octoprint", "marlin"];

const HOMES: &[&str] = &["agent/drivers/", "tests/", "docs/"];

/// Code outside the homes that must name a brand, with the reason. One that names none any more is told, so that the list shrinks.
const EXCUSED: &[(&str, &str)] = &[
    ("shared/files/", "reads what slicers write, and slicers and G-code dialects carry the makers' names"),
    ("shared/domain/src/sliced.rs", "quotes how a slicer words a printer model, which is data of the file"),
    ("cli/src/machines/", "assembles simulated machines, and a machine is of a brand"),
    ("cli/tests/it/printing.rs", "adds a simulated machine as a person would"),
    ("xtask/src/tidy/brands.rs", "the list of the words itself"),
];

const CODE: &[&str] = &["rs", "js", "mjs", "css", "html", "sql"];

pub fn faults(files: &[SourceFile]) -> Vec<Fault> {
    faults_with(files, EXCUSED)
}

fn faults_with(files: &[SourceFile], excused: &[(&str, &str)]) -> Vec<Fault> {
    let is_home = |path: &str| HOMES.iter().any(|home| path.starts_with(home));
    let is_excused = |path: &str| excused.iter().any(|(place, _)| path.starts_with(place));
    let names: Vec<Fault> = files.iter().filter(|file| is_code(&file.path) && !is_home(&file.path)).flat_map(names).collect();
    let idle = excused.iter().filter(|(place, _)| !names.iter().any(|fault| fault.path.starts_with(place))).map(|(place, _)| {
        Fault::new("xtask/src/tidy/brands.rs", 1, format!("`{place}` is excused but names no brand"), "take it out of EXCUSED")
    });
    names.iter().filter(|fault| !is_excused(&fault.path)).cloned().chain(idle).collect()
}

fn is_code(path: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, ending)| CODE.contains(&ending))
}

fn names(file: &SourceFile) -> Vec<Fault> {
    let path = std::iter::once((1, file.path.as_str()));
    let lines = file.text.lines().enumerate().map(|(index, line)| (index + 1, line));
    path.chain(lines)
        .filter_map(|(number, line)| {
            let line = line.to_lowercase();
            let word = WORDS.iter().find(|word| line.contains(*word))?;
            let mend = "let the driver say it as data, or excuse the file with a reason in xtask/src/tidy/brands.rs";
            Some(Fault::new(&file.path, number, format!("names the brand `{word}` outside its driver"), mend))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, text: &str, excused: &[(&str, &str)], expected: &[(usize, &str)]) {
        let file = SourceFile { path: path.to_owned(), text: text.to_owned() };
        let told: Vec<(usize, String)> =
            faults_with(&[file], excused).into_iter().map(|fault| (fault.line, fault.what)).collect();
        assert_eq!(told.iter().map(|(line, what)| (*line, what.as_str())).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn a_brand_may_be_named_in_its_driver_in_tests_and_in_pages_for_people() {
        check("agent/drivers/src/moonraker/core.rs", "//! Moonraker", &[], &[]);
        check("tests/simulators/src/marlin.rs", "Marlin", &[], &[]);
        check("README.md", "Bambu, Klipper", &[], &[]);
    }

    #[test]
    fn a_brand_elsewhere_is_told_in_any_case_and_in_the_path_too() {
        check(
            "shared/domain/src/printer.rs",
            "//! A printer.\nenum Brand { BambuLab }",
            &[],
            &[(2, "names the brand `bambu` outside its driver")],
        );
        check("agent/src/octoprint.rs", "//! A door.", &[], &[(1, "names the brand `octoprint` outside its driver")]);
    }

    #[test]
    fn an_excuse_covers_its_place_and_is_told_once_idle() {
        let excused = [("cli/src/demo", "assembles one simulator of each brand")];
        check("cli/src/demo.rs", "simulators::marlin()", &excused, &[]);
        check("cli/src/demo.rs", "nothing", &excused, &[(1, "`cli/src/demo` is excused but names no brand")]);
    }
}
