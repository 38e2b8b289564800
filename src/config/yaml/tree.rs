//! Grows the tree of a [`Document`]: children, copies for aliases, and merge keys.

use std::{collections::HashSet, fmt, mem, sync::Arc};

use super::{
    document::{Document, Kind, Node, NodeId},
    problem::{Problems, shorten},
};

/// How deep lists and mappings may be nested.
pub(crate) const MAX_DEPTH: usize = 64;

/// How many values a document may hold, whatever the size of its file.
const MAX_NODES: usize = 4_000_000;

/// Up to this many keys, comparing each with each is faster than hashing them.
const FEW_KEYS: usize = 8;

/// The keys of a mapping with their values.
type Entries = Vec<(NodeId, NodeId)>;

/// A bound that a document would exceed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Excess {
    Depth,
    Nodes(usize),
}

impl fmt::Display for Excess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Depth => write!(f, "lists and mappings are nested more than {MAX_DEPTH} deep"),
            Self::Nodes(limit) => write!(f, "more than {limit} values, with what aliases repeat"),
        }
    }
}

/// A document that is still being read.
pub(super) struct Tree {
    pub(super) document: Document,
    max_nodes: usize,
}

impl Tree {
    pub(super) fn new(name: Arc<str>, source: Arc<str>) -> Self {
        // A value takes at least a byte, so that only aliases can get beyond this.
        let max_nodes = MAX_NODES.min(source.len() * 16 + 10_000);
        let document = Document { name, source, nodes: Vec::new(), base: None };
        Self { document, max_nodes }
    }

    /// Adds a node without a parent.
    pub(super) fn push(&mut self, node: Node) -> Result<NodeId, Excess> {
        let next = self.next();
        if self.document.nodes.len() >= self.max_nodes {
            return Err(Excess::Nodes(self.max_nodes));
        }
        self.document.nodes.push(node);
        Ok(next)
    }

    /// The id of the node that is added next.
    pub(super) fn next(&self) -> NodeId {
        // The number of nodes is bounded far below the range of their ids.
        NodeId(u32::try_from(self.document.nodes.len()).unwrap_or(u32::MAX))
    }

    /// Gives a list or mapping its children.
    pub(super) fn adopt(&mut self, id: NodeId, kind: Kind) {
        match &kind {
            Kind::Seq(items) => items.iter().for_each(|item| self.set_parent(*item, id)),
            Kind::Map(entries) => entries.iter().for_each(|(key, value)| {
                self.set_parent(*key, id);
                self.set_parent(*value, id);
            }),
            _ => {}
        }
        if let Some(node) = self.document.node_mut(id) {
            node.kind = kind;
        }
    }

    fn set_parent(&mut self, child: NodeId, parent: NodeId) {
        if let Some(node) = self.document.node_mut(child) {
            node.parent = Some(parent);
        }
    }

    /// Copies a finished subtree to a place inside of `depth` lists and mappings.
    pub(super) fn copy(&mut self, source: NodeId, depth: usize) -> Result<NodeId, Excess> {
        let mut node = self.document.node(source).clone();
        let kind = mem::replace(&mut node.kind, Kind::Null);
        node.parent = None;
        if matches!(kind, Kind::Seq(_) | Kind::Map(_)) && depth >= MAX_DEPTH {
            return Err(Excess::Depth);
        }
        let id = self.push(node)?;
        let mut copy = |child: NodeId| self.copy(child, depth + 1);
        let kind = match kind {
            Kind::Seq(items) => {
                Kind::Seq(items.iter().map(|item| copy(*item)).collect::<Result<_, _>>()?)
            }
            Kind::Map(entries) => {
                let pair = |(key, value): &(NodeId, NodeId)| Ok((copy(*key)?, copy(*value)?));
                Kind::Map(entries.iter().map(pair).collect::<Result<_, _>>()?)
            }
            scalar => scalar,
        };
        self.adopt(id, kind);
        Ok(id)
    }

    /// Pairs the keys of a mapping with their values and carries out its merge keys.
    pub(super) fn entries(
        &mut self,
        children: &[NodeId],
        depth: usize,
        problems: &mut Problems,
    ) -> Result<Entries, Excess> {
        let document = &self.document;
        let (pairs, _) = children.as_chunks::<2>();
        let mut entries: Entries = Vec::with_capacity(pairs.len());
        let mut seen: HashSet<&str> = HashSet::new();
        let mut merged = Vec::new();
        for &[key, value] in pairs {
            let (node, text) = (document.node(key), document.text(key));
            if matches!(node.kind, Kind::Seq(_) | Kind::Map(_)) {
                let hint = "put a text that starts with `[` or `{` in quotes".to_owned();
                problems.push(document.error(key, "a key has to be a text").with_hint(hint));
                continue;
            }
            // Two bytes in the source: in quotes it would be an ordinary key.
            if text == "<<" && node.length == 2 {
                merged.push(value);
                continue;
            }
            let twice = if pairs.len() > FEW_KEYS {
                !seen.insert(text)
            } else {
                entries.iter().any(|(other, _)| document.text(*other) == text)
            };
            if twice {
                let message = format!("the key `{}` is given twice", shorten(text));
                problems.push(document.error(key, message));
            } else {
                entries.push((key, value));
            }
        }
        for source in merged {
            self.merge(source, &mut entries, depth, problems)?;
        }
        Ok(entries)
    }

