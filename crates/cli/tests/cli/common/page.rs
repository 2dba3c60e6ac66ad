//! HTML as browsers read it.

use html5ever::tendril::TendrilSink as _;
use html5ever::{ParseOpts, parse_document};
use markup5ever_rcdom::{Handle, NodeData, RcDom};

/// A page.
pub struct Page(RcDom);

/// An element of a page.
#[derive(Clone)]
pub struct Element(Handle);

impl Page {
    /// Reads a page, and sees that the parser has nothing to mend.
    pub fn new(html: &str) -> Self {
        let mut reader = html.as_bytes();
        let parser = parse_document(RcDom::default(), ParseOpts::default());
        let dom = parser.from_utf8().read_from(&mut reader).unwrap();
        assert_eq!(*dom.errors.borrow(), Vec::<&str>::new());
        Self(dom)
    }

    /// All elements, in the order of the text.
    pub fn all(&self) -> Vec<Element> {
        Element(self.0.document.clone()).inner()
    }

    /// The elements of a name, or of a class that begins with a dot.
    pub fn find(&self, what: &str) -> Vec<Element> {
        let mut found = self.all();
        found.retain(|element| element.is(what));
        found
    }

    /// The element with an id.
    pub fn id(&self, id: &str) -> Element {
        let mut found = self.all();
        found.retain(|element| element.attribute("id").as_deref() == Some(id));
        assert_eq!(found.len(), 1, "#{id}");
        found.remove(0)
    }
}

impl Element {
    /// The elements in it, in the order of the text.
    pub fn inner(&self) -> Vec<Self> {
        let mut found = Vec::new();
        for child in self.0.children.borrow().iter() {
            let child = Self(child.clone());
            if child.name().is_some() {
                found.push(child.clone());
            }
            found.extend(child.inner());
        }
        found
    }

    /// Those of a name or of a class.
    pub fn find(&self, what: &str) -> Vec<Self> {
        let mut found = self.inner();
        found.retain(|element| element.is(what));
        found
    }

    /// Its name; nothing for what is no element.
    pub fn name(&self) -> Option<String> {
        match &self.0.data {
            NodeData::Element { name, .. } => Some(name.local.to_string()),
            _ => None,
        }
    }

    /// Its attributes.
    pub fn attributes(&self) -> Vec<(String, String)> {
        let NodeData::Element { attrs, .. } = &self.0.data else {
            return Vec::new();
        };
        let attrs = attrs.borrow();
        let pairs = attrs
            .iter()
            .map(|one| (one.name.local.to_string(), one.value.to_string()));
        pairs.collect()
    }

    /// An attribute's value.
    pub fn attribute(&self, name: &str) -> Option<String> {
        let mut attributes = self.attributes();
        attributes.retain(|(found, _)| found == name);
        attributes.pop().map(|(_, value)| value)
    }

    /// The text in it.
    pub fn text(&self) -> String {
        let mut text = match &self.0.data {
            NodeData::Text { contents } => contents.borrow().to_string(),
            _ => String::new(),
        };
        for child in self.0.children.borrow().iter() {
            text.push_str(&Self(child.clone()).text());
        }
        text
    }

    /// The text as a number, with either minus sign and perhaps a percent sign behind it.
    pub fn number(&self) -> f64 {
        number(&self.text())
    }

    fn is(&self, what: &str) -> bool {
        match what.strip_prefix('.') {
            Some(class) => self
                .attribute("class")
                .is_some_and(|classes| classes.split(' ').any(|one| one == class)),
            None => self.name().as_deref() == Some(what),
        }
    }
}

/// A finite number as a person reads it.
pub fn number(text: &str) -> f64 {
    let number = text.replace('−', "-");
    let number: f64 = number.trim_end_matches('%').parse().unwrap_or(f64::NAN);
    assert!(number.is_finite(), "{text} is no number");
    number
}
