//! Texts handed to C: kept in one buffer with a NUL behind each.

use super::types::mqp_str;

/// What [`PackedTexts`] hold without memory of their own: the texts of nearly every receipt.
const ROOM: usize = 168;

/// `N` texts that rarely need an allocation.
#[derive(Clone, Debug)]
pub(crate) struct PackedTexts<const N: usize> {
    ends: [u32; N],
    room: [u8; ROOM],
    /// In place of the room, when that is too small.
    longer: Option<Box<[u8]>>,
}

impl<const N: usize> PackedTexts<N> {
    /// Their lengths together are below 4 GiB.
    pub(crate) fn new(parts: [&str; N]) -> Self {
        let size = parts.iter().map(|part| part.len() + 1).sum();
        let mut texts = PackedTexts { ends: [0; N], room: [0; ROOM], longer: None };
        let buffer = match size <= ROOM {
            true => &mut texts.room[..],
            false => texts.longer.insert(vec![0; size].into_boxed_slice()),
        };
        let mut at = 0;
        for (part, end) in parts.iter().zip(&mut texts.ends) {
            buffer[at..at + part.len()].copy_from_slice(part.as_bytes());
            *end = (at + part.len()) as u32;
            // The NUL is there already.
            at += part.len() + 1;
        }
        texts
    }

    /// All of them, one behind the other.
    pub(crate) fn bytes(&self) -> &[u8] {
        let size = self.ends.last().map_or(0, |end| *end as usize + 1);
        &self.longer.as_deref().unwrap_or(&self.room)[..size]
    }

    /// The bytes of the text at `index`.
    pub(crate) fn part(&self, index: usize) -> &[u8] {
        let start = if index == 0 { 0 } else { self.ends[index - 1] as usize + 1 };
        &self.bytes()[start..self.ends[index] as usize]
    }

    /// Puts a text of the same length in the place of that at `index`; `false`: its length is another, and nothing changed.
    pub(crate) fn replace(&mut self, index: usize, text: &str) -> bool {
        let start = if index == 0 { 0 } else { self.ends[index - 1] as usize + 1 };
        let buffer = self.longer.as_deref_mut().unwrap_or(&mut self.room);
        match buffer.get_mut(start..self.ends[index] as usize) {
            Some(part) if part.len() == text.len() => {
                part.copy_from_slice(text.as_bytes());
                true
            }
            _ => false,
        }
    }

    /// The text at `index`, valid as long as `self` lives and stays where it is.
    pub(crate) fn get(&self, index: usize) -> mqp_str {
        let part = self.part(index);
        mqp_str { ptr: part.as_ptr().cast(), len: part.len() }
    }
}

/// `N` texts in one allocation.
#[derive(Clone, Debug)]
pub(crate) struct Texts<const N: usize> {
    buffer: Box<[u8]>,
    ends: [usize; N],
}

impl<const N: usize> Texts<N> {
    pub(crate) fn new(parts: [&str; N]) -> Self {
        let mut buffer = Vec::with_capacity(parts.iter().map(|part| part.len() + 1).sum());
        let ends = parts.map(|part| {
            buffer.extend_from_slice(part.as_bytes());
            buffer.push(0);
            buffer.len() - 1
        });
        Texts { buffer: buffer.into_boxed_slice(), ends }
    }

    /// The text at `index`, valid as long as `self` lives; the buffer does not move with it.
    pub(crate) fn get(&self, index: usize) -> mqp_str {
        let start = if index == 0 { 0 } else { self.ends[index - 1] + 1 };
        let part = &self.buffer[start..];
        mqp_str { ptr: part.as_ptr().cast(), len: self.ends[index] - start }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packed_texts_are_what_they_were_with_a_nul_behind_each_whatever_their_length() {
        for length in [0, 1, 80, ROOM - 3, ROOM - 2, ROOM, 5000] {
            let (long, texts) = ("x".repeat(length), ["", "b"]);
            let packed = PackedTexts::new([texts[0], &long, texts[1]]);
            let expected = ["\0", &long, "\0", "b\0"].concat();
            assert_eq!(packed.bytes(), expected.as_bytes(), "{length}");
            assert_eq!([packed.part(0), packed.part(1), packed.part(2)], [b"", long.as_bytes(), b"b"]);
            assert_eq!(packed.longer.is_some(), expected.len() > ROOM);
            let mut moved = packed.clone();
            assert!(moved.replace(1, &"y".repeat(length)) && moved.replace(2, "c"));
            assert!(!moved.replace(0, "long") && !moved.replace(2, ""));
            assert_eq!(moved.bytes(), expected.replace('x', "y").replace('b', "c").as_bytes());
            assert_eq!(moved.get(2).ptr.addr(), moved.bytes().as_ptr().addr() + length + 2);
        }
    }
}