    /// Adds copies of the entries that a merge key brings in and that are not there yet.
    fn merge(
        &mut self,
        source: NodeId,
        entries: &mut Entries,
        depth: usize,
        problems: &mut Problems,
    ) -> Result<(), Excess> {
        let sources = match self.document.kind(source) {
            Kind::Seq(items) => items.to_vec(),
            _ => vec![source],
        };
        let text = |tree: &Self, key: NodeId| Arc::<str>::from(tree.document.text(key));
        let mut seen: HashSet<_> = entries.iter().map(|(key, _)| text(self, *key)).collect();
        for source in sources {
            let Kind::Map(inherited) = self.document.kind(source).clone() else {
                let message = "`<<` takes a mapping, or a list of mappings";
                problems.push(self.document.error(source, message));
                continue;
            };
            for (key, value) in inherited {
                if seen.insert(text(self, key)) {
                    entries.push((self.copy(key, depth)?, self.copy(value, depth)?));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{super::problem::Problems, *};
    use serde_json::json;

    fn parse(text: &str) -> (Option<serde_json::Value>, String) {
        let mut problems = Problems::default();
        let document = Document::parse("f", text.as_bytes(), &mut problems);
        (document.map(|document| document.to_json(Document::ROOT)), problems.to_string())
    }

    #[test]
    fn aliases_are_copied() {
        let (json, _) = parse("a: &x [1, {b: &y two}]\nc: *x\nd: *y\n*y : three\n");
        let x = json!([1, {"b": "two"}]);
        assert_eq!(json.unwrap(), json!({"a": x, "c": x, "d": "two", "two": "three"}));
    }

    #[test]
    fn copies_keep_the_place_of_their_definition() {
        let mut problems = Problems::default();
        let text = "a: &x {b: 1}\nc: *x\nd: {<<: *x, e: 2}";
        let document = Document::parse("f", text.as_bytes(), &mut problems).unwrap();
        let definition = document.get(document.get(Document::ROOT, "a").unwrap(), "b").unwrap();
        for key in ["c", "d"] {
            let map = document.get(Document::ROOT, key).unwrap();
            let copy = document.get(map, "b").unwrap();
            let node = document.node(copy);
            assert_eq!((node.line, node.column, node.origin), (1, 11, definition));
            assert_eq!(document.parents(copy).collect::<Vec<_>>(), [map, Document::ROOT]);
            assert!(copy != definition && document.last_of(map) >= copy);
        }
    }

    #[test]
    fn merge_keys_fill_in_what_is_not_given() {
        let text = "\
x: &x {a: 1, b: 1}
y: &y {b: 2, c: 2}
one: {<<: *x, b: 3}
list: {<<: [*x, *y], d: 4}
nested: &n {<<: *y, c: 5}
again: {<<: *n}
quoted: {'<<': 1}
";
        let (json, problems) = parse(text);
        let json = json.unwrap();
        assert_eq!(problems, "");
        assert_eq!(json["one"], json!({"a": 1, "b": 3}));
        assert_eq!(json["list"], json!({"a": 1, "b": 1, "c": 2, "d": 4}));
        assert_eq!(json["again"], json!({"b": 2, "c": 5}));
        assert_eq!(json["quoted"], json!({"<<": 1}));
    }

    #[test]
    fn unsuitable_keys_are_reported_and_left_out() {
        let (json, problems) = parse("a: 1\na: 2\n? [b]\n: 3\n<<: 4\nc: {{ .Values }}\n");
        assert_eq!(json.unwrap(), json!({"a": 1, "c": {}}));
        for line in ["f:2:1: error: the key `a` is given twice", "f:3:3:", "f:5:5: ", "f:6:5: "] {
            assert!(problems.contains(line), "{line} is missing in:\n{problems}");
        }
    }

    #[test]
    fn duplicates_are_found_among_many_keys() {
        let lines = (0..1000).chain([500]).map(|n| format!("k{n}: 1\n"));
        let text = lines.collect::<Vec<_>>().concat();
        assert!(parse(&text).1.starts_with("f:1001:1: error: the key `k500` is given twice"));
    }

    #[test]
    fn bombs_are_refused() {
        let mut lists = vec!["- &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned()];
        let mut maps = vec!["- &a0 {k: v}\n".to_owned()];
        for level in 1..50 {
            let below = format!("*a{}", level - 1);
            let ten = [&*below; 10].join(", ");
            lists.push(format!("- &a{level} [{ten}]\n"));
            maps.push(format!("- &a{level} {{<<: [{ten}], k{level}: {below}, l: {below}}}\n"));
        }
        for bomb in [lists, maps] {
            let (json, problems) = parse(&bomb.concat());
            assert!(json.is_none() && problems.contains("with what aliases repeat"), "{problems}");
        }
        let deep = (1..200).map(|n| format!("- &a{n} [*a{}]\n", n - 1));
        let deep = deep.collect::<Vec<_>>().concat();
        assert!(parse(&format!("- &a0 x\n{deep}")).1.contains("more than 64 deep"));
    }

    #[test]
    fn much_use_of_one_anchor_is_fine() {
        let uses = "- {<<: *x, k: 1}\n".repeat(2000);
        let (json, problems) = parse(&format!("- &x {{a: 1, b: [2, 3], c: 4}}\n{uses}"));
        assert_eq!((json.unwrap().as_array().unwrap().len(), problems.as_str()), (2001, ""));
    }
}
