//! One line that a machine obeys, taken apart: `G1 X1 Y2`, `N7 M104 S200*33`, `SET_PIN PIN=fan VALUE=1`.
//! Lenient as firmwares are: blanks and upper case do not matter.

use crate::value;

/// What a line tells the machine to do.
pub(crate) enum Command<'a> {
    /// A letter with a number.
    Code(Code<'a>),
    /// A word, as Klipper's macros have.
    Word(&'a [u8]),
}

pub(crate) struct Code<'a> {
    /// In upper case.
    pub(crate) letter: u8,
    pub(crate) number: u32,
    arguments: &'a [u8],
}

/// The arguments that this crate looks at; a letter without a number counts as 0, as in Marlin.
#[derive(Default)]
pub(crate) struct Arguments {
    pub(crate) axes: [Option<f64>; 3],
    pub(crate) e: Option<f64>,
    pub(crate) i: Option<f64>,
    pub(crate) j: Option<f64>,
    pub(crate) p: Option<f64>,
    pub(crate) r: Option<f64>,
    pub(crate) s: Option<f64>,
}

impl<'a> Command<'a> {
    /// `None` for a line that says nothing.
    #[inline]
    pub(crate) fn parse(line: &'a [u8]) -> Option<Self> {
        let line = without_line_number(line);
        let (&letter, rest) = line.split_first()?;
        let word = line.split(|byte| matches!(byte, b' ' | b'\t' | b';' | b'*')).next()?;
        if word.is_empty() {
            return None;
        }
        let rest = rest.trim_ascii_start();
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let after = &rest[digits..];
        // `G29.1` is not G29, and `G28_AND_WIPE` is a macro.
        if digits == 0 || digits > 9 || !letter.is_ascii_alphabetic() || matches!(after.first(), Some(b'.' | b'_')) {
            return Some(Self::Word(word));
        }
        let number = rest[..digits].iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
        Some(Self::Code(Code { letter: letter.to_ascii_uppercase(), number, arguments: after }))
    }
}

impl Code<'_> {
    #[inline]
    pub(crate) fn arguments(&self) -> Arguments {
        let mut found = Arguments::default();
        let mut rest = self.arguments;
        while let Some((&letter, after)) = rest.split_first() {
            rest = after;
            let slot = match letter {
                b';' | b'*' => break,
                b'X' | b'x' => &mut found.axes[0],
                b'Y' | b'y' => &mut found.axes[1],
                b'Z' | b'z' => &mut found.axes[2],
                b'E' | b'e' => &mut found.e,
                b'I' | b'i' => &mut found.i,
                b'J' | b'j' => &mut found.j,
                b'P' | b'p' => &mut found.p,
                b'R' | b'r' => &mut found.r,
                b'S' | b's' => &mut found.s,
                _ => continue,
            };
            let (number, length) = value::number(rest.trim_ascii_start()).unwrap_or((0.0, 0));
            *slot = Some(number);
            rest = &rest.trim_ascii_start()[length..];
        }
        found
    }
}

fn without_line_number(line: &[u8]) -> &[u8] {
    let [b'N' | b'n', numbered @ ..] = line else { return line };
    let digits = numbered.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if digits == 0 { line } else { numbered[digits..].trim_ascii_start() }
}
