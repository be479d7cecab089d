//! The permission decision: what a caller holds, what an operation asks, and the answer. Pure: the
//! same grants and the same row give the same answer at every door and on both sides.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::id::FarmId;
use crate::permission::{Permission, PermissionSet};
use crate::text::Tag;

/// All, or only the named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scope<T: Ord> {
    /// No limit.
    All,
    /// Only these; an empty list is nothing at all.
    Only(BTreeSet<T>),
}

/// As people ask for it: what is not named is not limited.
impl<T: Ord> From<Option<BTreeSet<T>>> for Scope<T> {
    fn from(named: Option<BTreeSet<T>>) -> Self {
        named.map_or(Self::All, Self::Only)
    }
}

impl<T: Ord + Clone> Scope<T> {
    /// Whether the thing is within.
    pub fn holds(&self, thing: &T) -> bool {
        match self {
            Scope::All => true,
            Scope::Only(these) => these.contains(thing),
        }
    }

    /// Whether any of the things is within.
    pub fn holds_any<'a>(&self, mut things: impl Iterator<Item = &'a T>) -> bool
    where
        T: 'a,
    {
        match self {
            Scope::All => true,
            Scope::Only(these) => things.any(|thing| these.contains(thing)),
        }
    }

    /// What is within both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        match (self, other) {
            (Scope::All, scope) | (scope, Scope::All) => scope.clone(),
            (Scope::Only(a), Scope::Only(b)) => Scope::Only(a.intersection(b).cloned().collect()),
        }
    }

    /// Whether everything within this is within the other too.
    pub fn within(&self, other: &Self) -> bool {
        match (self, other) {
            (Scope::All | Scope::Only(_), Scope::All) => true,
            (Scope::All, Scope::Only(_)) => false,
            (Scope::Only(a), Scope::Only(b)) => a.is_subset(b),
        }
    }
}

/// What a caller holds: permissions within farms and printer tags.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Grants {
    /// The permissions.
    pub permissions: PermissionSet,
    /// The farms they hold in.
    pub farms: Scope<FarmId>,
    /// The printer tags they hold for.
    pub tags: Scope<Tag>,
}

impl Grants {
    /// Everything everywhere: the local owner.
    pub fn owner() -> Self {
        Self::unscoped(PermissionSet::all())
    }

    /// Those permissions, on all farms and printers.
    pub const fn unscoped(permissions: PermissionSet) -> Self {
        Self { permissions, farms: Scope::All, tags: Scope::All }
    }

    /// What both hold: a key's rights are those at its creation ∩ its sponsor's now.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self {
            permissions: self.permissions.and(other.permissions),
            farms: self.farms.and(&other.farms),
            tags: self.tags.and(&other.tags),
        }
    }

    /// Whether nothing here goes beyond `other`: nobody gives what they lack.
    pub fn within(&self, other: &Self) -> bool {
        self.permissions.minus(other.permissions).is_empty() && self.farms.within(&other.farms) && self.tags.within(&other.tags)
    }

    /// Whether the permission is held on that farm.
    pub fn may(&self, permission: Permission, farm: FarmId) -> bool {
        self.permissions.has(permission) && self.farms.holds(&farm)
    }
}

/// What an operation asks of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Nothing: anybody may call it.
    Public,
    /// Any signed-in caller; what is answered is projected.
    Authenticated,
    /// One permission.
    Needs(Permission),
    /// The first suffices for one's own things, the second for all.
    OwnOrAll(Permission, Permission),
}

/// The answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// Go on.
    Allowed,
    /// Refused for want of that permission.
    Missing(Permission),
}

impl Access {
    /// The decision before any row is known: may this caller call the operation at all?
    pub fn at_the_door(self, grants: &Grants) -> Decision {
        match self {
            Access::Public | Access::Authenticated => Decision::Allowed,
            Access::Needs(permission) if grants.permissions.has(permission) => Decision::Allowed,
            Access::Needs(permission) => Decision::Missing(permission),
            Access::OwnOrAll(own, all) if grants.permissions.has(own) || grants.permissions.has(all) => Decision::Allowed,
            Access::OwnOrAll(_, all) => Decision::Missing(all),
        }
    }

