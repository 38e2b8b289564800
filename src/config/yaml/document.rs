//! A configuration file as a tree in which every value knows its line and column.

use std::{
    iter,
    ops::Range,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::problem::{Place, Problem, shorten};

/// Points at one value or key of the document it came from, and means nothing to another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NodeId(pub(super) u32);

/// One value or key.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    /// Counted from 1. What came through an alias keeps the place of its definition.
    pub(crate) line: u32,
    /// Counted from 1, in characters.
    pub(crate) column: u32,
    /// Where the node's text starts in the source, in bytes.
    pub(super) offset: u32,
    /// How many bytes its text takes; none for a block list or mapping.
    pub(super) length: u32,
    /// The list or mapping this belongs to.
    pub(super) parent: Option<NodeId>,
    /// The node this was copied from by an alias or a merge key, else the node itself.
    pub(super) origin: NodeId,
}

/// What a node holds. Texts are shared between the copies that aliases make.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Null,
    Bool(bool),
    Int(i64),
    /// Only those that do not fit [`Self::Int`].
    UInt(u64),
    /// Always finite.
    Float(f64),
    String(Arc<str>),
    Seq(Box<[NodeId]>),
    /// Keys are scalars, no two of them have the same text, and each comes right before its value.
    Map(Box<[(NodeId, NodeId)]>),
}

/// A parsed file.
#[derive(Debug, Clone)]
pub(crate) struct Document {
    pub(super) name: Arc<str>,
    pub(super) source: Arc<str>,
    /// The nodes in the order of the source, so that a subtree's ids are contiguous.
    pub(super) nodes: Vec<Node>,
    /// What relative paths in the file start from.
    pub(super) base: Option<PathBuf>,
}

impl Document {
    /// The outermost value.
    pub(crate) const ROOT: NodeId = NodeId(0);

    /// The file's name as the user gave it.
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The same document, with its relative paths starting from a directory.
    pub(crate) fn based(self, base: Option<PathBuf>) -> Self {
        Self { base, ..self }
    }

    /// What relative paths in the file start from.
    pub(crate) fn base(&self) -> Option<&Path> {
        self.base.as_deref()
    }

    /// A path of the file, starting from the file's directory where it is relative.
    pub(crate) fn path(&self, text: &str) -> PathBuf {
        self.base.as_ref().map_or_else(|| text.into(), |base| base.join(text))
    }

    pub(crate) fn node(&self, id: NodeId) -> &Node {
        usize::try_from(id.0)
            .ok()
            .and_then(|index| self.nodes.get(index))
            .expect("a node id is only used with the document it came from")
    }

    pub(super) fn node_mut(&mut self, id: NodeId) -> Option<&mut Node> {
        self.nodes.get_mut(usize::try_from(id.0).ok()?)
    }

    pub(crate) fn kind(&self, id: NodeId) -> &Kind {
        &self.node(id).kind
    }

    /// The text of a scalar as it stands in the file, or a string's content; `""` for lists and
    /// mappings.
    pub(crate) fn text(&self, id: NodeId) -> &str {
        let node = self.node(id);
        match &node.kind {
            Kind::String(text) => text,
            Kind::Seq(_) | Kind::Map(_) => "",
            _ => range(node).and_then(|range| self.source.get(range)).unwrap_or_default(),
        }
    }

    /// The value of `key` in the mapping `map`.
    pub(crate) fn get(&self, map: NodeId, key: &str) -> Option<NodeId> {
        let Kind::Map(entries) = self.kind(map) else { return None };
        entries.iter().find(|(k, _)| self.text(*k) == key).map(|(_, value)| *value)
    }

