//! How a line to the board is written: its number before the command, its check sum behind it.

/// `N3 T0*57`: the check sum is over all that stands before it.
pub(super) fn frame(number: u32, command: &[u8], wire: &mut Vec<u8>) {
    wire.push(b'N');
    decimal(number, wire);
    wire.push(b' ');
    wire.extend_from_slice(command);
    let sum = wire.iter().fold(0, |sum, byte| sum ^ byte);
    wire.push(b'*');
    decimal(u32::from(sum), wire);
    wire.push(b'\n');
}

fn decimal(number: u32, wire: &mut Vec<u8>) {
    let mut digits = [0; 10];
    let mut at = digits.len();
    let mut rest = number;
    loop {
        at -= 1;
        digits[at] = b'0' + u8::try_from(rest % 10).unwrap_or(0);
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    wire.extend_from_slice(&digits[at..]);
}
