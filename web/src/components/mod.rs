//! The parts of the page, each with one subject.

pub mod activation_chart;
pub mod bars;
pub mod check;
pub mod comparison;
pub mod delete;
pub mod edit;
pub mod edit_rows;
pub mod feature_panel;
pub mod features;
pub mod notices;
pub mod own_file;
pub mod own_note;
pub mod plot;
pub mod prompt_field;
pub mod select;
pub mod spark;
pub mod statistics;
pub mod term;
pub mod texts;
pub mod token_text;
pub mod tokens;
pub mod views;
