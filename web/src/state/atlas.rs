//! The atlas: its parts, as far as they were fetched.

use ::atlas::files::shard_of;
use ::atlas::info::FileInfo;
use ::atlas::record::{FeatureRow, TokenIndex};
use ::atlas::{AtlasInfo, FeatureRecord, SetInfo, SetKind};

use super::State;
use super::route::Route;
use crate::atlas::{Content, PartId, Request, address, counted_tokens};
use crate::browse::Rows;
use crate::shared::Shared;

/// Shards that are kept: a few megabytes.
const KEPT: usize = 24;

/// A part, as far as it was fetched.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Part<T> {
    /// Not requested.
    #[default]
    Idle,
    /// On its way.
    Loading,
    /// There.
    Ready(Shared<T>),
    /// The site has no such file.
    Missing,
    /// Not to be had, with the reason.
    Failed(String),
}

/// State of a part, as [`Part`] without the content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PartState {
    /// Not requested.
    Idle,
    /// On its way.
    Loading,
    /// There.
    Ready,
    /// The site has no such file.
    Missing,
    /// Not to be had, with the reason.
    Failed(String),
}

impl<T> Part<T> {
    /// The content, if it is there.
    pub fn get(&self) -> Option<&Shared<T>> {
        match self {
            Self::Ready(content) => Some(content),
            _ => None,
        }
    }

    /// Its state, without its content.
    pub fn state(&self) -> PartState {
        match self {
            Self::Idle => PartState::Idle,
            Self::Loading => PartState::Loading,
            Self::Ready(_) => PartState::Ready,
            Self::Missing => PartState::Missing,
            Self::Failed(why) => PartState::Failed(why.clone()),
        }
    }

    /// A part that is not there.
    fn without(state: PartState) -> Self {
        match state {
            PartState::Idle | PartState::Ready => Self::Idle,
            PartState::Loading => Self::Loading,
            PartState::Missing => Self::Missing,
            PartState::Failed(why) => Self::Failed(why),
        }
    }

    fn receive(&mut self, content: T) {
        *self = Self::Ready(Shared::new(content));
    }
}

/// Parts of a feature set.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SetParts {
    /// One row per feature.
    pub table: Part<Vec<FeatureRow>>,
    /// Coordinates.
    pub map: Part<Vec<[f32; 2]>>,
    /// Features by the tokens that they fire on.
    pub token_index: Part<TokenIndex>,
}

/// A feature of an atlas, as the address names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AtlasFeature {
    /// Id of the set in the atlas.
    pub set: String,
    /// The latent.
    pub latent: u32,
}

/// Indices of a set and of one of its shards.
type ShardId = (usize, usize);

/// What is known of an atlas, the site's or one of one's own.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Atlas {
    /// Address of the index of the site's.
    site: Part<String>,
    /// Address of its index, relative to the page.
    pub address: Part<String>,
    /// The index.
    pub index: Part<AtlasInfo>,
    /// The bytes of each token.
    pub vocabulary: Part<Vec<Vec<u8>>>,
    /// Parts of each set, in the index's order.
    pub sets: Vec<SetParts>,
    /// Shards by set and number, the last used last.
    shards: Vec<(ShardId, Part<Vec<FeatureRecord>>)>,
}

/// Something about the atlas.
#[derive(Clone, Debug)]
pub enum AtlasAction {
    /// The address of the index, from the demo's manifest; nothing where the site has no atlas, or why that is not known.
    Named(Result<Option<String>, String>),
    /// A part is on its way.
    Requested(PartId),
    /// A part came, or why it did not.
    Received(Request, Result<Content, String>),
    /// A part that failed is wanted again.
    Retry(PartId),
    /// The page of a feature is opened, or, of none, the list of all.
    Open(Option<AtlasFeature>),
    /// The page of the feature so many further on is opened in the place of this one; behind the last comes the first.
    Step(i32),
    /// The page of a feature that fires is opened: that at a place from 0 to 1 among all of its set.
    Random(f64),
}

