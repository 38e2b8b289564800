//! Reads the text of a file into a [`Document`], within bounds that no file can escape.

use std::{collections::HashMap, sync::Arc};

use serde_saphyr::granit_parser::{
    self as granit, ErrorKind, Event, Parser, ScalarStyle, ScanError, Span, Tag,
};

use super::{
    document::{Document, Kind, Node, NodeId},
    problem::{Place, Problem, Problems, shorten},
    scalar,
    tree::{Excess, MAX_DEPTH, Tree},
};

/// The size from which on a file is not read at all.
pub(crate) const MAX_FILE_BYTES: usize = 64 * 1024 * 1024;

/// What keeps a document from being built.
type Fatal = Box<Problem>;

impl Document {
    /// Parses the content of a file; `name` is what messages call it.
    ///
    /// What is merely doubtful (a duplicate key, an unknown tag) is reported and left out, so that
    /// the rest can be checked too. Aliases are replaced by copies of what they stand for, and
    /// `<<: *defaults` takes over the entries of a mapping, or of a list of them, that are not
    /// given next to it. The number of values this makes is bounded by the size of the file.
    pub(crate) fn parse(
        name: impl Into<Arc<str>>,
        content: &[u8],
        problems: &mut Problems,
    ) -> Option<Self> {
        let name = name.into();
        let document = readable(&name, content).and_then(|text| {
            let tree = Tree::new(name, text.into());
            let (open, pending, anchors) = (Vec::new(), Vec::new(), HashMap::new());
            Builder { tree, problems, open, pending, anchors }.build(text)
        });
        document.map_err(|problem| problems.push(*problem)).ok()
    }
}

