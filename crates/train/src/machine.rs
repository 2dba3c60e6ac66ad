//! The kind of processor on which bits depend.

/// The kind of this processor.
pub fn machine() -> String {
    format!("{}{}", std::env::consts::ARCH, wide())
}

/// The instructions on which bits depend.
#[cfg(target_arch = "x86_64")]
fn wide() -> &'static str {
    if std::arch::is_x86_feature_detected!("avx512bf16") {
        " avx512 bf16"
    } else if std::arch::is_x86_feature_detected!("avx512f") {
        " avx512"
    } else if std::arch::is_x86_feature_detected!("avx2") {
        " avx2"
    } else {
        ""
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn wide() -> &'static str {
    ""
}
