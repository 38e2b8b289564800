//! Which certificates a server serves next to its own.

/// The certificates served with a leaf, and in which order; the leaf itself always comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Chain {
    /// Issued by the root: the leaf alone. Sound.
    #[default]
    Direct,
    /// Issued by the intermediate: leaf, intermediate. Sound.
    Intermediate,
    /// Issued by the intermediate, which is left out: the leaf alone. Does not verify.
    Incomplete,
    /// Issued by the intermediate: leaf, intermediate, root. Verifies; the root is superfluous.
    WithRoot,
    /// Issued by the intermediate: leaf, intermediate, a certificate of an unrelated authority.
    /// Verifies.
    WithStranger,
    /// Issued by the intermediate: leaf, root, intermediate. Verifies only with clients that
    /// build the path themselves.
    Misordered,
}

impl Chain {
    /// Whether the intermediate, not the root, signs the leaf.
    pub(super) fn through_intermediate(self) -> bool {
        self != Self::Direct
    }
}