impl Atlas {
    /// The index, if it is there.
    pub fn info(&self) -> Option<&Shared<AtlasInfo>> {
        self.index.get()
    }

    /// A set and its index, by its id or its hook.
    pub fn set(&self, id: &str) -> Option<(usize, &SetInfo)> {
        let sets = self.info()?.sets.iter().enumerate();
        sets.into_iter()
            .find(|(_, set)| set.id == id || set.hook == id)
    }

    /// The set of an SAE, or of the neurons of a hook.
    pub fn set_at(&self, hook: &str, n_latents: usize, neurons: bool) -> Option<&SetInfo> {
        let kind = if neurons {
            SetKind::Neurons
        } else {
            SetKind::Sae
        };
        let mut sets = self.info()?.sets.iter();
        sets.find(|set| set.kind == kind && set.hook == hook && set.n_latents as usize == n_latents)
    }

    /// The shard that a latent of a set is in; nothing where there is no such latent.
    pub fn shard_of(&self, set: usize, latent: u32) -> Option<PartId> {
        let (shard, _) = shard_of(self.info()?.sets.get(set)?, latent)?;
        Some(PartId::Shard(set, shard))
    }

    /// A shard.
    pub fn shard(&self, set: usize, shard: usize) -> &Part<Vec<FeatureRecord>> {
        let found = self.shards.iter().find(|(id, _)| *id == (set, shard));
        found.map_or(&Part::Idle, |(_, part)| part)
    }

    /// State of a part, without its content.
    pub fn part(&self, id: PartId) -> PartState {
        let set = id.set().and_then(|set| self.sets.get(set));
        match (id, set) {
            (PartId::Index, _) => self.index.state(),
            (PartId::Vocabulary, _) => self.vocabulary.state(),
            (PartId::Shard(set, shard), _) => self.shard(set, shard).state(),
            (PartId::Table(_), Some(set)) => set.table.state(),
            (PartId::Map(_), Some(set)) => set.map.state(),
            (PartId::TokenIndex(_), Some(set)) => set.token_index.state(),
            _ => PartState::Missing,
        }
    }

    /// The row of a feature in its set's table, if that is there.
    pub fn row(&self, set: &str, latent: u32) -> Option<&FeatureRow> {
        let (set, _) = self.set(set)?;
        self.sets.get(set)?.table.get()?.get(latent as usize)
    }

    /// The feature so many further on in the same set; behind the last comes the first.
    pub fn beside(&self, feature: &AtlasFeature, by: i32) -> Option<AtlasFeature> {
        let (_, set) = self.set(&feature.set)?;
        let latents = i64::from(set.n_latents);
        let latent = (i64::from(feature.latent) + i64::from(by)).checked_rem_euclid(latents)?;
        Some(AtlasFeature {
            set: set.id.clone(),
            latent: u32::try_from(latent).ok()?,
        })
    }

    /// The feature at a place from 0 to 1 among those of a set that fire; among all where the table is not there.
    fn drawn(&self, set: &str, share: f64) -> Option<AtlasFeature> {
        let (index, set) = self.set(set)?;
        let firing: Vec<u32> = match self.sets.get(index).and_then(|parts| parts.table.get()) {
            Some(rows) => {
                let tokens = counted_tokens(self.info()?, set);
                let all = Rows::new(rows, tokens);
                let rows = rows.iter().filter(|row| !all.is_dead(row));
                rows.map(|row| row.latent).collect()
            }
            None => (0..set.n_latents).collect(),
        };
        let at = (share.clamp(0.0, 1.0) * firing.len() as f64) as usize;
        let latent = *firing.get(at.min(firing.len().checked_sub(1)?))?;
        Some(AtlasFeature {
            set: set.id.clone(),
            latent,
        })
    }

    /// The request for a part that nobody has requested.
    fn request(&self, part: PartId) -> Option<Request> {
        if self.part(part) != PartState::Idle {
            return None;
        }
        let index = self.address.get()?;
        if part == PartId::Index {
            return Some(Request {
                part,
                index: (**index).clone(),
                address: (**index).clone(),
                file: None,
            });
        }
        let file = part.file(self.info()?)?;
        Some(Request {
            part,
            index: (**index).clone(),
            address: address(index, &file.path),
            file: Some(file.clone()),
        })
    }

