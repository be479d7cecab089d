//! Tables as spreadsheets write them: cells separated by commas, semicolons or tabs, quoted where they must be. Knows no column.

/// A row, and the line that it begins on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// From 1, as editors count.
    pub number: usize,
    /// Its cells, trimmed.
    pub cells: Vec<String>,
}

/// A quote that is never closed, or that something follows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {why}")]
pub struct BadTable {
    /// Where the row begins.
    pub line: usize,
    /// What is wrong.
    pub why: &'static str,
}

/// The rows that are not empty.
///
/// # Errors
/// [`BadTable`].
pub fn read(text: &str) -> Result<Vec<Line>, BadTable> {
    let text = text.trim_start_matches('\u{feff}');
    let separator = separator(text.lines().next().unwrap_or_default());
    let mut lines = Vec::new();
    let mut rest = text;
    let mut number = 1;
    while !rest.is_empty() {
        let (line, after, breaks) = row(rest, separator, number)?;
        if line.cells.iter().any(|cell| !cell.is_empty()) {
            lines.push(line);
        }
        number += breaks;
        rest = after;
    }
    Ok(lines)
}

/// What stands most often in the head.
fn separator(head: &str) -> char {
    [',', ';', '\t'].into_iter().rev().max_by_key(|candidate| head.matches(*candidate).count()).unwrap_or(',')
}

/// One row, what comes after it, and how many lines it took.
fn row(text: &str, separator: char, number: usize) -> Result<(Line, &str, usize), BadTable> {
    let bad = |why| BadTable { line: number, why };
    let mut cells = Vec::new();
    let mut rest = text;
    loop {
        let quoted = rest.trim_start_matches([' ']).strip_prefix('"');
        let (cell, after) = match quoted {
            Some(inside) => {
                let (cell, after) = in_quotes(inside).ok_or_else(|| bad("a quote is not closed"))?;
                (cell, after.trim_start_matches([' ', '\r']))
            }
            None => {
                let end = rest.find([separator, '\n']).unwrap_or(rest.len());
                let (cell, after) = rest.split_at(end);
                (cell.to_owned(), after)
            }
        };
        cells.push(cell.trim().to_owned());
        let next = after.chars().next();
        if next == Some(separator) {
            rest = after.get(separator.len_utf8()..).unwrap_or_default();
            continue;
        }
        if !matches!(next, None | Some('\n')) {
            return Err(bad("something follows a closed quote"));
        }
        let after = after.strip_prefix('\n').unwrap_or(after);
        let taken = text.len() - after.len();
        let breaks = text.get(..taken).unwrap_or_default().matches('\n').count();
        return Ok((Line { number, cells }, after, breaks));
    }
}

/// The text up to the closing quote, with doubled quotes as one, and what comes after; none if it is never closed.
fn in_quotes(text: &str) -> Option<(String, &str)> {
    let mut cell = String::new();
    let mut rest = text;
    loop {
        let at = rest.find('"')?;
        cell.push_str(rest.get(..at)?);
        rest = rest.get(at + 1..)?;
        match rest.strip_prefix('"') {
            Some(more) => {
                cell.push('"');
                rest = more;
            }
            None => return Some((cell, rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cells(text: &str) -> Vec<(usize, Vec<String>)> {
        read(text).unwrap().into_iter().map(|line| (line.number, line.cells)).collect()
    }

    fn row_of(number: usize, cells: &[&str]) -> (usize, Vec<String>) {
        (number, cells.iter().map(|cell| (*cell).to_owned()).collect())
    }

    #[test]
    fn a_table_is_read_as_spreadsheets_write_it() {
        let expected = [row_of(1, &["name", "address"]), row_of(3, &["P 1", "http://a"])];
        assert_eq!(cells("name,address\n\nP 1,http://a\n"), expected);
        assert_eq!(cells("\u{feff}name;address\r\n;\r\nP 1;http://a"), expected);
        assert_eq!(cells("name\taddress\n\t\n P 1 \thttp://a\n"), expected);
    }

    #[test]
    fn quotes_keep_separators_breaks_and_quotes() {
        let table = "a,b\n\"x, \"\"y\"\"\nz\" ,2\n3,4\n";
        assert_eq!(cells(table), [row_of(1, &["a", "b"]), row_of(2, &["x, \"y\"\nz", "2"]), row_of(4, &["3", "4"])]);
    }

    #[test]
    fn a_quote_that_is_left_open_or_followed_is_told_with_its_line() {
        assert_eq!(read("a\n\"b").unwrap_err().line, 2);
        assert_eq!(read("a,b\n1,2\n\"b\"c,2").unwrap_err().to_string(), "line 3: something follows a closed quote");
    }

    proptest! {
        #[test]
        fn what_was_quoted_is_read_back_and_nothing_does_harm(
            table in proptest::collection::vec(proptest::collection::vec("[a-z\",;\n]{1,6}", 3), 1..5),
            anything in ".{0,200}",
        ) {
            drop(read(&anything));
            let quoted = |cell: &String| format!("\"{}\"", cell.replace('"', "\"\""));
            let text: Vec<String> = table.iter().map(|row| row.iter().map(quoted).collect::<Vec<_>>().join(",")).collect();
            let head = "one,two,three,four,five,six,seven,eight,nine,ten\n".to_owned();
            let read: Vec<Vec<String>> = read(&(head + &text.join("\n"))).unwrap().into_iter().skip(1).map(|line| line.cells).collect();
            let trimmed: Vec<Vec<String>> = table.iter().map(|row| row.iter().map(|cell| cell.trim().to_owned()).collect()).collect();
            let kept: Vec<Vec<String>> = trimmed.into_iter().filter(|row: &Vec<String>| row.iter().any(|cell| !cell.is_empty())).collect();
            prop_assert_eq!(read, kept);
        }
    }
}
