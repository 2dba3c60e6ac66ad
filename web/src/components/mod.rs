//! The parts of the page, each with one subject.

pub mod activation_chart;
pub mod bars;
pub mod bos;
pub mod edit;
pub mod error_banner;
pub mod feature_panel;
pub mod features;
pub mod generate;
pub mod header;
pub mod keys_dialog;
pub mod load_request;
pub mod metrics;
pub mod missing;
pub mod next_tokens;
pub mod note;
pub mod notices;
pub mod open;
pub mod progress;
pub mod prompt_box;
pub mod spark;
pub mod term;
pub mod token_text;
pub mod tokens;
pub mod views;
