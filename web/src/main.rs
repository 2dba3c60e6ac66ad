//! The page's entry point: wasm-bindgen runs `main` once the module is there.

fn main() {
    #[cfg(target_arch = "wasm32")]
    web::app::start();
}
