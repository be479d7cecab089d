//! The little that a print server and the printer learn from a file's text: how long it takes, how hot
//! it wants to be, how much filament it eats. Reads only the two ends of a large file.

const END: usize = 64 * 1024;

#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Hints {
    pub seconds: Option<u64>,
    pub nozzle: f64,
    pub bed: f64,
    pub filament_mm: Option<f64>,
    pub layers: Option<u32>,
}

pub(crate) fn read(bytes: &[u8]) -> Hints {
    let mut hints = Hints::default();
    let head = &bytes[..bytes.len().min(END)];
    let tail = &bytes[head.len().max(bytes.len().saturating_sub(END))..];
    for part in [head, tail] {
        for line in String::from_utf8_lossy(part).lines() {
            hints.learn(line.trim());
        }
    }
    hints
}

impl Hints {
    fn learn(&mut self, line: &str) {
        if let Some(comment) = line.strip_prefix(';') {
            self.learn_comment(comment.trim());
            return;
        }
        let mut words = line.split_whitespace();
        let target = match words.next() {
            Some("M104" | "M109") => &mut self.nozzle,
            Some("M140" | "M190") => &mut self.bed,
            Some(_) | None => return,
        };
        let degrees = words.find_map(|word| word.strip_prefix('S')).and_then(|text| text.parse::<f64>().ok());
        *target = target.max(degrees.unwrap_or(0.0));
    }

    fn learn_comment(&mut self, comment: &str) {
        if let Some(seconds) = comment.strip_prefix("TIME:") {
            self.seconds = self.seconds.or(seconds.trim().parse().ok());
        } else if comment.starts_with("estimated printing time (normal mode)") || comment.contains("total estimated time:") {
            let spelled = comment.rsplit(['=', ':']).next().unwrap_or_default();
            self.seconds = self.seconds.or(spelled_seconds(spelled));
        } else if let Some(layers) = comment.strip_prefix("total layer number:") {
            self.layers = self.layers.or(layers.trim().parse().ok());
        } else if let Some(used) = comment.strip_prefix("filament used [mm] =") {
            self.filament_mm = used.split(',').next().and_then(|mm| mm.trim().parse().ok());
        }
    }
}

fn spelled_seconds(text: &str) -> Option<u64> {
    let mut total = 0;
    for word in text.split_whitespace() {
        let (number, unit) = word.split_at_checked(word.len() - 1)?;
        let number: u64 = number.parse().ok()?;
        total += match unit {
            "d" => number * 86_400,
            "h" => number * 3_600,
            "m" => number * 60,
            "s" => number,
            _ => return None,
        };
    }
    (total > 0).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_comments_of_three_slicers_are_understood() {
        assert_eq!(read(b";TIME:3600\nG28").seconds, Some(3600));
        let prusa = b"G28\n; estimated printing time (normal mode) = 1h 2m 3s\n";
        assert_eq!(read(prusa).seconds, Some(3723));
        let bambu = b"; model printing time: 2h; total estimated time: 1m 5s\n";
        assert_eq!(read(bambu).seconds, Some(65));
        assert_eq!(read(b"G28").seconds, None);
    }

    #[test]
    fn the_hottest_target_counts_and_the_end_code_does_not_cool_it() {
        let hints = read(b"M140 S60\nM104 S150\nM109 S215\nG1 X1\nM104 S0\nM140 S0\n");
        assert_eq!((hints.nozzle, hints.bed), (215.0, 60.0));
    }
}
