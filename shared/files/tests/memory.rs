//! A file without end costs no memory. A binary of its own: other tests would disturb the measurement.
#![expect(clippy::unwrap_used, reason = "a test may fail loudly, its helpers too")]
#![cfg(target_os = "linux")]

use gantry_files::Reader;

#[test]
fn a_file_without_end_costs_no_memory() {
    let layer = "G1 Z1\nG1 X1 Y1\nG1 X9 Y9 E1\nG1 Z2\nG1 X5 Y2 E1\n;LAYER_CHANGE\n; filament_type = A;B;C\nM500\n".repeat(1000);
    let mut islands = String::from("M83\nG1 Z1\n");
    for at in 0..20_000 {
        islands.push_str(&format!("G1 X{} Y{}\nG1 X{} E1\n", at * 7 % 1000, at * 13 % 997, at * 7 % 1000 + 3));
    }
    let pictures = "; thumbnail begin 9x9 4\n; AAAA\n; thumbnail end\n".repeat(1000);
    let endless = format!("; thumbnail begin 9x9 99999999\n{}", "; AAAA\n".repeat(10_000));
    let pieces = [
        layer.into_bytes(),
        islands.into_bytes(),
        pictures.into_bytes(),
        endless.into_bytes(),
        vec![0; 1 << 20],
        vec![b';'; 1 << 20],
        vec![b'G'; 1 << 20],
    ];
    for piece in pieces {
        let before = held_bytes();
        let mut reader = Reader::new("x".parse().unwrap());
        reader.feed(b"G1 X1 Y1 Z1 E1\n");
        for _ in 0..40 {
            reader.feed(&piece);
        }
        let held = held_bytes() - before;
        assert!(held < 4 << 20, "{held} bytes held after {:?}", String::from_utf8_lossy(&piece[..20]));
        assert!(reader.finish().is_ok());
    }
}

/// What the kernel says that this process holds.
fn held_bytes() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<i64>().unwrap() * 1024
}
