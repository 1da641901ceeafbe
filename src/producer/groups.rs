//! Which producer groups run in this process under a client id of the user's choice.
//!
//! A broker knows a client by its id: two producers of one group under one id would be one client there, and the first
//! that closes would take the other off. Ids that are made here are unique and need no watch.

use crate::error::{Error, ErrorKind, Result};
use crate::ffi::os::{ForkLocal, fork_generation};
use crate::sync::Mutex;
use std::collections::BTreeSet;

type Groups = Mutex<BTreeSet<Key>>;

static GROUPS: ForkLocal<Groups> = ForkLocal::new();

fn groups() -> &'static Groups {
    GROUPS.get_or_init(Groups::default)
}

/// One group of one client at one cluster.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    /// The name servers, sorted, or what stands for them.
    pub(crate) cluster: String,
    pub(crate) instance_name: String,
    pub(crate) group: String,
}

/// A group that runs, until this is dropped.
#[derive(Debug)]
pub(crate) struct Registered {
    key: Key,
    generation: u32,
}

/// Registers a group; refuses one that runs already.
pub(crate) fn register(key: Key) -> Result<Registered> {
    if !groups().lock().insert(key.clone()) {
        let Key { cluster, instance_name, group } = key;
        return Err(Error::new(
            ErrorKind::InvalidConfig,
            format!(
                "`producer_group` = `{group}` runs already with `instance_name` = `{instance_name}` at {cluster}; \
                 give one of the two producers another group or instance"
            ),
        ));
    }
    Ok(Registered { key, generation: fork_generation() })
}

impl Drop for Registered {
    fn drop(&mut self) {
        // After a fork the lock may be held for ever, and the list is the child's own.
        if self.generation == fork_generation() {
            groups().lock().remove(&self.key);
        }
    }
}

#[cfg(all(test, not(mqp_loom)))]
mod tests {
    use super::*;

    /// Rows: LC-07.
    #[test]
    fn a_group_is_refused_while_the_same_runs_and_only_then() {
        let key = |group: &str| Key { cluster: "a:1".into(), instance_name: "one".into(), group: group.into() };
        let first = register(key("G")).unwrap();
        let _other_group = register(key("H")).unwrap();
        let _other_instance = register(Key { instance_name: "two".into(), ..key("G") }).unwrap();
        let _other_cluster = register(Key { cluster: "b:1".into(), ..key("G") }).unwrap();
        let error = register(key("G")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        assert!(error.message().contains("`producer_group` = `G`") && error.message().contains("`one`"), "{error}");
        drop(first);
        register(key("G")).unwrap();
    }
}
