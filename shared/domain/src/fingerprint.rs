//! A public key as four words that two people can compare: the words of proquints (Wilkerson 2009, arXiv 0901.4016),
//! sixteen bits each, of the key's first 64 bits. They can be spoken, and to find another key with the same ones takes
//! longer than a claim code lives.

const CONSONANTS: &[u8; 16] = b"bdfghjklmnprstvz";
const VOWELS: &[u8; 4] = b"aiou";

/// The four words of a key.
pub fn fingerprint(public_key: &[u8]) -> String {
    let words = public_key.chunks_exact(2).take(4).map(|pair| {
        let bits = u16::from(pair[0]) << 8 | u16::from(pair[1]);
        let consonant = |at: u16| char::from(CONSONANTS[usize::from(bits >> at & 0xf)]);
        let vowel = |at: u16| char::from(VOWELS[usize::from(bits >> at & 0x3)]);
        [consonant(12), vowel(10), consonant(6), vowel(4), consonant(0)].iter().collect::<String>()
    });
    words.collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_those_of_the_proquints_paper() {
        assert_eq!(fingerprint(&[127, 0, 0, 1, 63, 84, 220, 193]), "lusab-babad-gutih-tugad");
    }
}
