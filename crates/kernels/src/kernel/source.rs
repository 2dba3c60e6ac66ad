//! Shaders without what only people read: a page downloads them as part of the program.

/// How many bytes [`code`] leaves of a file.
pub(crate) const fn code_length(file: &str) -> usize {
    write_code(file, &mut [])
}

/// A shader's code: no `//` comments, no indentation, no empty lines. `LENGTH` is the file's [`code_length`].
pub(crate) const fn code<const LENGTH: usize>(file: &str) -> [u8; LENGTH] {
    let mut code = [b' '; LENGTH];
    write_code(file, &mut code);
    code
}

/// Writes as much as there is room for, and gives the length of the whole.
const fn write_code(file: &str, room: &mut [u8]) -> usize {
    let file = file.as_bytes();
    let mut length = 0;
    let mut at = 0;
    while at < file.len() {
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
}
