//! Things that repeat: equal keys, counted.

/// Things by their keys.
pub(super) struct Groups {
    /// Of each thing: its group.
    of: Vec<u32>,
    /// Of each group: its size, and its words and words in links.
    groups: Vec<Group>,
}

/// Things with the same key.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Group {
    pub(super) count: u32,
    pub(super) words: u32,
    pub(super) link_words: u32,
}

impl Group {
    pub(super) fn mean_words(&self) -> f32 {
        self.words as f32 / self.count.max(1) as f32
    }

    pub(super) fn link_density(&self) -> f32 {
        self.link_words as f32 / self.words.max(1) as f32
    }
}

impl Groups {
    /// Groups things of these keys, words and words in links. Sorting needs no hash table, whose keys a page could choose.
    pub(super) fn new(things: impl Iterator<Item = (u64, u32, u32)>) -> Groups {
        let mut sorted: Vec<(u64, u32, u32, u32)> = things
            .zip(0..)
            .map(|((key, words, link_words), at)| (key, at, words, link_words))
            .collect();
        sorted.sort_unstable();
        let mut of = vec![0; sorted.len()];
        let mut groups: Vec<Group> = Vec::new();
        let mut last = None;
        for (key, at, words, link_words) in sorted {
            if last.replace(key) != Some(key) {
                groups.push(Group::default());
            }
            of[at as usize] = groups.len() as u32 - 1;
            if let Some(group) = groups.last_mut() {
                group.count += 1;
                group.words = group.words.saturating_add(words);
                group.link_words = group.link_words.saturating_add(link_words);
            }
        }
        Groups { of, groups }
    }

    /// The group of a thing.
    pub(super) fn of(&self, thing: usize) -> Group {
        self.groups[self.of[thing] as usize]
    }

    /// Those of the things that pass whose group has an earlier one that passes.
    pub(super) fn repeats(&self, passes: impl Fn(usize) -> bool) -> Vec<usize> {
        let mut seen = vec![false; self.groups.len()];
        (0..self.of.len())
            .filter(|thing| {
                passes(*thing) && std::mem::replace(&mut seen[self.of[*thing] as usize], true)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_keys_are_one_group() {
        let groups = Groups::new([(7, 1, 0), (3, 10, 5), (7, 2, 2)].into_iter());
        assert_eq!(groups.of(0).count, 2);
        assert_eq!(groups.of(2).words, 3);
        assert_eq!(groups.of(2).link_words, 2);
        assert_eq!(groups.of(1).count, 1);
        assert_eq!(groups.of(1).link_density(), 0.5);
        assert_eq!(groups.repeats(|_| true), [2]);
        assert_eq!(groups.repeats(|at| at > 0), [0; 0]);
    }
}
