//! Drawing through WebGL2: places lie in a texture, nodes and edges are instances of a square, and a frame is two calls.

use glam::Vec3;
use js_sys::{Float32Array, Uint8Array};
use wasm_bindgen::JsCast;
use web_sys::{
    HtmlCanvasElement, WebGl2RenderingContext as Gl, WebGlBuffer, WebGlProgram, WebGlTexture,
    WebGlUniformLocation, WebGlVertexArrayObject,
};

use crate::{Line, Scene};

/// Width of the texture of places.
const WIDTH: usize = 256;
/// Bytes of an edge: two indices, a width, a colour.
const LINE_BYTES: i32 = 16;
/// Bytes of a node: an index, a radius, a colour, a mark.
const NODE_BYTES: i32 = 16;

const PLACE: &str = "#version 300 es
precision highp float;
precision highp int;
uniform highp sampler2D places;
uniform mat4 matrix;
uniform vec2 size;
vec4 place(uint index) { return texelFetch(places, ivec2(int(index) % 256, int(index) / 256), 0); }
";

const LINE_VERTEX: &str = "
layout(location = 0) in uint from;
layout(location = 1) in uint to;
layout(location = 2) in float width;
layout(location = 3) in vec4 colour;
out vec4 shade;
void main() {
  vec4 one = place(from);
  vec4 other = place(to);
  vec4 a = matrix * vec4(one.xyz, 1.0);
  vec4 b = matrix * vec4(other.xyz, 1.0);
  shade = vec4(colour.rgb * colour.a, colour.a);
  // An edge with an end that has no place, or is behind the camera, is not drawn.
  if (one.w * other.w == 0.0 || a.w <= 0.0 || b.w <= 0.0) { gl_Position = vec4(2.0, 2.0, 2.0, 1.0); return; }
  vec2 along = (b.xy / b.w - a.xy / a.w) * size;
  vec2 across = normalize(vec2(-along.y, along.x) + vec2(1e-6, 0.0)) * width / size;
  vec4 at = (gl_VertexID & 1) == 0 ? a : b;
  float side = (gl_VertexID & 2) == 0 ? -1.0 : 1.0;
  gl_Position = at + vec4(across * side * at.w, 0.0, 0.0);
}";

const LINE_FRAGMENT: &str = "#version 300 es
precision mediump float;
in vec4 shade;
out vec4 result;
void main() { result = shade; }";

const NODE_VERTEX: &str = "
layout(location = 0) in uint index;
layout(location = 1) in float radius;
layout(location = 2) in vec4 colour;
layout(location = 3) in float mark;
uniform float unit;
out vec4 shade;
out vec2 within;
out float ring;
out float pixels;
void main() {
  vec4 at = matrix * vec4(place(index).xyz, 1.0);
  // Radius in pixels: at least one, so that nothing is lost from afar.
  pixels = max(radius * unit / at.w, 1.0);
  float reach = pixels + (mark > 0.5 ? 3.5 : 1.0);
  within = vec2((gl_VertexID & 1) == 0 ? -1.0 : 1.0, (gl_VertexID & 2) == 0 ? -1.0 : 1.0) * reach;
  shade = colour;
  ring = mark;
  gl_Position = at + vec4(within * 2.0 / size * at.w, 0.0, 0.0);
}";

const NODE_FRAGMENT: &str = "#version 300 es
precision mediump float;
in vec4 shade;
in vec2 within;
in float ring;
in float pixels;
uniform vec3 ink;
out vec4 result;
void main() {
  float off = length(within);
  float inside = clamp(pixels + 0.5 - off, 0.0, 1.0);
  // A little light from above, so that discs look like balls.
  float light = 1.0 + 0.12 * clamp(within.y / pixels, -1.0, 1.0);
  vec4 ball = vec4(min(shade.rgb * light, 1.0), 1.0) * shade.a * inside;
  float band = ring * clamp(off - pixels - 0.5, 0.0, 1.0) * clamp(pixels + 3.0 - off, 0.0, 1.0);
  result = ball + vec4(ink, 1.0) * band * (1.0 - ball.a);
  if (result.a <= 0.0) discard;
}";

/// A program with its instances.
struct Part {
    program: WebGlProgram,
    array: WebGlVertexArrayObject,
    buffer: WebGlBuffer,
    matrix: Option<WebGlUniformLocation>,
    size: Option<WebGlUniformLocation>,
    instances: i32,
}