    /// The decision on a row that `owner` created.
    pub fn on_row(self, grants: &Grants, caller: &Actor, owner: &Actor) -> Decision {
        match self {
            Access::Public | Access::Authenticated | Access::Needs(_) => self.at_the_door(grants),
            Access::OwnOrAll(own, all) => {
                if grants.permissions.has(all) || (grants.permissions.has(own) && caller == owner) {
                    Decision::Allowed
                } else {
                    Decision::Missing(all)
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::ActorKind;
    use crate::role::Role;

    #[test]
    fn own_suffices_for_ones_own_thing_only() {
        let access = Access::OwnOrAll(Permission::JobCancelOwn, Permission::JobCancelAll);
        let grants = Grants::unscoped(PermissionSet::EMPTY.with(Permission::JobCancelOwn));
        let (me, you) = (Actor::new(ActorKind::ApiKey, "a"), Actor::new(ActorKind::ApiKey, "b"));
        assert_eq!(access.at_the_door(&grants), Decision::Allowed);
        assert_eq!(access.on_row(&grants, &me, &me), Decision::Allowed);
        assert_eq!(access.on_row(&grants, &me, &you), Decision::Missing(Permission::JobCancelAll));
    }

    #[test]
    fn narrowing_by_another_never_widens() {
        let viewer = Grants {
            tags: Scope::Only(BTreeSet::from(["rack-a".parse().unwrap()])),
            ..Grants::unscoped(Role::Viewer.permissions())
        };
        let both = viewer.and(&Grants::unscoped(Role::Operator.permissions()));
        assert!(both.within(&viewer));
        assert!(!both.permissions.has(Permission::JobCreate));
    }

    #[test]
    fn an_empty_scope_holds_nothing() {
        let nothing: Scope<Tag> = Scope::Only(BTreeSet::new());
        assert!(!nothing.holds(&"rack-a".parse().unwrap()));
        assert!(nothing.within(&Scope::All) && !Scope::All.within(&nothing));
    }

    use proptest::prelude::*;

    fn scope() -> impl Strategy<Value = Scope<Tag>> {
        let some = prop::collection::btree_set("[a-d]", 0..4);
        prop_oneof![Just(Scope::All), some.prop_map(|tags| Scope::Only(tags.iter().map(|tag| tag.parse().unwrap()).collect()))]
    }

    fn grants() -> impl Strategy<Value = Grants> {
        let permissions = prop::collection::vec(0..Permission::ALL.len(), 0..12);
        (permissions, scope()).prop_map(|(numbers, tags)| {
            let permissions = numbers.into_iter().map(|n| Permission::ALL[n]).collect();
            Grants { tags, ..Grants::unscoped(permissions) }
        })
    }

    /// A holder of the game below: what they were given and by whom.
    struct Holder {
        given: Grants,
        sponsor: Option<usize>,
    }

    /// What a holder has now: what they were given, as far as everybody above them still has it.
    fn now(holders: &[Holder], who: usize) -> Grants {
        let holder = &holders[who];
        holder.sponsor.map_or_else(|| holder.given.clone(), |sponsor| holder.given.and(&now(holders, sponsor)))
    }

    proptest! {
        #[test]
        fn narrowing_never_widens_whatever_narrows_whatever(a in grants(), b in grants(), c in grants()) {
            let both = a.and(&b);
            prop_assert!(both.within(&a) && both.within(&b));
            prop_assert_eq!(&both, &b.and(&a));
            prop_assert_eq!(both.and(&c), a.and(&b.and(&c)));
            prop_assert!(a.and(&c).and(&b).within(&a.and(&b)));
        }

        #[test]
        fn what_is_within_holds_nothing_that_the_other_lacks(a in grants(), b in grants(), tag in "[a-d]", n in 0..Permission::ALL.len()) {
            let (tag, permission): (Tag, _) = (tag.parse().unwrap(), Permission::ALL[n]);
            let holds = |grants: &Grants| grants.permissions.has(permission) && grants.tags.holds(&tag);
            prop_assert!(!a.within(&b) || !holds(&a) || holds(&b));
            prop_assert_eq!(holds(&a.and(&b)), holds(&a) && holds(&b));
        }

        #[test]
        fn no_sequence_of_grants_reaches_what_none_of_its_grantors_had(
            roots in prop::collection::vec(grants(), 1..4),
            steps in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), grants(), 0..3_u8), 0..40),
        ) {
            let mut holders: Vec<Holder> = roots.iter().map(|given| Holder { given: given.clone(), sponsor: None }).collect();
            for (who, other, wanted, step) in steps {
                let (who, other) = (who.index(holders.len()), other.index(holders.len()));
                let mine = now(&holders, who);
                match step {
                    // They make somebody, and give only what they have.
                    0 if wanted.within(&mine) => {
                        holders.push(Holder { given: wanted, sponsor: Some(who) });
                    }
                    0 => {
                        holders.push(Holder { given: wanted.and(&mine), sponsor: Some(who) });
                    }
                    // They take something from another; that opens nothing to anybody.
                    1 => {
                        let before: Vec<Grants> = (0..holders.len()).map(|n| now(&holders, n)).collect();
                        holders[other].given = holders[other].given.and(&wanted);
                        for (n, before) in before.iter().enumerate() {
                            prop_assert!(now(&holders, n).within(before));
                        }
                    }
                    // They hand somebody over to another: never to one of those who came from them.
                    _ => {
                        let mut above = Some(who);
                        while let Some(one) = above.filter(|one| *one != other) {
                            above = holders[one].sponsor;
                        }
                        if above.is_none() && holders[other].sponsor.is_some() {
                            let (given, had) = (holders[other].given.clone(), now(&holders, other));
                            holders[other] = Holder { given: given.and(&had), sponsor: Some(who) };
                            prop_assert!(now(&holders, other).within(&had));
                        }
                    }
                }
            }
            for who in 0..holders.len() {
                prop_assert!(roots.iter().any(|root| now(&holders, who).within(root)), "beyond every root: {:?}", now(&holders, who));
            }
        }
    }
}
