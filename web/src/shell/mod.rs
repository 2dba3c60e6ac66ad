//! The frame around every route: header with tabs, banners, the dock with the selected feature, the tray with pinned features and edits, notes.

pub mod dock;
pub mod error_banner;
pub mod find_dialog;
pub mod header;
pub mod keys_dialog;
pub mod load_request;
mod modal;
pub mod note;
pub mod progress;
pub mod tabs;
pub mod tray;
mod update;
