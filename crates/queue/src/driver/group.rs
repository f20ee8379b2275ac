//! A consumer group whose members live in this process: who owns which partition, and how far the group has come.
//!
//! Decision: partitions are shared out by position, in the order in which the members joined; every change raises the
//! epoch, by which a member notices that its share may be another one now.

use std::collections::BTreeMap;

use model::{Cursors, Partition, QueueId};

use crate::QueueError;

/// A member of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemberId(u64);

/// The members and the cursors of one group.
#[derive(Clone, Debug, Default)]
pub struct Group {
    members: Vec<MemberId>,
    joined: u64,
    epoch: u64,
    committed: BTreeMap<Partition, u64>,
}

/// For each partition the further of two cursors.
pub fn merge(into: &mut BTreeMap<Partition, u64>, next: &BTreeMap<Partition, u64>) {
    for (partition, offset) in next {
        let held = into.entry(*partition).or_default();
        *held = (*held).max(*offset);
    }
}

impl Group {
    /// A group that has come so far.
    pub fn at(committed: BTreeMap<Partition, u64>) -> Self {
        Self { committed, ..Self::default() }
    }

    /// A new member.
    pub fn join(&mut self) -> MemberId {
        let id = MemberId(self.joined);
        self.joined += 1;
        self.epoch += 1;
        self.members.push(id);
        id
    }

    /// A member goes.
    pub fn leave(&mut self, member: MemberId) {
        self.members.retain(|m| *m != member);
        self.epoch += 1;
    }

    /// Whether nobody reads for it now.
    pub const fn is_unread(&self) -> bool {
        self.members.is_empty()
    }

    /// Raised by every change of membership.
    pub const fn epoch(&self) -> u64 {
        self.epoch
    }

    /// How far the group has come.
    pub const fn committed(&self) -> &BTreeMap<Partition, u64> {
        &self.committed
    }

    /// The partitions of a member, ascending.
    pub fn assignment(&self, member: MemberId, partitions: u32) -> Vec<Partition> {
        (0..partitions).map(Partition).filter(|p| self.owner(*p) == Some(member)).collect()
    }

    fn owner(&self, partition: Partition) -> Option<MemberId> {
        let count = self.members.len().max(1);
        self.members.get(partition.0 as usize % count).copied()
    }

    /// Whether a member may commit so far: of this queue, and onward only in partitions that it owns.
    ///
    /// # Errors
    /// `OtherQueue`, `Owned`
    pub fn check_commit(
        &self,
        name: &str,
        member: MemberId,
        queue: QueueId,
        cursors: &Cursors,
    ) -> Result<(), QueueError> {
        if cursors.queue != queue {
            return Err(QueueError::OtherQueue { found: cursors.queue, here: queue });
        }
        for (&partition, &next) in &cursors.next {
            let held = self.committed.get(&partition).copied().unwrap_or(0);
            if next > held && self.owner(partition) != Some(member) {
                return Err(QueueError::Owned { group: name.to_owned(), partition });
            }
        }
        Ok(())
    }

    /// Notes how far the group has come; never moves backwards.
    pub fn note(&mut self, next: &BTreeMap<Partition, u64>) {
        merge(&mut self.committed, next);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn each_partition_has_one_owner(partitions in 1u32..20, joins in 1usize..9, leaves in prop::collection::vec(0usize..9, 0..8)) {
            let mut group = Group::default();
            let mut members: Vec<_> = (0..joins).map(|_| group.join()).collect();
            for leave in leaves {
                if members.len() > 1 && leave < members.len() {
                    let before = group.epoch();
                    group.leave(members.remove(leave));
                    prop_assert!(group.epoch() > before);
                }
            }
            let mut all: Vec<_> = members.iter().flat_map(|m| group.assignment(*m, partitions)).collect();
            all.sort();
            prop_assert_eq!(all, (0..partitions).map(Partition).collect::<Vec<_>>());
            let sizes: Vec<_> = members.iter().map(|m| group.assignment(*m, partitions).len()).collect();
            prop_assert!(sizes.iter().max().zip(sizes.iter().min()).is_some_and(|(a, b)| a - b <= 1));
        }
    }

    #[test]
    fn only_the_owner_moves_a_cursor() {
        let mut group = Group::at([(Partition(1), 5)].into());
        let (first, second) = (group.join(), group.join());
        let at = |p, n| Cursors { queue: QueueId(1), next: [(Partition(p), n)].into() };
        assert!(group.check_commit("g", first, QueueId(1), &at(0, 9)).is_ok());
        assert!(matches!(group.check_commit("g", first, QueueId(1), &at(1, 9)), Err(QueueError::Owned { .. })));
        assert!(group.check_commit("g", first, QueueId(1), &at(1, 5)).is_ok(), "no move, no harm");
        assert!(group.check_commit("g", second, QueueId(1), &at(1, 9)).is_ok());
        assert!(matches!(group.check_commit("g", first, QueueId(2), &at(0, 9)), Err(QueueError::OtherQueue { .. })));
        group.note(&at(1, 9).next);
        group.note(&at(1, 7).next);
        assert_eq!(group.committed()[&Partition(1)], 9);
    }
}
