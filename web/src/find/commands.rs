//! Commands: routes of the page, views of a prompt, copies.

use super::matching::{Match, match_text};
use super::{Hit, Source, Target};
use crate::embed::Form;
use crate::state::lists::{Ranking, View};
use crate::state::route::Route;

/// Something that the page can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Goes to a route.
    Go(Route),
    /// Traces the prompt again, without waiting.
    TraceNow,
    /// Shows the features of the selected token or of the whole prompt.
    View(View),
    /// Shows the features of the whole prompt in an order.
    Rank(Ranking),
    /// Marks tokens by their loss, or stops to.
    ShowLoss(bool),
    /// Copies the address of the view.
    CopyLink,
    /// Copies what puts the view into an article, in a form.
    CopyFigure(Form),
    /// Copies the trace.
    CopyJson,
    /// Opens the list of keys and definitions.
    Keys,
}

impl Command {
    /// Name on the page.
    pub fn name(self) -> &'static str {
        match self {
            Self::Go(Route::Start) => "Go to the start page",
            Self::Go(Route::Features) => "Go to the features",
            Self::Go(Route::Prompt) => "Go to the prompt",
            Self::Go(Route::Steer) => "Go to steering",
            Self::Go(Route::Circuits) => "Watch the model write",
            Self::Go(Route::Patch) => "Go to features carried from another prompt",
            Self::Go(Route::Dose) => "Go to one feature at many values",
            Self::Go(Route::Effects) => "Go to what each active feature causes",
            Self::Go(Route::Train) => "Train an SAE",
            Self::Go(Route::Compare) => "Compare SAEs",
            Self::Go(Route::Library) => "Go to the library",
            Self::TraceNow => "Trace now",
            Self::View(View::Token) => "Features at a token",
            Self::View(View::Prompt) => "Features of the whole prompt",
            Self::Rank(Ranking::Max) => "Rank the whole prompt by maximum",
            Self::Rank(Ranking::Mean) => "Rank the whole prompt by mean",
            Self::Rank(Ranking::Count) => "Rank the whole prompt by tokens",
            Self::Rank(Ranking::Specific) => "Rank the whole prompt by specificity",
            Self::ShowLoss(true) => "Underline by loss",
            Self::ShowLoss(false) => "Stop underlining by loss",
            Self::CopyLink => "Copy link",
            Self::CopyFigure(Form::Element) => "Copy embed: element",
            Self::CopyFigure(Form::Frame) => "Copy embed: iframe",
            Self::CopyFigure(Form::Markdown) => "Copy embed: Markdown",
            Self::CopyJson => "Copy JSON",
            Self::Keys => "Keys and definitions",
        }
    }

    /// True if it needs a trace on screen.
    fn needs_trace(self) -> bool {
        !matches!(self, Self::Go(_) | Self::CopyLink | Self::Keys)
    }

    fn hit(self) -> Hit {
        Hit {
            target: Target::Command(self),
            name: self.name().to_owned(),
            about: String::new(),
        }
    }
}

/// The commands that are of use at the moment.
pub struct Commands {
    /// True if a trace is on screen.
    pub has_trace: bool,
    /// True if tokens are marked by their loss.
    pub loss_shown: bool,
}

impl Commands {
    /// All of them, in the order in which they are suggested.
    pub fn all(&self) -> impl Iterator<Item = Command> {
        let (has_trace, loss_shown) = (self.has_trace, self.loss_shown);
        let routes = Route::ALL.into_iter().map(Command::Go);
        let views = [View::Token, View::Prompt].into_iter().map(Command::View);
        let ranks = Ranking::ALL.into_iter().map(Command::Rank);
        routes
            .chain([Command::TraceNow, Command::ShowLoss(!loss_shown)])
            .chain([Command::CopyLink])
            .chain(Form::ALL.map(Command::CopyFigure))
            .chain([Command::CopyJson, Command::Keys])
            .chain(views)
            .chain(ranks)
            .filter(move |command| has_trace || !command.needs_trace())
    }
}

impl Source for Commands {
    fn find(&self, query: &str) -> (Vec<(Match, Hit)>, Option<String>) {
        let hits = self
            .all()
            .filter_map(|command| Some((match_text(query, command.name())?, command.hit())));
        (hits.collect(), None)
    }

    fn suggest(&self) -> Vec<Hit> {
        self.all().map(Command::hit).collect()
    }

    fn has(&self, target: &Target) -> bool {
        matches!(target, Target::Command(command) if self.all().any(|one| one == *command))
    }
}
