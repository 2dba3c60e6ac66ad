//! The views of a prompt beside its list of features: the one that is shown, and what the engine computed for them.

use super::lists::View;
use super::{History, Phase, Remote, State};
use crate::data::{Lens, Trace};
use crate::display::layer_of;
use crate::shared::Shared;
use crate::state::tray::FeatureId;
use crate::views::layers::{Counterpart, Mode};
use crate::views::pattern::Pattern;

/// A way to look at a prompt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PromptView {
    /// The list of features.
    #[default]
    Features,
    /// One feature of each SAE at each token.
    Layers,
    /// The logit lens of each layer at each token.
    Lens,
    /// The attention pattern of a layer.
    Attention,
}

impl PromptView {
    /// All of them, in the order of their buttons.
    pub const ALL: [Self; 4] = [Self::Features, Self::Layers, Self::Lens, Self::Attention];

    /// Its name in the address.
    pub fn name(self) -> &'static str {
        match self {
            Self::Features => "features",
            Self::Layers => "layers",
            Self::Lens => "lens",
            Self::Attention => "attention",
        }
    }

    /// Its name on its button.
    pub fn title(self) -> &'static str {
        match self {
            Self::Features => "Features",
            Self::Layers => "Layers × tokens",
            Self::Lens => "Logit lens",
            Self::Attention => "Attention",
        }
    }
}

/// The part of an address that says which view is shown.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// The view.
    pub view: PromptView,
    /// The layer whose attention is shown; nothing leaves it to the page. Of the other views it says nothing.
    pub layer: Option<u32>,
    /// The head that is enlarged.
    pub head: Option<u32>,
    /// The feature that layers × tokens shows in each cell.
    pub mode: Mode,
}

impl Shown {
    /// Names and values for the address; the list of features goes without saying.
    pub fn parts(&self) -> Vec<(&'static str, String)> {
        let mut parts = Vec::new();
        if self.view != PromptView::Features {
            parts.push(("show", self.view.name().to_owned()));
        }
        let Self {
            layer, head, mode, ..
        } = self.clone().sound();
        if mode != Mode::default() {
            parts.push(("by", mode.name().to_owned()));
        }
        parts.extend(layer.map(|layer| ("layer", layer.to_string())));
        parts.extend(head.map(|head| ("head", head.to_string())));
        parts
    }

    /// The same without what means nothing: a layer and a head belong to the attention, a mode to layers × tokens.
    pub fn sound(mut self) -> Self {
        if self.view != PromptView::Layers {
            self.mode = Mode::default();
        }
        if self.view != PromptView::Attention {
            (self.layer, self.head) = (None, None);
        }
        self
    }

    /// Reads one name and value of an address, if it is about the view.
    pub fn read(&mut self, name: &str, value: &str) {
        match name {
            "show" => {
                let known = PromptView::ALL
                    .into_iter()
                    .find(|view| view.name() == value);
                self.view = known.unwrap_or_default();
            }
            "by" => {
                let known = Mode::ALL.into_iter().find(|mode| mode.name() == value);
                self.mode = known.unwrap_or_default();
            }
            "layer" => self.layer = value.parse().ok(),
            "head" => self.head = value.parse().ok(),
            _ => {}
        }
    }
}

/// Values to take from a pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tap {
    /// The logit lens of every block.
    Lens,
    /// The attention pattern of a layer.
    Pattern(u32),
}

/// A request for values of the pass that a trace is of.
#[derive(Clone, Debug, PartialEq)]
pub struct TapsRequest {
    /// The trace.
    pub trace: Shared<Trace>,
    /// The values.
    pub tap: Tap,
}

/// The values.
#[derive(Clone, Debug)]
pub enum TapsAnswer {
    /// The logit lens of every block.
    Lens(Vec<Lens>),
    /// The attention pattern of a layer.
    Pattern(Pattern),
}

/// A request and its result.
type Answered<T> = Option<(TapsRequest, Remote<Shared<T>>)>;

/// What was requested for the views.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Views {
    lens: Answered<Vec<Lens>>,
    pattern: Answered<Pattern>,
    counterparts: Option<(CounterpartsRequest, Remote<Shared<Vec<Counterpart>>>)>,
}

