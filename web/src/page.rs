//! The state of the page as Yew keeps it.

use std::rc::Rc;

use yew::prelude::*;

use crate::state::{Action, State};

/// The state with its reducer.
#[derive(Clone, PartialEq)]
pub struct Page(pub State);

impl Reducible for Page {
    type Action = Action;

    fn reduce(self: Rc<Self>, action: Action) -> Rc<Self> {
        Rc::new(Self(Rc::unwrap_or_clone(self).0.after(action)))
    }
}
