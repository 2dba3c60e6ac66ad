//! The page: a Yew application over the JavaScript API of the engine.
//!
//! Everything that can be decided without a browser (state, addresses, rankings, how numbers and tokens are written) is plain Rust
//! that is tested natively. What needs one is compiled for wasm only.

// What is shown in the same way elsewhere.
pub use ::display;
pub use ::display::{definitions, format};

pub mod atlas;
pub mod browse;
pub mod circuits;
pub mod data;
pub mod download;
pub mod embed;
pub mod export;
pub mod find;
pub mod library;
pub mod notes;
pub mod offers;
pub mod ranking;
pub mod shared;
pub mod state;
pub mod views;

#[cfg(target_arch = "wasm32")]
pub mod app;
#[cfg(target_arch = "wasm32")]
pub mod browser;
#[cfg(target_arch = "wasm32")]
pub mod components;
#[cfg(target_arch = "wasm32")]
pub mod context;
#[cfg(target_arch = "wasm32")]
pub mod controller;
#[cfg(target_arch = "wasm32")]
pub mod dark;
#[cfg(target_arch = "wasm32")]
pub mod engine;
#[cfg(target_arch = "wasm32")]
pub mod js_value;
#[cfg(target_arch = "wasm32")]
pub mod keys;
#[cfg(target_arch = "wasm32")]
pub mod loader;
#[cfg(target_arch = "wasm32")]
mod own_atlases;
#[cfg(target_arch = "wasm32")]
pub mod page;
#[cfg(target_arch = "wasm32")]
pub mod preferences;
#[cfg(target_arch = "wasm32")]
pub mod requests;
#[cfg(target_arch = "wasm32")]
pub mod routes;
#[cfg(target_arch = "wasm32")]
pub mod shell;
#[cfg(target_arch = "wasm32")]
pub mod tasks;
