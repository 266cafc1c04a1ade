//! A page's tree, flat in one vector: nothing in here recurses.
//!
//! Nodes are numbers; a node knows its parent, its neighbours, and its first
//! and last child. [`super::sink`] fills the tree.

use html5ever::tendril::StrTendril;
use html5ever::{Attribute, QualName};

/// The number of a node in its tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct NodeId(u32);

impl NodeId {
    /// The document itself.
    pub(super) const DOCUMENT: Self = Self(0);
    /// Stands for everything that is not kept.
    pub(super) const IGNORED: Self = Self(u32::MAX);

    /// The number, for tables beside the tree.
    pub(super) fn index(self) -> usize {
        self.0 as usize
    }
}

/// What a node is.
#[derive(Debug)]
pub(super) enum Data {
    /// The document, or nothing any more.
    Document,
    /// A run of text.
    Text(StrTendril),
    /// An element; boxed, so that text nodes stay small.
    Element(Box<Element>),
}

/// An element's name and attributes.
#[derive(Debug)]
pub(super) struct Element {
    /// Namespace and name, lower case for HTML.
    pub(super) name: QualName,
    /// In the order of the page, each name once.
    pub(super) attributes: Vec<Attribute>,
}

#[derive(Debug)]
struct Node {
    parent: Option<NodeId>,
    previous: Option<NodeId>,
    next: Option<NodeId>,
    first_child: Option<NodeId>,
    last_child: Option<NodeId>,
    data: Data,
}

impl Node {
    fn new(data: Data) -> Self {
        Self { parent: None, previous: None, next: None, first_child: None, last_child: None, data }
    }
}

/// A page's tree.
#[derive(Debug)]
pub(super) struct Dom {
    nodes: Vec<Node>,
}

impl Dom {
    /// A document without anything in it.
    pub(super) fn new() -> Self {
        Self { nodes: vec![Node::new(Data::Document)] }
    }

    fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// How many nodes there are, detached ones included.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn data(&self, id: NodeId) -> &Data {
        &self.node(id).data
    }

    pub(super) fn parent(&self, id: NodeId) -> Option<NodeId> {
        self.node(id).parent
    }

    pub(super) fn next_sibling(&self, id: NodeId) -> Option<NodeId> {
        self.node(id).next
    }

    pub(super) fn previous_sibling(&self, id: NodeId) -> Option<NodeId> {
        self.node(id).previous
    }

    pub(super) fn first_child(&self, id: NodeId) -> Option<NodeId> {
        self.node(id).first_child
    }

    pub(super) fn children(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        std::iter::successors(self.first_child(id), |&child| self.next_sibling(child))
    }

    /// `root` and all below it, in the order of the page.
    pub(super) fn descendants(&self, root: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        std::iter::successors(Some(root), move |&id| self.after(id, root, true))
    }

    /// The node that follows `id` in the order of the page, inside `root`;
    /// with `enter`, its first child counts.
    pub(super) fn after(&self, id: NodeId, root: NodeId, enter: bool) -> Option<NodeId> {
        if enter && let Some(child) = self.first_child(id) {
            return Some(child);
        }
        let mut at = id;
        while at != root {
            if let Some(next) = self.next_sibling(at) {
                return Some(next);
            }
            at = self.parent(at)?;
        }
        None
    }

    /// How deep the deepest node lies; the document itself has depth 0.
    pub(super) fn depth(&self) -> usize {
        let (mut at, mut depth, mut deepest) = (NodeId::DOCUMENT, 0_usize, 0);
        loop {
            deepest = deepest.max(depth);
            if let Some(child) = self.first_child(at) {
                at = child;
                depth += 1;
                continue;
            }
            loop {
                if at == NodeId::DOCUMENT {
                    return deepest;
                }
                if let Some(next) = self.next_sibling(at) {
                    at = next;
                    break;
                }
                let Some(parent) = self.parent(at) else { return deepest };
                at = parent;
                depth -= 1;
            }
        }
    }

    pub(super) fn element_mut(&mut self, id: NodeId) -> Option<&mut Element> {
        match &mut self.nodes[id.index()].data {
            Data::Element(element) => Some(element),
            Data::Document | Data::Text(_) => None,
        }
    }

    pub(super) fn push(&mut self, data: Data) -> NodeId {
        // A page's bytes fit in 32 bits, and so do its nodes: `parse` bounds
        // both. The last number is kept for what is ignored.
        let id = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX - 1));
        self.nodes.push(Node::new(data));
        id
    }

    pub(super) fn detach(&mut self, id: NodeId) {
        let node = &mut self.nodes[id.index()];
        let (parent, previous, next) = (node.parent.take(), node.previous.take(), node.next.take());
        if let Some(previous) = previous {
            self.nodes[previous.index()].next = next;
        } else if let Some(parent) = parent {
            self.nodes[parent.index()].first_child = next;
        }
        if let Some(next) = next {
            self.nodes[next.index()].previous = previous;
        } else if let Some(parent) = parent {
            self.nodes[parent.index()].last_child = previous;
        }
    }

    /// Puts `id` under `parent`, before `before` or else last.
    pub(super) fn insert(&mut self, parent: NodeId, id: NodeId, before: Option<NodeId>) {
        self.detach(id);
        let previous = match before {
            Some(before) => self.nodes[before.index()].previous.replace(id),
            None => self.nodes[parent.index()].last_child.replace(id),
        };
        match previous {
            Some(previous) => self.nodes[previous.index()].next = Some(id),
            None => self.nodes[parent.index()].first_child = Some(id),
        }
        let node = &mut self.nodes[id.index()];
        (node.parent, node.previous, node.next) = (Some(parent), previous, before);
    }

    pub(super) fn insert_text(&mut self, parent: NodeId, text: StrTendril, before: Option<NodeId>) {
        let neighbour = match before {
            Some(before) => self.node(before).previous,
            None => self.node(parent).last_child,
        };
        if let Some(neighbour) = neighbour
            && let Data::Text(existing) = &mut self.nodes[neighbour.index()].data
        {
            existing.push_tendril(&text);
            return;
        }
        let id = self.push(Data::Text(text));
        self.insert(parent, id, before);
    }
}