/// The picture on the GPU.
pub struct Painter {
    gl: Gl,
    canvas: HtmlCanvasElement,
    places: WebGlTexture,
    lines: Part,
    nodes: Part,
    unit: Option<WebGlUniformLocation>,
    ink: Option<WebGlUniformLocation>,
    /// Numbers of the texture of places, kept for their memory.
    texels: Vec<f32>,
}

fn program(gl: &Gl, vertex: &str, fragment: &str) -> Option<WebGlProgram> {
    let program = gl.create_program()?;
    let vertex = format!("{PLACE}{vertex}");
    for (kind, source) in [
        (Gl::VERTEX_SHADER, vertex.as_str()),
        (Gl::FRAGMENT_SHADER, fragment),
    ] {
        let shader = gl.create_shader(kind)?;
        gl.shader_source(&shader, source);
        gl.compile_shader(&shader);
        gl.attach_shader(&program, &shader);
    }
    gl.link_program(&program);
    let linked = gl
        .get_program_parameter(&program, Gl::LINK_STATUS)
        .as_bool();
    (linked == Some(true)).then_some(program)
}

impl Part {
    /// Instances whose attributes `describe` names while array and buffer are bound.
    fn new(gl: &Gl, vertex: &str, fragment: &str, describe: impl Fn(&Gl)) -> Option<Self> {
        let program = program(gl, vertex, fragment)?;
        let array = gl.create_vertex_array()?;
        let buffer = gl.create_buffer()?;
        gl.bind_vertex_array(Some(&array));
        gl.bind_buffer(Gl::ARRAY_BUFFER, Some(&buffer));
        describe(gl);
        for attribute in 0..4 {
            gl.enable_vertex_attrib_array(attribute);
            gl.vertex_attrib_divisor(attribute, 1);
        }
        let uniform = |name: &str| gl.get_uniform_location(&program, name);
        Some(Self {
            matrix: uniform("matrix"),
            size: uniform("size"),
            program,
            array,
            buffer,
            instances: 0,
        })
    }

    fn fill(&mut self, gl: &Gl, bytes: &[u8], each: i32, usage: u32) {
        gl.bind_buffer(Gl::ARRAY_BUFFER, Some(&self.buffer));
        let array = Uint8Array::from(bytes);
        gl.buffer_data_with_array_buffer_view(Gl::ARRAY_BUFFER, &array, usage);
        self.instances = i32::try_from(bytes.len()).unwrap_or(0) / each;
    }

    fn draw(&self, gl: &Gl) {
        gl.bind_vertex_array(Some(&self.array));
        gl.draw_arrays_instanced(Gl::TRIANGLE_STRIP, 0, 4, self.instances);
    }
}

impl Painter {
    /// For a canvas; nothing where the browser has no WebGL2.
    pub fn new(canvas: &HtmlCanvasElement) -> Option<Self> {
        let gl: Gl = canvas.get_context("webgl2").ok()??.dyn_into().ok()?;
        let lines = Part::new(&gl, LINE_VERTEX, LINE_FRAGMENT, |gl| {
            gl.vertex_attrib_i_pointer_with_i32(0, 1, Gl::UNSIGNED_INT, LINE_BYTES, 0);
            gl.vertex_attrib_i_pointer_with_i32(1, 1, Gl::UNSIGNED_INT, LINE_BYTES, 4);
            gl.vertex_attrib_pointer_with_i32(2, 1, Gl::FLOAT, false, LINE_BYTES, 8);
            gl.vertex_attrib_pointer_with_i32(3, 4, Gl::UNSIGNED_BYTE, true, LINE_BYTES, 12);
        })?;
        let nodes = Part::new(&gl, NODE_VERTEX, NODE_FRAGMENT, |gl| {
            gl.vertex_attrib_i_pointer_with_i32(0, 1, Gl::UNSIGNED_INT, NODE_BYTES, 0);
            gl.vertex_attrib_pointer_with_i32(1, 1, Gl::FLOAT, false, NODE_BYTES, 4);
            gl.vertex_attrib_pointer_with_i32(2, 4, Gl::UNSIGNED_BYTE, true, NODE_BYTES, 8);
            gl.vertex_attrib_pointer_with_i32(3, 1, Gl::FLOAT, false, NODE_BYTES, 12);
        })?;
        let places = gl.create_texture()?;
        gl.bind_texture(Gl::TEXTURE_2D, Some(&places));
        for name in [Gl::TEXTURE_MIN_FILTER, Gl::TEXTURE_MAG_FILTER] {
            gl.tex_parameteri(Gl::TEXTURE_2D, name, Gl::NEAREST as i32);
        }
        gl.enable(Gl::BLEND);
        gl.blend_func(Gl::ONE, Gl::ONE_MINUS_SRC_ALPHA);
        Some(Self {
            unit: gl.get_uniform_location(&nodes.program, "unit"),
            ink: gl.get_uniform_location(&nodes.program, "ink"),
            canvas: canvas.clone(),
            places,
            lines,
            nodes,
            texels: Vec::new(),
            gl,
        })
    }

