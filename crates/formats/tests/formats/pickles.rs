//! Pickles that are no dictionaries of tensors: what they would do is never done, and they are refused by it.

use crate::common::torch::pickled;
use crate::common::{read_pt, refused};

#[test]
fn nothing_but_tensors_is_ever_called() {
    let refuse = |pickle: &[u8], culprit: &str| {
        refused(read_pt("test.pt", pickled(pickle)), "bad-file", culprit)
    };
    refuse(
        b"\x80\x02cposix\nsystem\nX\x02\0\0\0ls\x85R.",
        "`posix.system`",
    );
    refuse(
        b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93\x8c\x011\x85R.",
        "`builtins.eval`",
    );
    refuse(b"\x80\x02c__builtin__\ngetattr\n.", "`__builtin__.getattr`");
    refuse(
        b"\x80\x02ctorch._utils\n_rebuild_device_tensor_from_numpy\n.",
        "_rebuild_device_tensor_from_numpy",
    );
    refuse(b"\x80\x02(ios\nsystem\n.", "instruction 0x69");
    refuse(
        b"\x80\x02ccollections\nOrderedDict\nX\x01\0\0\0a\x85R.",
        "calls something",
    );
    refuse(b"\x80\x02ctorch\nFloatStorage\n)R.", "calls something");
    refuse(b"\x80\x02}K\x01b.", "sets the state");
    refuse(b"\x80\x02X\x01\0\0\0aQ.", "outside of it");
    refuse(b"\x80\x02K\x01.", "something else than a dictionary");
    refuse(b"\x80\x02}K\x01K\x02s.", "keys that are not texts");
    refuse(b"\x80\x01.", "protocol 1");
    refuse(b"\x80\x02X\xff\xff\xff\xffa", "truncated");
    refuse(b"\x80\x02", "truncated");
    refuse(b"", "truncated");
    refuse(b"\x80\x02.", "not there");
    refuse(b"\x80\x02t.", "never began");
    refuse(b"\x80\x02}(R.", "not there");
    refuse(b"\x80\x02h\x07.", "slot 7");
    refuse(b"\x80\x02}r\xff\xff\xff\xff.", "slot 4294967295");
    refuse(b"\x80\x02X\x01\0\0\0\xff.", "not UTF-8");
    refuse(b"\x80\x02\x8a\x09123456789.", "64 bits");
}

#[test]
fn deep_nesting_exhausts_no_stack() {
    let mut pickle = b"\x80\x02)".to_vec();
    pickle.extend(std::iter::repeat_n(0x85, 3_000_000));
    pickle.push(b'.');
    refused(
        read_pt("test.pt", pickled(&pickle)),
        "bad-file",
        "something else than a dictionary",
    );
    let mut pickle = b"\x80\x02".to_vec();
    pickle.extend(std::iter::repeat_n(b'(', 3_000_000));
    refused(
        read_pt("test.pt", pickled(&pickle)),
        "bad-file",
        "truncated",
    );
}
