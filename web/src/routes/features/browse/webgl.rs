//! Points through WebGL2: places and colours lie on the GPU, and a frame is one call.

use js_sys::{Float32Array, Uint8Array};
use wasm_bindgen::JsCast;
use web_sys::{
    HtmlCanvasElement, WebGl2RenderingContext as Gl, WebGlBuffer, WebGlProgram,
    WebGlUniformLocation,
};

use super::look::Look;

const VERTEX: &str = "#version 300 es
in vec2 place;
in vec4 colour;
uniform vec2 centre;
uniform vec2 scale;
uniform float size;
uniform vec4 ink;
out vec4 shade;
void main() {
  gl_Position = vec4((place - centre) * scale, 0.0, 1.0);
  gl_PointSize = size;
  shade = ink.a > 0.0 ? ink : colour;
}";

const FRAGMENT: &str = "#version 300 es
precision mediump float;
in vec4 shade;
out vec4 dot_colour;
void main() {
  vec2 off = gl_PointCoord - 0.5;
  if (dot(off, off) > 0.25) discard;
  dot_colour = vec4(shade.rgb * shade.a, shade.a);
}";

/// Attribute of a point's place.
const PLACE: u32 = 0;
/// Attribute of its colour.
const COLOUR: u32 = 1;

/// The points on the GPU.
pub struct WebGl {
    gl: Gl,
    places: WebGlBuffer,
    colours: WebGlBuffer,
    centre: Option<WebGlUniformLocation>,
    scale: Option<WebGlUniformLocation>,
    size: Option<WebGlUniformLocation>,
    ink: Option<WebGlUniformLocation>,
    points: usize,
}

fn program(gl: &Gl) -> Option<WebGlProgram> {
    let program = gl.create_program()?;
    for (kind, source) in [(Gl::VERTEX_SHADER, VERTEX), (Gl::FRAGMENT_SHADER, FRAGMENT)] {
        let shader = gl.create_shader(kind)?;
        gl.shader_source(&shader, source);
        gl.compile_shader(&shader);
        gl.attach_shader(&program, &shader);
    }
    gl.bind_attrib_location(&program, PLACE, "place");
    gl.bind_attrib_location(&program, COLOUR, "colour");
    gl.link_program(&program);
    let linked = gl
        .get_program_parameter(&program, Gl::LINK_STATUS)
        .as_bool();
    (linked == Some(true)).then_some(program)
}

impl WebGl {
    /// For a canvas; nothing where the browser has no WebGL2.
    pub fn new(canvas: &HtmlCanvasElement) -> Option<Self> {
        let gl: Gl = canvas.get_context("webgl2").ok()??.dyn_into().ok()?;
        let program = program(&gl)?;
        gl.use_program(Some(&program));
        let (places, colours) = (gl.create_buffer()?, gl.create_buffer()?);
        gl.bind_buffer(Gl::ARRAY_BUFFER, Some(&places));
        gl.vertex_attrib_pointer_with_i32(PLACE, 2, Gl::FLOAT, false, 0, 0);
        gl.enable_vertex_attrib_array(PLACE);
        gl.bind_buffer(Gl::ARRAY_BUFFER, Some(&colours));
        gl.vertex_attrib_pointer_with_i32(COLOUR, 4, Gl::UNSIGNED_BYTE, true, 0, 0);
        gl.enable_vertex_attrib_array(COLOUR);
        gl.enable(Gl::BLEND);
        gl.blend_func(Gl::ONE, Gl::ONE_MINUS_SRC_ALPHA);
        let uniform = |name: &str| gl.get_uniform_location(&program, name);
        Some(Self {
            centre: uniform("centre"),
            scale: uniform("scale"),
            size: uniform("size"),
            ink: uniform("ink"),
            gl,
            places,
            colours,
            points: 0,
        })
    }

    /// Takes the places of the points.
    pub fn place(&mut self, points: &[[f32; 2]]) {
        // A point that is nowhere is put where no view reaches.
        let placed = |point: &[f32; 2]| {
            if point.iter().all(|at| at.is_finite()) {
                *point
            } else {
                [1e6, 1e6]
            }
        };
        let flat: Vec<f32> = points.iter().flat_map(placed).collect();
        self.gl.bind_buffer(Gl::ARRAY_BUFFER, Some(&self.places));
        let array = Float32Array::from(flat.as_slice());
        self.gl
            .buffer_data_with_array_buffer_view(Gl::ARRAY_BUFFER, &array, Gl::STATIC_DRAW);
        self.points = points.len();
    }

    /// Takes their colours.
    pub fn colour(&mut self, colours: &[[u8; 4]]) {
        self.gl.bind_buffer(Gl::ARRAY_BUFFER, Some(&self.colours));
        let array = Uint8Array::from(colours.as_flattened());
        self.gl
            .buffer_data_with_array_buffer_view(Gl::ARRAY_BUFFER, &array, Gl::DYNAMIC_DRAW);
    }

    /// Draws them.
    pub fn draw(&self, look: Look) {
        let Look {
            camera,
            dots,
            marked,
            ink,
        } = look;
        let [width, height] = camera.size;
        let gl = &self.gl;
        gl.viewport(0, 0, (width * dots) as i32, (height * dots) as i32);
        gl.clear_color(0.0, 0.0, 0.0, 0.0);
        gl.clear(Gl::COLOR_BUFFER_BIT);
        let points = i32::try_from(self.points).unwrap_or(i32::MAX);
        if points == 0 || width <= 0.0 || height <= 0.0 {
            return;
        }
        let scale = 2.0 * camera.scale();
        gl.uniform2f(
            self.centre.as_ref(),
            camera.centre[0] as f32,
            camera.centre[1] as f32,
        );
        gl.uniform2f(
            self.scale.as_ref(),
            (scale / width) as f32,
            (scale / height) as f32,
        );
        let size = 2.0 * camera.radius(self.points) * dots;
        gl.uniform1f(self.size.as_ref(), size as f32);
        gl.uniform4f(self.ink.as_ref(), 0.0, 0.0, 0.0, 0.0);
        gl.draw_arrays(Gl::POINTS, 0, points);
        if let Some(marked) = marked
            .and_then(|marked| i32::try_from(marked).ok())
            .filter(|marked| *marked < points)
        {
            let [red, green, blue, opacity] = ink.map(|part| f32::from(part) / 255.0);
            gl.uniform1f(self.size.as_ref(), (size + 6.0 * dots) as f32);
            gl.uniform4f(self.ink.as_ref(), red, green, blue, opacity);
            gl.draw_arrays(Gl::POINTS, marked, 1);
        }
    }
}