/// A request for a feature's counterparts in other SAEs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CounterpartsRequest {
    /// The feature.
    pub feature: FeatureId,
    /// Ids of the SAEs.
    pub saes: Vec<String>,
}

/// Everything that can happen to the views.
#[derive(Clone, Debug)]
pub enum ViewsAction {
    /// A view was selected.
    Show(PromptView),
    /// The features were selected that layers × tokens shows.
    SelectMode(Mode),
    /// A feature's counterparts are requested.
    CounterpartsRequested(CounterpartsRequest),
    /// The counterparts.
    CounterpartsReceived(CounterpartsRequest, Vec<Counterpart>),
    /// The layer was selected whose attention is shown.
    SelectLayer(u32),
    /// A head was enlarged, or is no longer.
    SelectHead(Option<u32>),
    /// A token was selected.
    SelectToken(usize),
    /// A feature was selected at a token: the SAE's id, the token, the latent.
    SelectFeature(String, usize, u32),
    /// Values are requested.
    Requested(TapsRequest),
    /// The values, or why there are none.
    Received(TapsRequest, Result<TapsAnswer, String>),
    /// The person requests again what failed.
    Retry,
}

fn result_of<T>(answered: &Answered<T>, wanted: &TapsRequest) -> Remote<Shared<T>> {
    match answered {
        Some((request, result)) if request == wanted => result.clone(),
        _ => Remote::Idle,
    }
}

impl Views {
    /// The logit lens of a trace.
    pub fn lens(&self, trace: &Shared<Trace>) -> Remote<Shared<Vec<Lens>>> {
        let wanted = TapsRequest {
            trace: trace.clone(),
            tap: Tap::Lens,
        };
        result_of(&self.lens, &wanted)
    }

    /// The attention pattern of a trace at a layer.
    pub fn pattern(&self, trace: &Shared<Trace>, layer: u32) -> Remote<Shared<Pattern>> {
        let wanted = TapsRequest {
            trace: trace.clone(),
            tap: Tap::Pattern(layer),
        };
        result_of(&self.pattern, &wanted)
    }

    /// The counterparts of a feature in other SAEs.
    pub fn counterparts(&self, wanted: &CounterpartsRequest) -> Remote<Shared<Vec<Counterpart>>> {
        match &self.counterparts {
            Some((request, result)) if request == wanted => result.clone(),
            _ => Remote::Idle,
        }
    }

    fn is_settled(&self, request: &TapsRequest) -> bool {
        fn settled<T>(result: &Remote<T>) -> bool {
            matches!(result, Remote::Here(_) | Remote::Failed(_))
        }
        match request.tap {
            Tap::Lens => settled(&result_of(&self.lens, request)),
            Tap::Pattern(_) => settled(&result_of(&self.pattern, request)),
        }
    }

    fn requested(&mut self, request: TapsRequest) {
        // What was there before goes at once: the weights of a layer may be many megabytes.
        match request.tap {
            Tap::Lens => self.lens = Some((request, Remote::Waiting)),
            Tap::Pattern(_) => self.pattern = Some((request, Remote::Waiting)),
        }
    }

    fn received(&mut self, request: &TapsRequest, answer: Result<TapsAnswer, String>) {
        fn settle<T>(answered: &mut Answered<T>, request: &TapsRequest, result: Remote<Shared<T>>) {
            if let Some((asked, waiting)) = answered
                && asked == request
            {
                *waiting = result;
            }
        }
        match answer {
            Ok(TapsAnswer::Lens(lens)) => {
                settle(&mut self.lens, request, Remote::Here(Shared::new(lens)));
            }
            Ok(TapsAnswer::Pattern(pattern)) => {
                settle(
                    &mut self.pattern,
                    request,
                    Remote::Here(Shared::new(pattern)),
                );
            }
            Err(message) => match request.tap {
                Tap::Lens => settle(&mut self.lens, request, Remote::Failed(message)),
                Tap::Pattern(_) => settle(&mut self.pattern, request, Remote::Failed(message)),
            },
        }
    }

