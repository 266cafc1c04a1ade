//! html5ever's tree builder fills a [`Dom`] through this. Comments, processing
//! instructions and doctypes are not kept; the contents of a `<template>` are
//! its children.

use std::borrow::Cow;
use std::cell::{Cell, RefCell};

use html5ever::interface::{ElemName, ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::tendril::StrTendril;
use html5ever::{Attribute, LocalName, Namespace, QualName, ns};

use super::dom::{Data, Dom, Element, NodeId};

/// Takes a [`Dom`] from html5ever's tree builder.
#[derive(Debug)]
pub(super) struct DomSink {
    dom: RefCell<Dom>,
    elements: Cell<usize>,
}

impl DomSink {
    pub(super) fn new() -> Self {
        Self { dom: RefCell::new(Dom::new()), elements: Cell::new(0) }
    }

    /// How many elements were made so far.
    pub(super) fn elements(&self) -> usize {
        self.elements.get()
    }

    /// How many nodes there are so far.
    pub(super) fn nodes(&self) -> usize {
        self.dom.borrow().len()
    }

    fn place(&self, parent: NodeId, child: NodeOrText<NodeId>, before: Option<NodeId>) {
        let mut dom = self.dom.borrow_mut();
        match child {
            NodeOrText::AppendNode(NodeId::IGNORED) => {}
            NodeOrText::AppendNode(id) => dom.insert(parent, id, before),
            NodeOrText::AppendText(text) => dom.insert_text(parent, text, before),
        }
    }
}

/// An element's name, by value: the tree may change while it is looked at.
#[derive(Debug)]
pub(super) struct OwnedName(Namespace, LocalName);

impl ElemName for OwnedName {
    fn ns(&self) -> &Namespace {
        &self.0
    }

    fn local_name(&self) -> &LocalName {
        &self.1
    }
}

impl TreeSink for DomSink {
    type Handle = NodeId;
    type Output = Dom;
    type ElemName<'a> = OwnedName;

    fn finish(self) -> Dom {
        self.dom.into_inner()
    }

    fn parse_error(&self, _message: Cow<'static, str>) {}

    fn get_document(&self) -> NodeId {
        NodeId::DOCUMENT
    }

    fn elem_name<'a>(&'a self, target: &'a NodeId) -> OwnedName {
        match self.dom.borrow().data(*target) {
            Data::Element(element) => OwnedName(element.name.ns.clone(), element.name.local.clone()),
            Data::Document | Data::Text(_) => OwnedName(ns!(), LocalName::from("")),
        }
    }

    fn create_element(&self, name: QualName, attributes: Vec<Attribute>, _flags: ElementFlags) -> NodeId {
        self.elements.set(self.elements.get() + 1);
        self.dom.borrow_mut().push(Data::Element(Box::new(Element { name, attributes })))
    }

    fn create_comment(&self, _text: StrTendril) -> NodeId {
        NodeId::IGNORED
    }

    fn create_pi(&self, _target: StrTendril, _data: StrTendril) -> NodeId {
        NodeId::IGNORED
    }

    fn append(&self, parent: &NodeId, child: NodeOrText<NodeId>) {
        self.place(*parent, child, None);
    }

    fn append_based_on_parent_node(&self, element: &NodeId, previous: &NodeId, child: NodeOrText<NodeId>) {
        let parent = self.dom.borrow().parent(*element);
        match parent {
            Some(parent) => self.place(parent, child, Some(*element)),
            None => self.place(*previous, child, None),
        }
    }

    fn append_doctype_to_document(&self, _name: StrTendril, _public_id: StrTendril, _system_id: StrTendril) {}

    fn get_template_contents(&self, target: &NodeId) -> NodeId {
        *target
    }

    fn same_node(&self, x: &NodeId, y: &NodeId) -> bool {
        x == y
    }

    fn set_quirks_mode(&self, _mode: QuirksMode) {}

    fn append_before_sibling(&self, sibling: &NodeId, new_node: NodeOrText<NodeId>) {
        let parent = self.dom.borrow().parent(*sibling);
        if let Some(parent) = parent {
            self.place(parent, new_node, Some(*sibling));
        }
    }

    fn add_attrs_if_missing(&self, target: &NodeId, attributes: Vec<Attribute>) {
        let mut dom = self.dom.borrow_mut();
        if let Some(element) = dom.element_mut(*target) {
            for attribute in attributes {
                if element.attributes.iter().all(|known| known.name != attribute.name) {
                    element.attributes.push(attribute);
                }
            }
        }
    }

    fn remove_from_parent(&self, target: &NodeId) {
        self.dom.borrow_mut().detach(*target);
    }

    fn reparent_children(&self, node: &NodeId, new_parent: &NodeId) {
        let mut dom = self.dom.borrow_mut();
        while let Some(child) = dom.first_child(*node) {
            dom.insert(*new_parent, child, None);
        }
    }
}