/// Checks that a file holds text.
fn readable<'c>(name: &Arc<str>, content: &'c [u8]) -> Result<&'c str, Fatal> {
    let fault = |message: &str| Problem::error(Arc::clone(name), message);
    if content.len() > MAX_FILE_BYTES {
        return Err(fault("the file is larger than 64 MiB").into());
    }
    let text = str::from_utf8(content).map_err(|error| {
        let (valid, _) = content.split_at(error.valid_up_to());
        // What comes before the first bad byte is valid by definition.
        let valid = str::from_utf8(valid).unwrap_or_default();
        let hint = "save the file as UTF-8".to_owned();
        fault("the file is not UTF-8 text").at(spot(valid, valid.len())).with_hint(hint)
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let binary = |b: &u8| matches!(b, 0..=8 | 11 | 12 | 14..=31 | 127);
    if let Some(offset) = text.as_bytes().iter().position(binary) {
        let hint = "if it is meant, write it as an escape in quotes: \"\\x1b\"".to_owned();
        let problem = fault("a control character; is this a text file?");
        return Err(problem.at(spot(text, offset)).with_hint(hint).into());
    }
    Ok(text)
}

/// The place of one character.
fn spot(text: &str, offset: usize) -> Place {
    let (head, _) = text.split_at_checked(offset).unwrap_or((text, ""));
    let breaks = head.matches('\n').count() + head.matches('\r').count();
    let line = breaks - head.matches("\r\n").count() + 1;
    let column = head.rsplit(['\n', '\r']).next().unwrap_or_default().chars().count() + 1;
    Place::new(text, narrow(line), narrow(column), offset, 1)
}

/// No count in a file of at most 64 MiB is ever out of range.
fn narrow(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// A list or mapping whose end has not come yet.
struct Open {
    id: NodeId,
    /// Where its children start among the pending ones.
    first: usize,
}

/// Builds a tree from the parser's events.
struct Builder<'p> {
    tree: Tree,
    problems: &'p mut Problems,
    open: Vec<Open>,
    /// The children of the open lists and mappings.
    pending: Vec<NodeId>,
    anchors: HashMap<usize, NodeId>,
}

impl Builder<'_> {
    fn build(mut self, text: &str) -> Result<Document, Fatal> {
        let options = granit::options! {
            emit_comments: false,
            flow_nesting_limit: MAX_DEPTH,
            block_nesting_limit: MAX_DEPTH,
        };
        let mut documents = 0;
        for event in Parser::new_from_str_with_options(text, options) {
            let (event, span) = event.map_err(|error| self.syntax(&error))?;
            match event {
                Event::DocumentStart(..) if documents == 1 => {
                    let problem = self.problem(&span, "a second document starts here");
                    return Err(problem.with_hint("write one file for each".to_owned()).into());
                }
                Event::DocumentStart(..) => documents += 1,
                Event::Scalar(value, style, anchor, tag) => {
                    let kind = self.scalar(&value, style, tag.as_deref(), &span);
                    let id = self.add(kind, &span, anchor)?;
                    self.pending.push(id);
                }
                Event::SequenceStart(_, anchor, tag) => {
                    self.start(Kind::Seq([].into()), &span, anchor, tag.as_deref())?;
                }
                Event::MappingStart(_, anchor, tag) => {
                    self.start(Kind::Map([].into()), &span, anchor, tag.as_deref())?;
                }
                Event::SequenceEnd | Event::MappingEnd => self.end(&span)?,
                Event::Alias(anchor) => self.alias(anchor, &span)?,
                _ => {}
            }
        }
        let document = self.tree.document;
        match document.nodes.first().map(|root| &root.kind) {
            None | Some(Kind::Null) => {
                Err(Problem::error(document.name, "the file is empty").into())
            }
            Some(_) => Ok(document),
        }
    }

    /// The type of a scalar, by its tag if it has one.
    fn scalar(&mut self, text: &str, style: ScalarStyle, tag: Option<&Tag>, span: &Span) -> Kind {
        let plain = style == ScalarStyle::Plain;
        let Some(tag) = tag else {
            return if plain { scalar::resolve(text) } else { Kind::String(text.into()) };
        };
        match (tag.core_suffix(), scalar::resolve(text)) {
            (Some("null"), kind @ Kind::Null)
            | (Some("bool"), kind @ Kind::Bool(_))
            | (Some("int"), kind @ (Kind::Int(_) | Kind::UInt(_)))
            | (Some("float"), kind @ (Kind::Int(_) | Kind::UInt(_) | Kind::Float(_))) => kind,
            _ => {
                self.check_tag(tag, "str", span);
                Kind::String(text.into())
            }
        }
    }

    /// Reports a tag that is not the one YAML itself has for such a value.
    fn check_tag(&mut self, tag: &Tag, own: &str, span: &Span) {
        let name = format!("{}{}", tag.original_handle(), tag.suffix());
        // A lone `!` says no more than that a value is what it looks like.
        if name != "!" && tag.core_suffix() != Some(own) {
            let name = shorten(&name);
            let problem = self.problem(span, format!("the tag `{name}` does not fit here"));
            self.problems.push(problem.with_hint("leave it out".to_owned()));
        }
    }

    fn start(
        &mut self,
        kind: Kind,
        span: &Span,
        anchor: usize,
        tag: Option<&Tag>,
    ) -> Result<(), Fatal> {
        if self.open.len() >= MAX_DEPTH {
            return Err(self.excess(span, Excess::Depth).into());
        }
        if let Some(tag) = tag {
            let own = if matches!(kind, Kind::Seq(_)) { "seq" } else { "map" };
            self.check_tag(tag, own, span);
        }
        let id = self.add(kind, span, anchor)?;
        self.open.push(Open { id, first: self.pending.len() });
        Ok(())
    }

    /// Closes the innermost list or mapping: its children are complete now.
    fn end(&mut self, span: &Span) -> Result<(), Fatal> {
        let Some(Open { id, first }) = self.open.pop() else { return Ok(()) };
        let children = self.pending.split_off(first.min(self.pending.len()));
        let kind = match self.tree.document.kind(id) {
            Kind::Map(_) => {
                let entries = self.tree.entries(&children, self.open.len() + 1, self.problems);
                Kind::Map(entries.map_err(|excess| self.excess(span, excess))?.into())
            }
            _ => Kind::Seq(children.into()),
        };
        self.tree.adopt(id, kind);
        self.pending.push(id);
        Ok(())
    }

    fn alias(&mut self, anchor: usize, span: &Span) -> Result<(), Fatal> {
        let around = |source: &NodeId| self.open.iter().any(|open| open.id == *source);
        let Some(source) = self.anchors.get(&anchor).copied().filter(|source| !around(source))
        else {
            return Err(self.problem(span, "the alias is part of what it stands for").into());
        };
        let copy = self.tree.copy(source, self.open.len());
        self.pending.push(copy.map_err(|excess| self.excess(span, excess))?);
        Ok(())
    }

    fn add(&mut self, kind: Kind, span: &Span, anchor: usize) -> Result<NodeId, Fatal> {
        let range = span.byte_range().unwrap_or_default();
        let node = Node {
            kind,
            line: narrow(span.start.line()),
            column: narrow(span.start.col() + 1),
            offset: narrow(range.start),
            length: narrow(range.len()),
            parent: None,
            origin: self.tree.next(),
        };
        let id = self.tree.push(node).map_err(|excess| self.excess(span, excess))?;
        if anchor > 0 {
            self.anchors.insert(anchor, id);
        }
        Ok(id)
    }

    fn problem(&self, span: &Span, message: impl Into<String>) -> Problem {
        let Document { name, source, .. } = &self.tree.document;
        let range = span.byte_range().unwrap_or_default();
        let (line, column) = (narrow(span.start.line()), narrow(span.start.col() + 1));
        let place = Place::new(source, line, column, range.start, range.len());
        Problem::error(Arc::clone(name), message).at(place)
    }

    fn excess(&self, span: &Span, excess: Excess) -> Problem {
        self.problem(span, excess.to_string())
    }

    fn syntax(&self, error: &ScanError) -> Problem {
        let span = Span::empty(*error.marker());
        let hint = match error.kind() {
            ErrorKind::RecursionLimitExceeded => return self.excess(&span, Excess::Depth),
            ErrorKind::TabNotAllowed
            | ErrorKind::TabInBlockIndentation
            | ErrorKind::TabInIndentation => Some("indent with spaces"),
            ErrorKind::MappingValueNotAllowed => {
                Some("check the indentation, and put a text that holds `: ` in quotes")
            }
            ErrorKind::UnexpectedCharacter { .. } => {
                Some("put a text that starts with this character in quotes")
            }
            ErrorKind::UnknownAnchor => Some("an anchor has to be defined above its aliases"),
            _ => None,
        };
        let problem = self.problem(&span, format!("not valid YAML: {}", error.info()));
        problem.with_hint(hint.map(str::to_owned))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn parse(content: impl AsRef<[u8]>) -> Result<Value, String> {
        let mut problems = Problems::default();
        let document = Document::parse("f", content.as_ref(), &mut problems);
        if problems.is_empty() {
            let document = document.ok_or("no document and no problem")?;
            Ok(document.to_json(Document::ROOT))
        } else {
            Err(problems.to_string())
        }
    }

    #[test]
    fn everything_ordinary_is_read() {
        let text = "\u{feff}# comment\r\nhost: y\r\nport: 8080\nlist:\n- 'a'\n- [~, 1.5]\nempty:\n\
                    text: |\n  two\n  lines\ntagged: !!str 1\nforced: ! 2\nint: !!int 3\n200: ok\n";
        let expected = json!({
            "host": "y", "port": 8080, "list": ["a", [null, 1.5]], "empty": null,
            "text": "two\nlines\n", "tagged": "1", "forced": "2", "int": 3, "200": "ok",
        });
        assert_eq!(parse(text).unwrap(), expected);
        assert_eq!(parse("---\na: 1\n...\n").unwrap(), json!({"a": 1}));
    }

    #[test]
    fn lines_and_columns_count_from_one_in_characters() {
        let mut problems = Problems::default();
        let text = "ü: 1\r\nkey: [é, wert]\rlast: x\n";
        let document = Document::parse("f", text.as_bytes(), &mut problems).unwrap();
        let value = |key| document.get(Document::ROOT, key).unwrap();
        let Kind::Seq(items) = document.kind(value("key")) else { panic!("no list") };
        let at = |id| (document.node(id).line, document.node(id).column);
        assert_eq!((at(value("ü")), at(items[1]), at(value("last"))), ((1, 4), (2, 10), (3, 7)));
        let shown = document.error(items[1], "m").to_string();
        assert_eq!(shown, "f:2:10: error: m\n    2 | key: [é, wert]\n      |          ^^^^");
    }

    #[test]
    fn each_broken_file_has_one_clear_problem() {
        for (content, expected) in [
            (&b""[..], "f: error: the file is empty"),
            (b"# only a comment\n", "f: error: the file is empty"),
            (b"---\n", "f: error: the file is empty"),
            (b"a: b\nc: \xff\n", "f:2:4: error: the file is not UTF-8 text"),
            (b"\xff\xfea\0:\0", "f:1:1: error: the file is not UTF-8 text"),
            (b"a: b\r\nc\0: d", "f:2:2: error: a control character"),
            (b"a: \"\x1b[1m\"", "f:1:5: error: a control character"),
            (b"a:\n\tb: 1\n", "indent with spaces"),
            (b"a: 1\n---\nb: 2\n", "f:2:1: error: a second document starts here"),
            (b"a: b: c\n", "put a text that holds `: ` in quotes"),
            (b"a: @b\n", "put a text that starts with this character in quotes"),
            (b"a: *b\n", "f:1:4: error: not valid YAML: while parsing node, found unknown anchor"),
            (b"a: &b [*b]\n", "f:1:8: error: the alias is part of what it stands for"),
            (b"a: [1, 2\n", "f:1:4: error: not valid YAML: unclosed bracket"),
            (b"a: !thing {}\n", "f:1:11: error: the tag `!thing` does not fit here"),
            (b"a: !!int x\n", "error: the tag `!!int` does not fit here"),
            (b"a: !!seq {}\n", "error: the tag `!!seq` does not fit here"),
        ] {
            let problem = parse(content).unwrap_err();
            assert!(problem.contains(expected), "{expected} is missing in:\n{problem}");
            assert_eq!(problem.matches("error: ").count(), 1, "{problem}");
        }
    }

    #[test]
    fn hostile_files_are_refused_or_read_quickly() {
        const SIZE: usize = 2_000_000;
        let nested = "nested more than 64 deep";
        for (unit, expected) in [
            ("[", nested),
            ("{a: ", nested),
            ("- ", nested),
            ("? ", nested),
            ("a", "not valid YAML"),
            ("[a: ", nested),
        ] {
            let content = unit.repeat(SIZE / unit.len()) + ": 1";
            let problem = parse(content).unwrap_err();
            assert!(problem.contains(expected) && problem.len() < 1000, "{unit}: {problem}");
        }
        assert!(parse(format!("a: {}", "x".repeat(SIZE))).is_ok());
        assert!(parse("\n".repeat(SIZE)).is_err());
        assert!(parse(vec![b' '; MAX_FILE_BYTES + 1]).unwrap_err().contains("64 MiB"));
        assert!(parse(format!("{}1{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH))).is_ok());
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_filter("finite", |f| f.is_finite()).prop_map(Value::from),
            "[^\u{7f}-\u{9f}\u{feff}\u{fffe}\u{ffff}]{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(6, 64, 8, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
                proptest::collection::hash_map(
                    "[^\u{7f}-\u{9f}\u{feff}\u{fffe}\u{ffff}]{0,8}",
                    inner,
                    0..8
                )
                .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn json_is_read_as_it_is(value in any_json()) {
            let wrapped = json!({ "value": value });
            prop_assert_eq!(parse(wrapped.to_string()).unwrap(), wrapped.clone());
            let pretty = serde_json::to_string_pretty(&wrapped).unwrap();
            prop_assert_eq!(parse(pretty).unwrap(), wrapped);
        }

        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>) {
            let _either = parse(bytes);
        }

        #[test]
        fn any_yaml_like_text_is_survived(text in "([-?:,&*!|>'\"%@`{}#a1 \n\\[\\]\t]|<<: |- |&a |\\*a ){0,60}") {
            let _either = parse(text);
        }
    }
}