    fn retry(&mut self) {
        if matches!(self.lens, Some((_, Remote::Failed(_)))) {
            self.lens = None;
        }
        if matches!(self.pattern, Some((_, Remote::Failed(_)))) {
            self.pattern = None;
        }
    }
}

impl State {
    pub(super) fn view(&mut self, action: ViewsAction) {
        match action {
            ViewsAction::Show(view) => {
                self.place.shown.view = view;
                self.history = History::Push;
            }
            ViewsAction::SelectMode(mode) => {
                self.place.shown.mode = mode;
                self.history = History::Push;
            }
            ViewsAction::CounterpartsRequested(request) => {
                self.views.counterparts = Some((request, Remote::Waiting));
            }
            ViewsAction::CounterpartsReceived(request, found) => {
                if let Some((asked, result)) = &mut self.views.counterparts
                    && *asked == request
                {
                    *result = Remote::Here(Shared::new(found));
                }
            }
            ViewsAction::SelectLayer(layer) => {
                self.place.shown.layer = Some(layer);
                self.history = History::Push;
            }
            ViewsAction::SelectHead(head) => {
                self.place.shown.head = head;
                self.history = History::Push;
            }
            ViewsAction::SelectToken(token) => self.select_at(token),
            ViewsAction::SelectFeature(sae, token, latent) => {
                self.select_at(token);
                if self.place.sae.as_ref() != Some(&sae) {
                    // The same number is another feature there.
                    self.select_feature(None, History::Push);
                    self.place.sae = Some(sae);
                }
                self.select_feature(Some(latent), History::Push);
            }
            ViewsAction::Requested(request) => self.views.requested(request),
            ViewsAction::Received(request, answer) => self.views.received(&request, answer),
            ViewsAction::Retry => self.views.retry(),
        }
    }

    fn select_at(&mut self, token: usize) {
        self.place.token = Some(token);
        self.place.view = View::Token;
        self.history = History::Push;
    }

    /// The layer whose attention is shown: the one of the address, else that of the selected SAE, else the first.
    pub fn attention_layer(&self) -> u32 {
        let layers = self.model.as_ref().map_or(0, |model| model.n_layers as u32);
        let sae = self.place.sae.as_deref();
        let info = self.saes.iter().find(|one| Some(one.id.as_str()) == sae);
        let chosen = self.place.shown.layer.filter(|&layer| layer < layers);
        chosen
            .or_else(|| info.and_then(|info| layer_of(&info.hook)))
            .unwrap_or(0)
    }

    /// The counterparts that layers × tokens shows, whether they are there or not: of the selected feature, in all other SAEs.
    pub fn shown_counterparts(&self) -> Option<CounterpartsRequest> {
        let shown = &self.place.shown;
        let wanted = shown.view == PromptView::Layers && shown.mode == Mode::Matches;
        let feature = self.selected().filter(|_| wanted)?;
        let others = self.saes.iter().filter(|sae| sae.id != feature.sae);
        Some(CounterpartsRequest {
            saes: others.map(|sae| sae.id.clone()).collect(),
            feature,
        })
    }

    /// The counterparts that nobody has looked for yet.
    pub fn wanted_counterparts(&self) -> Option<CounterpartsRequest> {
        let ready = self.phase == Phase::Ready && self.recorded.is_none();
        let wanted = self.shown_counterparts().filter(|_| ready)?;
        let there = matches!(self.views.counterparts(&wanted), Remote::Here(_));
        (!there).then_some(wanted)
    }

    /// The values that the view needs and that nobody has computed yet. Only for a prompt as it stands: while the next one is on
    /// its way, nothing is wanted for the one before.
    pub fn wanted_taps(&self) -> Option<TapsRequest> {
        let tap = match self.place.shown.view {
            PromptView::Features | PromptView::Layers => return None,
            PromptView::Lens => Tap::Lens,
            PromptView::Attention => Tap::Pattern(self.attention_layer()),
        };
        let trace = self.trace.clone().filter(|_| self.is_current())?;
        let request = TapsRequest { trace, tap };
        let wanted = self.phase == Phase::Ready && !self.views.is_settled(&request);
        wanted.then_some(request)
    }
}
