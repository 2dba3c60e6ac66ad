//! The picture as SVG.

use std::fmt::Write as _;

use super::camera::Spot;
use super::scene::Scene;

impl Scene {
    /// What is in the picture as an SVG document: edges, nodes from the farthest on, and the names that are given, by the nodes'
    /// indices. `ink` and `ground` are colours of text and background.
    pub fn to_svg(&self, names: &[(usize, String)], ink: [u8; 3], ground: [u8; 3]) -> String {
        let [width, height] = self.camera.size();
        let spots = self.spots();
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n<rect width=\"100%\" height=\"100%\" fill=\"{}\"/>\n",
            colour(ground)
        );
        // Writing into a string does not fail.
        for line in self.lines() {
            if let (Some(from), Some(to)) = (spots[line.from], spots[line.to]) {
                let [red, green, blue, opacity] = line.colour;
                let _ = writeln!(
                    svg,
                    "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"{}\" stroke-opacity=\"{:.2}\" stroke-width=\"{:.2}\"/>",
                    from.x,
                    from.y,
                    to.x,
                    to.y,
                    colour([red, green, blue]),
                    part(opacity),
                    line.width
                );
            }
        }
        for index in self.order() {
            let node = self.nodes()[index as usize];
            if let Some(Spot { x, y, scale, .. }) = spots[index as usize] {
                let [red, green, blue, opacity] = node.colour;
                let outline = match node.marked {
                    true => format!(" stroke=\"{}\" stroke-width=\"2\"", colour(ink)),
                    false => String::new(),
                };
                let _ = writeln!(
                    svg,
                    "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{:.1}\" fill=\"{}\" fill-opacity=\"{:.2}\"{outline}/>",
                    node.radius * scale,
                    colour([red, green, blue]),
                    part(opacity)
                );
            }
        }
        for (index, name) in names {
            if let Some(Spot { x, y, scale, .. }) = spots.get(*index).copied().flatten() {
                let right = x + self.nodes()[*index].radius * scale + 4.0;
                let _ = writeln!(
                    svg,
                    "<text x=\"{right:.1}\" y=\"{:.1}\" font-family=\"sans-serif\" font-size=\"12\" fill=\"{}\">{}</text>",
                    y + 4.0,
                    colour(ink),
                    escaped(name)
                );
            }
        }
        svg.push_str("</svg>\n");
        svg
    }
}

fn colour([red, green, blue]: [u8; 3]) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

fn part(byte: u8) -> f32 {
    f32::from(byte) / 255.0
}

/// Text between tags. Control characters, which XML has no place for, become a replacement character.
fn escaped(text: &str) -> String {
    let mut safe = String::new();
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            character if character.is_control() => safe.push('\u{fffd}'),
            character => safe.push(character),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::super::scene::{Line, Node};
    use super::*;

    #[test]
    fn a_picture_has_nodes_edges_and_names() {
        let mut scene = Scene::default();
        scene.camera.resize(300.0, 200.0);
        let node = |id, marked| Node {
            id,
            radius: 1.0,
            colour: [232, 93, 4, 255],
            marked,
        };
        let line = Line {
            from: 0,
            to: 1,
            width: 1.5,
            colour: [0, 0, 0, 51],
        };
        scene
            .set_graph(
                vec![node(1, true), node(2, false), node(3, false)],
                vec![line],
            )
            .unwrap();
        scene
            .set_places(&[1, 2], &[0.0, 0.0, 0.0, 3.0, 0.0, 0.0])
            .unwrap();
        scene.fit();
        let names = [(0, "a <b> & \u{1}".to_owned()), (2, "no place".to_owned())];
        let svg = scene.to_svg(&names, [29, 27, 25], [255, 255, 255]);
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        assert_eq!(svg.matches("<circle").count(), 2);
        assert_eq!(svg.matches("stroke=\"#1d1b19\"").count(), 1);
        assert_eq!(svg.matches("<line").count(), 1);
        assert!(svg.contains("stroke-opacity=\"0.20\""));
        assert!(svg.contains(">a &lt;b&gt; &amp; \u{fffd}</text>"));
        assert!(!svg.contains("no place"));
    }
}