    /// Takes the edges.
    pub fn set_lines(&mut self, lines: &[Line]) {
        let mut bytes = Vec::with_capacity(lines.len() * LINE_BYTES as usize);
        for line in lines {
            bytes.extend((line.from as u32).to_le_bytes());
            bytes.extend((line.to as u32).to_le_bytes());
            bytes.extend(line.width.to_le_bytes());
            bytes.extend(line.colour);
        }
        self.lines
            .fill(&self.gl, &bytes, LINE_BYTES, Gl::DYNAMIC_DRAW);
    }

    /// Takes the nodes' places.
    pub fn set_places(&mut self, places: &[Option<Vec3>]) {
        let rows = places.len().div_ceil(WIDTH).max(1);
        self.texels.clear();
        for place in places {
            let Vec3 { x, y, z } = place.unwrap_or_default();
            let there = if place.is_some() { 1.0 } else { 0.0 };
            self.texels.extend([x, y, z, there]);
        }
        self.texels.resize(rows * WIDTH * 4, 0.0);
        let gl = &self.gl;
        gl.bind_texture(Gl::TEXTURE_2D, Some(&self.places));
        let array = Float32Array::from(self.texels.as_slice());
        // It fails only for views of the wrong type.
        let _ = gl
            .tex_image_2d_with_i32_and_i32_and_i32_and_format_and_type_and_opt_array_buffer_view(
                Gl::TEXTURE_2D,
                0,
                Gl::RGBA32F as i32,
                WIDTH as i32,
                rows as i32,
                0,
                Gl::RGBA,
                Gl::FLOAT,
                Some(&array),
            );
    }

    /// Draws a scene, its nodes in this order.
    pub fn draw(&mut self, scene: &Scene, order: &[u32], dots: f32, ink: [u8; 3]) {
        let mut bytes = Vec::with_capacity(order.len() * NODE_BYTES as usize);
        for index in order {
            let node = scene.nodes()[*index as usize];
            bytes.extend(index.to_le_bytes());
            bytes.extend(node.radius.to_le_bytes());
            bytes.extend(node.colour);
            bytes.extend((if node.marked { 1f32 } else { 0.0 }).to_le_bytes());
        }
        self.nodes
            .fill(&self.gl, &bytes, NODE_BYTES, Gl::STREAM_DRAW);
        let gl = &self.gl;
        let (width, height) = (self.canvas.width(), self.canvas.height());
        gl.viewport(0, 0, width as i32, height as i32);
        gl.clear_color(0.0, 0.0, 0.0, 0.0);
        gl.clear(Gl::COLOR_BUFFER_BIT);
        let matrix = scene.camera.matrix();
        for part in [&self.lines, &self.nodes] {
            gl.use_program(Some(&part.program));
            gl.uniform_matrix4fv_with_f32_array(
                part.matrix.as_ref(),
                false,
                &matrix.to_cols_array(),
            );
            gl.uniform2f(
                part.size.as_ref(),
                width as f32 / dots,
                height as f32 / dots,
            );
        }
        // The program of the nodes is the one in use. Pixels per unit of length at depth 1.
        let unit = scene.camera.pixels_at(1.0);
        gl.uniform1f(self.unit.as_ref(), unit);
        let [red, green, blue] = ink.map(|part| f32::from(part) / 255.0);
        gl.uniform3f(self.ink.as_ref(), red, green, blue);
        gl.use_program(Some(&self.lines.program));
        self.lines.draw(gl);
        gl.use_program(Some(&self.nodes.program));
        self.nodes.draw(gl);
    }
}
