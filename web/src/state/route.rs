//! Routes of the page: the part of the address between `#` and `?`.
//!
//! An address holds the route and everything else that is chosen, so both change in one step of the browser's history. The hash
//! router of `yew-router` keeps a history of its own, panics on hashes that do not begin with `#/`, which old links have, and
//! on a change that the browser refuses, so routes are read and written here.

/// The folder of the laboratory; by itself it is its first page.
const LAB: &str = "/lab";

/// The folder of circuits; by itself it is its first page.
const CIRCUITS: &str = "/circuits";

/// A page of the application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Route {
    /// The introduction, with the prompt below it.
    #[default]
    Start,
    /// A prompt and its features.
    Prompt,
    /// The features of an atlas, or the page of one of them.
    Features,
    /// Continuations of the prompt under edits of features.
    Steer,
    /// Features that come together while a text is written.
    Circuits,
    /// What each active feature of the prompt causes.
    Effects,
    /// One feature at many values.
    Dose,
    /// Features of another prompt carried into this one.
    Patch,
    /// Training of an autoencoder.
    Train,
    /// SAEs and trainings side by side.
    Compare,
    /// Models, SAEs, files and downloads.
    Library,
}

impl Route {
    /// Routes that have a tab, in its order.
    pub const TABS: [Self; 6] = [
        Self::Prompt,
        Self::Features,
        Self::Steer,
        Self::Circuits,
        Self::Train,
        Self::Library,
    ];

    /// Every route.
    pub const ALL: [Self; 11] = [
        Self::Start,
        Self::Prompt,
        Self::Features,
        Self::Steer,
        Self::Circuits,
        Self::Effects,
        Self::Dose,
        Self::Patch,
        Self::Train,
        Self::Compare,
        Self::Library,
    ];

    /// Pages below the tab of steering.
    pub const STEERING: [Self; 4] = [Self::Steer, Self::Dose, Self::Effects, Self::Patch];

    /// Pages of the laboratory.
    pub const LAB: [Self; 2] = [Self::Train, Self::Compare];

    /// The tab that a route stands below.
    pub fn tab(self) -> Self {
        match self {
            Self::Start => Self::Prompt,
            Self::Effects | Self::Dose | Self::Patch => Self::Steer,
            Self::Compare => Self::Train,
            route => route,
        }
    }

    /// Its part of the address, from the first `/` on.
    pub fn path(self) -> &'static str {
        match self {
            Self::Start => "/",
            Self::Prompt => wire::address::PROMPT_ROUTE,
            Self::Features => "/features",
            Self::Steer => "/steer",
            Self::Circuits => "/circuits/live",
            Self::Effects => "/steer/effects",
            Self::Dose => "/steer/dose",
            Self::Patch => "/steer/patch",
            Self::Train => "/lab/train",
            Self::Compare => "/lab/compare",
            Self::Library => "/library",
        }
    }

    /// Name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "Start",
            Self::Prompt => "Prompt",
            Self::Features => "Features",
            Self::Steer => "Steer",
            Self::Circuits => "Circuits",
            Self::Effects => "Effects",
            Self::Dose => "Dose",
            Self::Patch => "Patch",
            Self::Train => "Train",
            Self::Compare => "Compare",
            Self::Library => "Library",
        }
    }

    /// Name of its tab.
    pub fn tab_name(self) -> &'static str {
        match self {
            Self::Train => "Lab",
            route => route.name(),
        }
    }

    /// The route of a path; nothing where there is none.
    pub fn of_path(path: &str) -> Option<Self> {
        let path = path.trim_end_matches('/');
        if path == CIRCUITS {
            return Some(Self::Circuits);
        }
        if path == LAB {
            return Some(Self::Train);
        }
        Self::ALL
            .into_iter()
            .find(|route| route.path().trim_end_matches('/') == path)
    }

    /// True where the prompt and its tokens are on screen.
    pub fn shows_prompt(self) -> bool {
        matches!(self, Self::Start | Self::Prompt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_leads_to_its_route() {
        for route in Route::ALL {
            assert_eq!(Route::of_path(route.path()), Some(route));
        }
        assert_eq!(Route::of_path("/circuits/live/"), Some(Route::Circuits));
        assert_eq!(Route::of_path("/circuits"), Some(Route::Circuits));
        assert_eq!(Route::of_path("/lab"), Some(Route::Train));
        assert_eq!(Route::of_path("/library/"), Some(Route::Library));
        assert_eq!(Route::of_path(""), Some(Route::Start));
        assert_eq!(Route::of_path("/nowhere"), None);
    }
}
