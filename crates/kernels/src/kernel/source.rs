//! Shaders put together from their file and the parts that it imports, without what only people read: a page downloads
//! them as part of the program.
//!
//! A line `// import shared/NAME.wgsl` stands for the code of `shaders/shared/NAME.wgsl`. Parts may import other parts.

macro_rules! shared {
    ($($name:literal)*) => {
        [$(($name, include_str!(concat!("../../../../shaders/shared/", $name, ".wgsl")))),*]
    };
}

/// The parts that shaders import, with their names.
const SHARED: [(&str, &str); 9] = shared![
    "gelu" "levels" "product" "product_tiles" "row_keys" "row_moments" "sum_over_workgroup" "weights" "active"
];

/// Number of bytes that [`code`] leaves of a file.
pub(crate) const fn code_length(file: &str) -> usize {
    write_code(file, &mut [], 0)
}

/// A shader's code with its imports: no `//` comments, no indentation, no empty lines. `LENGTH` is the file's
/// [`code_length`].
pub(crate) const fn code<const LENGTH: usize>(file: &str) -> [u8; LENGTH] {
    let mut code = [b' '; LENGTH];
    write_code(file, &mut code, 0);
    code
}

/// True where `text` has `part` at an offset.
const fn has(text: &[u8], at: usize, part: &[u8]) -> bool {
    let mut i = 0;
    while i < part.len() && at + i < text.len() && text[at + i] == part[i] {
        i += 1;
    }
    i == part.len()
}

/// The part that the line of a file imports, if it is an import. No such part: it does not compile.
const fn import(file: &[u8], at: usize) -> Option<&'static str> {
    const IMPORT: &[u8] = b"// import shared/";
    if !has(file, at, IMPORT) {
        return None;
    }
    let at = at + IMPORT.len();
    let mut i = 0;
    while i < SHARED.len() {
        let (name, part) = SHARED[i];
        if has(file, at, name.as_bytes()) && has(file, at + name.len(), b".wgsl\n") {
            return Some(part);
        }
        i += 1;
    }
    panic!("a shader imports a part that is not in SHARED")
}

/// Writes as much as there is room for from `length` on, and gives the length with it.
const fn write_code(file: &str, room: &mut [u8], mut length: usize) -> usize {
    let file = file.as_bytes();
    let mut at = 0;
    while at < file.len() {
        if let Some(part) = import(file, at) {
            length = write_code(part, room, length);
        }
        // A line, up to its comment; WGSL has no strings in which the two slashes could stand.
        let mut end = at;
        while end < file.len()
            && file[end] != b'\n'
            && !(file[end] == b'/' && end + 1 < file.len() && file[end + 1] == b'/')
        {
            end += 1;
        }
        let mut next = end;
        while next < file.len() && file[next] != b'\n' {
            next += 1;
        }
        while at < end && file[at].is_ascii_whitespace() {
            at += 1;
        }
        while at < end && file[end - 1].is_ascii_whitespace() {
            end -= 1;
        }
        if at < end {
            while at < end {
                if length < room.len() {
                    room[length] = file[at];
                }
                length += 1;
                at += 1;
            }
            if length < room.len() {
                room[length] = b'\n';
            }
            length += 1;
        }
        at = next + 1;
    }
    length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_is_left() {
        const FILE: &str =
            "// A kernel: a = b / c.\n\nfn main() {\r\n    let a = b / c; // a quotient\n\t}\n//";
        const CODE: [u8; code_length(FILE)] = code(FILE);
        assert_eq!(
            std::str::from_utf8(&CODE).unwrap(),
            "fn main() {\nlet a = b / c;\n}\n"
        );
        assert_eq!(code_length(""), 0);
    }

    #[test]
    fn an_import_stands_for_the_code_of_its_part() {
        const FILE: &str = "// A kernel.\n// import shared/gelu.wgsl\n\nfn main() {}\n";
        const CODE: [u8; code_length(FILE)] = code(FILE);
        let gelu = SHARED[0].1;
        let expected = [&code_as_vector(gelu)[..], b"fn main() {}\n"].concat();
        assert_eq!(CODE.as_slice(), expected);
        assert!(gelu.contains("fn gelu_exact") && CODE.starts_with(b"fn gelu_tanh"));
        // A part that imports a part.
        let product = code_as_vector(SHARED[2].1);
        assert!(product.starts_with(&code_as_vector(gelu)));
    }

    fn code_as_vector(file: &str) -> Vec<u8> {
        let mut code = vec![b' '; code_length(file)];
        write_code(file, &mut code, 0);
        code
    }

    #[test]
    #[should_panic(expected = "not in SHARED")]
    fn an_import_of_nothing_is_refused() {
        code_length("// import shared/gelus.wgsl\n");
    }
}
