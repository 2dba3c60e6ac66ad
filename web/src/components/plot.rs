//! The frame of a small chart: a scale from 0 beside it, and what its ends are below it.

use yew::prelude::*;

use crate::views::curve::SIZE;

/// What stands around a chart.
pub struct Frame {
    /// The chart in words.
    pub label: String,
    /// The upper end of its scale.
    pub top: String,
    /// Its left and its right end.
    pub ends: [String; 2],
    /// Its height in pixels.
    pub height: &'static str,
    /// Called where a pointer moves over it and where it leaves.
    pub pointer: [Callback<PointerEvent>; 2],
}

/// The chart; `lines` are drawn in [`SIZE`], which is stretched to the room that there is.
pub fn plot(frame: Frame, lines: Html) -> Html {
    let (width, height) = SIZE;
    let [onpointermove, onpointerleave] = frame.pointer;
    let [left, right] = frame.ends;
    html! {
        <div class="plot">
            <span class="scale">{ frame.top }</span><span class="scale low">{ "0" }</span>
            <svg viewBox={format!("0 0 {} {}", width as u32, height as u32)} preserveAspectRatio="none" width="100%" height={frame.height} role="img" aria-label={frame.label} {onpointermove} {onpointerleave}>
                <path class="grid-line" d={format!("M0 {h}H{width}M0 0H{width}M0 {m}H{width}", h = height, m = height / 2.0)} />
                { lines }
            </svg>
            <span class="ends"><span>{ left }</span><span>{ right }</span></span>
        </div>
    }
}