    /// The keys of a mapping with their values; none of anything else.
    pub(crate) fn entries(&self, at: NodeId) -> &[(NodeId, NodeId)] {
        match self.kind(at) {
            Kind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// An error at a node.
    pub(crate) fn error(&self, at: NodeId, message: impl Into<String>) -> Problem {
        Problem::error(Arc::clone(&self.name), message).at(self.place(at))
    }

    /// A warning at a node.
    pub(crate) fn warning(&self, at: NodeId, message: impl Into<String>) -> Problem {
        Problem::warning(Arc::clone(&self.name), message).at(self.place(at))
    }

    /// Where a node stands.
    pub(crate) fn place(&self, at: NodeId) -> Place {
        let node = self.node(at);
        let range = range(node).unwrap_or_default();
        Place::new(&self.source, node.line, node.column, range.start, range.len())
    }

    /// The key of the entry whose value this node is; none for a key, an item and the root.
    pub(crate) fn key_of(&self, value: NodeId) -> Option<NodeId> {
        self.entry(value).filter(|(_, v)| *v == value).map(|(key, _)| key)
    }

    /// The entry that has this node as its key or as its value.
    fn entry(&self, at: NodeId) -> Option<(NodeId, NodeId)> {
        let Kind::Map(entries) = self.kind(self.node(at).parent?) else { return None };
        // Ids ascend, and a search from the start would make many problems of a big mapping costly.
        entries.get(entries.partition_point(|(_, value)| *value < at)).copied()
    }

    /// What a node is called in messages: its own key, else the nearest key around it.
    pub(crate) fn title(&self, at: NodeId) -> Option<String> {
        let named = |id| self.key_of(id).map(|key| shorten(self.text(key)));
        if let Some(name) = named(at) {
            return Some(format!("`{name}`"));
        }
        let role = if self.holder(at)? == at { "an item" } else { "a key" };
        let around = self.parents(at).find_map(named);
        Some(around.map_or_else(|| role.to_owned(), |name| format!("{role} of `{name}`")))
    }

    /// What a node holds, in words, without repeating much of it.
    pub(crate) fn describe(&self, at: NodeId) -> String {
        let text = || shorten(self.text(at));
        match self.kind(at) {
            Kind::Null => "nothing".to_owned(),
            Kind::Bool(value) => format!("`{value}`"),
            Kind::Int(_) | Kind::UInt(_) | Kind::Float(_) => format!("the number {}", text()),
            Kind::String(_) => format!("the text \"{}\"", text()),
            Kind::Seq(_) => "a list".to_owned(),
            Kind::Map(_) => "a mapping".to_owned(),
        }
    }

    /// The last id of the subtree that starts at `at`.
    pub(super) fn last_of(&self, at: NodeId) -> NodeId {
        let mut last = at;
        loop {
            let child = match self.kind(last) {
                Kind::Seq(items) => items.last(),
                Kind::Map(entries) => entries.last().map(|(_, value)| value),
                _ => None,
            };
            match child {
                Some(child) => last = *child,
                None => return last,
            }
        }
    }

    /// The list item or mapping value to leave out in order to get rid of `at`; a key goes with its
    /// value, and the root stays.
    pub(super) fn holder(&self, at: NodeId) -> Option<NodeId> {
        self.node(at).parent?;
        Some(self.entry(at).map_or(at, |(_, value)| value))
    }

    /// The lists and mappings around a node, innermost first.
    pub(super) fn parents(&self, at: NodeId) -> impl Iterator<Item = NodeId> {
        iter::successors(self.node(at).parent, |parent| self.node(*parent).parent)
    }

    /// A node and all copies of it that aliases have made inside of `root`.
    pub(super) fn copies_of(&self, id: NodeId, root: NodeId) -> impl Iterator<Item = NodeId> {
        let origin = self.node(id).origin;
        let inside = (root.0..=self.last_of(root).0).map(NodeId);
        inside.filter(move |other| self.node(*other).origin == origin)
    }

    /// The subtree at a node as JSON; keys that are no strings become the text they have in the
    /// file.
    pub(crate) fn to_json(&self, at: NodeId) -> serde_json::Value {
        use serde_json::Value;
        match self.kind(at) {
            Kind::Null => Value::Null,
            Kind::Bool(value) => Value::Bool(*value),
            Kind::Int(value) => Value::from(*value),
            Kind::UInt(value) => Value::from(*value),
            Kind::Float(value) => Value::from(*value),
            Kind::String(text) => Value::String(text.to_string()),
            Kind::Seq(items) => items.iter().map(|item| self.to_json(*item)).collect(),
            Kind::Map(entries) => {
                let entry = |(key, value): &_| (self.text(*key).to_owned(), self.to_json(*value));
                Value::Object(entries.iter().map(entry).collect())
            }
        }
    }
}

/// The bytes a node takes in the source.
fn range(node: &Node) -> Option<Range<usize>> {
    let start = usize::try_from(node.offset).ok()?;
    Some(start..start + usize::try_from(node.length).ok()?)
}

#[cfg(test)]
mod tests {
    use super::{super::problem::Problems, *};

    fn document(text: &str) -> Document {
        Document::parse("f", text.as_bytes(), &mut Problems::default()).unwrap()
    }

    #[test]
    fn nodes_are_named_and_described() {
        let document = document("list: [1.10, {key: true}]\n~: ''\nnone:\n");
        assert_eq!(document.title(Document::ROOT), None);
        let list = document.get(Document::ROOT, "list").unwrap();
        let Kind::Seq(items) = document.kind(list) else { panic!("no list") };
        let key = document.get(items[1], "key").unwrap();
        let empty = document.get(Document::ROOT, "~").unwrap();
        let none = document.get(Document::ROOT, "none").unwrap();
        for (at, title, description) in [
            (list, "`list`", "a list"),
            (items[0], "an item of `list`", "the number 1.10"),
            (items[1], "an item of `list`", "a mapping"),
            (key, "`key`", "`true`"),
            (document.key_of(key).unwrap(), "a key of `list`", "the text \"key\""),
            (document.key_of(empty).unwrap(), "a key", "nothing"),
            (empty, "`~`", "the text \"\""),
            (none, "`none`", "nothing"),
        ] {
            assert_eq!(document.title(at).unwrap(), title);
            assert_eq!(document.describe(at), description);
        }
        assert_eq!(document.get(list, "key"), None);
        assert_eq!(document.last_of(Document::ROOT), none);
    }

    #[test]
    fn problems_show_the_file() {
        let document = document("# a comment\nkey: value\n");
        let value = document.get(Document::ROOT, "key").unwrap();
        let shown = "    2 | key: value\n      |      ^^^^^";
        let warning = document.warning(value, "odd").to_string();
        assert_eq!(warning, format!("f:2:6: warning: odd\n{shown}"));
        let error = document.error(value, "bad").to_string();
        assert_eq!(error, format!("f:2:6: error: bad\n{shown}"));
        assert_eq!(&**document.name(), "f");
    }
}
