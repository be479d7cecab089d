//! A set of printers, one bit each by their place in the planner's list. Only what planning needs.

/// How many printers one word holds.
pub(crate) const WORD: usize = 64;

#[derive(Debug, Clone)]
pub(crate) struct Bits(Vec<u64>);

impl Bits {
    pub(crate) fn none(len: usize) -> Self {
        Self(vec![0; len.div_ceil(WORD)])
    }

    pub(crate) fn all(len: usize) -> Self {
        let mut bits = Self::none(len);
        for place in 0..len {
            bits.set(place, true);
        }
        bits
    }

    pub(crate) fn set(&mut self, place: usize, on: bool) {
        set(&mut self.0[place / WORD], place, on);
    }

    pub(crate) fn has(&self, place: usize) -> bool {
        has(self.0[place / WORD], place)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    pub(crate) fn words(&self) -> impl Iterator<Item = u64> {
        self.0.iter().copied()
    }

    /// Takes away what is in the other words too, and counts it.
    pub(crate) fn take(&mut self, others: impl Iterator<Item = u64>) -> u32 {
        let mut taken = 0;
        for (word, other) in self.0.iter_mut().zip(others) {
            taken += (*word & other).count_ones();
            *word &= !other;
        }
        taken
    }
}

pub(crate) fn set(word: &mut u64, place: usize, on: bool) {
    let bit = 1 << (place % WORD);
    *word = if on { *word | bit } else { *word & !bit };
}

pub(crate) fn has(word: u64, place: usize) -> bool {
    word & (1 << (place % WORD)) != 0
}

/// The places of the bits in the word that stands `at` this position.
pub(crate) fn places(at: usize, word: u64) -> impl Iterator<Item = usize> {
    let next = |left: &u64| Some(left & left.wrapping_sub(1)).filter(|left| *left != 0);
    let words = std::iter::successors(Some(word).filter(|word| *word != 0), next);
    words.map(move |left| at * WORD + left.trailing_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_ends_where_the_last_printer_stands() {
        for len in [0, 1, 63, 64, 65, 128, 130] {
            let all: Vec<_> = Bits::all(len).words().enumerate().flat_map(|(at, word)| places(at, word)).collect();
            assert_eq!(all, (0..len).collect::<Vec<_>>());
        }
    }

    #[test]
    fn what_is_taken_is_counted_once() {
        let mut left = Bits::all(70);
        let mut some = Bits::none(70);
        some.set(3, true);
        some.set(69, true);
        assert_eq!((left.take(some.words()), left.take(some.words())), (2, 0));
        assert!(!left.has(69) && left.has(68));
    }
}