    pub(super) fn named(&mut self, address: Result<Option<String>, String>) {
        self.site = match address {
            Ok(Some(address)) => Part::Ready(Shared::new(address)),
            Ok(None) => Part::Missing,
            Err(why) => Part::Failed(why),
        };
    }

    /// True if it is the site's.
    pub fn is_site(&self) -> bool {
        let (here, site) = (self.address.get(), self.site.get());
        here.is_some() && here == site
    }

    /// True if the site has an atlas, as far as is known.
    pub fn has_site(&self) -> bool {
        matches!(self.site, Part::Ready(_))
    }

    /// Turns to the atlas whose index is at an address, or, of none, to the site's. Nothing of another one is kept.
    pub(super) fn turn_to(&mut self, own: Option<String>) {
        let address = match own {
            Some(own) => match self.address.get() {
                Some(address) if **address == own => return,
                _ => Part::Ready(Shared::new(own)),
            },
            None => self.site.clone(),
        };
        if self.address != address {
            *self = Self {
                address,
                site: std::mem::take(&mut self.site),
                ..Self::default()
            };
        }
    }

    pub(super) fn requested(&mut self, id: PartId) {
        self.put(id, PartState::Loading);
    }

    pub(super) fn retry(&mut self, id: PartId) {
        if matches!(self.part(id), PartState::Failed(_)) {
            self.put(id, PartState::Idle);
        }
    }

    pub(super) fn received(&mut self, request: &Request, content: Result<Content, String>) {
        let id = request.part;
        let of_this = |index: &Shared<String>| **index == request.index;
        // What is no longer kept was given up while it was on its way; another atlas may have come to its place.
        if self.part(id) != PartState::Loading || !self.address.get().is_some_and(of_this) {
            return;
        }
        let content = match content {
            Ok(content) => content,
            Err(why) => return self.put(id, PartState::Failed(why)),
        };
        let set = id.set().and_then(|set| self.sets.get_mut(set));
        match (id, content, set) {
            (PartId::Index, Content::Index(info), _) => self.index_came(*info),
            (PartId::Vocabulary, Content::Vocabulary(tokens), _) => self.vocabulary.receive(tokens),
            (PartId::Table(_), Content::Table(rows), Some(set)) => set.table.receive(rows),
            (PartId::Map(_), Content::Map(points), Some(set)) => set.map.receive(points),
            (PartId::TokenIndex(_), Content::TokenIndex(tokens), Some(set)) => {
                set.token_index.receive(tokens)
            }
            (PartId::Shard(set, shard), Content::Shard(records), _) => {
                if let Some((_, part)) = self.shards.iter_mut().find(|(id, _)| *id == (set, shard))
                {
                    part.receive(records);
                }
            }
            // The content of another part would be a mistake of the page's.
            _ => {}
        }
    }

    fn index_came(&mut self, info: AtlasInfo) {
        fn part<T>(file: &Option<FileInfo>) -> Part<T> {
            match file {
                Some(_) => Part::Idle,
                None => Part::Missing,
            }
        }
        self.vocabulary = part(&info.vocabulary);
        let sets = info.sets.iter().map(|set| SetParts {
            table: part(&set.table),
            map: part(&set.map),
            token_index: part(&set.token_index),
        });
        self.sets = sets.collect();
        self.shards.clear();
        self.index.receive(info);
    }

    /// Sets a part to a state that has no content.
    fn put(&mut self, id: PartId, state: PartState) {
        let set = id.set().and_then(|set| self.sets.get_mut(set));
        match (id, set) {
            (PartId::Index, _) => self.index = Part::without(state),
            (PartId::Vocabulary, _) => self.vocabulary = Part::without(state),
            (PartId::Shard(set, shard), _) => {
                self.shards.retain(|(id, _)| *id != (set, shard));
                self.shards.push(((set, shard), Part::without(state)));
                let over = self.shards.len().saturating_sub(KEPT);
                self.shards.drain(..over);
            }
            (PartId::Table(_), Some(set)) => set.table = Part::without(state),
            (PartId::Map(_), Some(set)) => set.map = Part::without(state),
            (PartId::TokenIndex(_), Some(set)) => set.token_index = Part::without(state),
            _ => {}
        }
    }

