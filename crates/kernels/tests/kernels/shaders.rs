//! The shaders themselves: all are listed, have a CPU reference, parse, validate, and bind what the crate says.

use std::collections::BTreeSet;
use std::path::Path;

use kernels::{Access, SHADERS, Shader};
use naga::{AddressSpace, StorageAccess};

fn names(folder: &str, ending: &str) -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter_map(|name| Some(name.strip_suffix(ending)?.to_owned()))
        .collect()
}

#[test]
fn every_shader_is_listed_and_has_a_cpu_reference() {
    let listed: BTreeSet<String> = SHADERS
        .iter()
        .map(|shader| shader.name.to_owned())
        .collect();
    assert_eq!(listed.len(), SHADERS.len());
    assert_eq!(listed, names("../../shaders", ".wgsl"));
    let references = names("src/cpu", ".rs");
    assert!(
        listed.is_subset(&references),
        "{:?}",
        listed.difference(&references)
    );
}

/// Parts are for what several shaders have in common; an import line that names nothing does not compile.
#[test]
fn every_shared_part_is_imported_by_several_shaders() {
    let shaders = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shaders");
    let read = |path: String| {
        std::fs::read_to_string(shaders.join(&path))
            .unwrap_or_else(|error| panic!("{path}: {error}"))
    };
    let parts = names("../../shaders/shared", ".wgsl");
    assert!(!parts.is_empty());
    let mut files: Vec<String> = SHADERS
        .iter()
        .map(|shader| format!("{}.wgsl", shader.name))
        .collect();
    files.extend(parts.iter().map(|part| format!("shared/{part}.wgsl")));
    let texts: Vec<String> = files.into_iter().map(read).collect();
    let imported = |part: &str| {
        let line = format!("// import shared/{part}.wgsl");
        texts
            .iter()
            .filter(|text| text.lines().any(|found| found == line))
            .count()
    };
    for part in &parts {
        // GELU comes with the epilogue of the products.
        let expected = if part == "gelu" { 1 } else { 2 };
        assert!(
            imported(part) >= expected,
            "{part} is imported {} times",
            imported(part)
        );
    }
}

fn validator() -> naga::valid::Validator {
    // The capability is that of `unpack2x16float`, which is core WGSL.
    naga::valid::Validator::new(
        naga::valid::ValidationFlags::all(),
        naga::valid::Capabilities::SHADER_FLOAT16_IN_FLOAT32,
    )
}

#[test]
fn every_shader_validates_and_binds_what_its_kernel_declares() {
    for shader in SHADERS {
        let module = naga::front::wgsl::parse_str(shader.wgsl)
            .unwrap_or_else(|error| panic!("{}", error.emit_to_string(shader.wgsl)));
        validator().validate(&module).unwrap_or_else(|error| {
            panic!("{}: {}", shader.name, error.emit_to_string(shader.wgsl))
        });

        let entry_points: Vec<&str> = module
            .entry_points
            .iter()
            .map(|entry| entry.name.as_str())
            .collect();
        assert_eq!(entry_points, ["main"], "{}", shader.name);
        let mut bound: Vec<(u32, Access)> = module
            .global_variables
            .iter()
            .filter_map(|(_, variable)| {
                let binding = variable.binding?;
                assert_eq!(binding.group, 0, "{}", shader.name);
                let access = match variable.space {
                    AddressSpace::Uniform => Access::Parameters,
                    AddressSpace::Storage { access } if access.contains(StorageAccess::STORE) => {
                        Access::Write
                    }
                    AddressSpace::Storage { .. } => Access::Read,
                    space => panic!("{}: a binding in {space:?}", shader.name),
                };
                Some((binding.binding, access))
            })
            .collect();
        bound.sort_by_key(|(binding, _)| *binding);
        let declared: Vec<(u32, Access)> = (0..).zip(shader.bindings.iter().copied()).collect();
        assert_eq!(bound, declared, "{}", shader.name);
    }
}

/// The module with every `override` at its default.
fn with_default_constants(shader: &Shader) -> naga::Module {
    let module = naga::front::wgsl::parse_str(shader.wgsl)
        .unwrap_or_else(|error| panic!("{}", error.emit_to_string(shader.wgsl)));
    let info = validator()
        .validate(&module)
        .unwrap_or_else(|error| panic!("{}: {}", shader.name, error.emit_to_string(shader.wgsl)));
    naga::back::pipeline_constants::process_overrides(&module, &info, None, &Default::default())
        .unwrap_or_else(|error| panic!("{}: {error}", shader.name))
        .0
        .into_owned()
}

/// What every WebGPU device takes, so that no shader needs more than the default limits.
#[test]
fn every_shader_fits_the_default_limits() {
    let limits = wgpu::Limits::default();
    for shader in SHADERS {
        let module = with_default_constants(shader);
        let mut layouter = naga::proc::Layouter::default();
        layouter
            .update(module.to_ctx())
            .unwrap_or_else(|error| panic!("{}: {error}", shader.name));
        let workgroup_bytes: u32 = module
            .global_variables
            .iter()
            .filter(|(_, variable)| variable.space == AddressSpace::WorkGroup)
            .map(|(_, variable)| layouter[variable.ty].size.next_multiple_of(16))
            .sum();
        assert!(
            workgroup_bytes <= limits.max_compute_workgroup_storage_size,
            "{}: {workgroup_bytes} bytes of workgroup memory",
            shader.name
        );
        let invocations: u32 = module.entry_points[0].workgroup_size.iter().product();
        assert!(
            invocations <= limits.max_compute_invocations_per_workgroup,
            "{}",
            shader.name
        );
        let storage = shader
            .bindings
            .iter()
            .filter(|access| **access != Access::Parameters)
            .count();
        assert!(
            storage <= limits.max_storage_buffers_per_shader_stage as usize,
            "{}",
            shader.name
        );
    }
}