    /// A shard that is in use stays longest.
    pub(super) fn touch(&mut self, id: PartId) {
        if let PartId::Shard(set, shard) = id
            && let Some(at) = self.shards.iter().position(|(id, _)| *id == (set, shard))
        {
            let used = self.shards.remove(at);
            self.shards.push(used);
        }
    }
}

impl State {
    pub(super) fn atlas_action(&mut self, action: AtlasAction) {
        match action {
            AtlasAction::Named(address) => self.atlas.named(address),
            AtlasAction::Requested(id) => self.atlas.requested(id),
            AtlasAction::Received(request, content) => self.atlas.received(&request, content),
            AtlasAction::Retry(id) => self.atlas.retry(id),
            AtlasAction::Open(feature) => {
                self.place.route = Route::Features;
                self.place.page = feature;
                self.history = super::History::Push;
                self.touch_shard();
            }
            AtlasAction::Step(by) => {
                let next = self
                    .place
                    .page
                    .as_ref()
                    .and_then(|page| self.atlas.beside(page, by));
                if let Some(next) = next {
                    self.place.page = Some(next);
                    self.history = super::History::Replace;
                    self.touch_shard();
                }
            }
            AtlasAction::Random(share) => {
                let page = self.place.page.as_ref();
                let next = page.and_then(|page| self.atlas.drawn(&page.set, share));
                if let Some(next) = next {
                    self.atlas_action(AtlasAction::Open(Some(next)));
                }
            }
        }
    }

    pub(super) fn touch_shard(&mut self) {
        if let Some(id) = self.page_shard() {
            self.atlas.touch(id);
        }
    }

    /// The shard of the feature whose page is shown.
    pub fn page_shard(&self) -> Option<PartId> {
        let page = self.place.page.as_ref()?;
        let (set, _) = self.atlas.set(&page.set)?;
        self.atlas.shard_of(set, page.latent)
    }

    /// The record of the feature whose page is shown, if its shard is there.
    pub fn page_record(&self) -> Option<(Shared<Vec<FeatureRecord>>, usize)> {
        let page = self.place.page.as_ref()?;
        let (set, info) = self.atlas.set(&page.set)?;
        let (shard, at) = shard_of(info, page.latent)?;
        let records = self.atlas.shard(set, shard).get()?;
        (at < records.len()).then(|| (records.clone(), at))
    }

    /// Parts of the atlas that what is on screen needs, first those that it waits for.
    fn needed_parts(&self) -> Vec<PartId> {
        let mut needed = self.browsed_parts();
        needed.extend(self.circuits_parts());
        if self.place.route != Route::Features || self.place.page.is_none() {
            return needed;
        }
        needed.extend([PartId::Index, PartId::Vocabulary]);
        let shard = self.page_shard();
        needed.extend(shard);
        // Labels of other features come behind the page itself.
        let waits = shard
            .is_some_and(|id| matches!(self.atlas.part(id), PartState::Idle | PartState::Loading));
        if !waits && let Some(page) = &self.place.page {
            let shown = self.atlas.set(&page.set).map(|(set, _)| set);
            needed.extend(shown.map(PartId::Table));
        }
        needed
    }

    /// Requests for those of them that nobody has requested.
    pub fn wanted_parts(&self) -> Vec<Request> {
        let mut wanted: Vec<Request> = Vec::new();
        for part in self.needed_parts() {
            // Two reasons to need a part are one request for it.
            let request = self
                .atlas
                .request(part)
                .filter(|_| wanted.iter().all(|one| one.part != part));
            wanted.extend(request);
        }
        wanted
    }
}
